"""A location's policy file: the stores and files that its workers serve, what may leave, and who signed it off.

Its own workers are the authority: `genocloud workers --policy FILE` starts them with it, and they refuse what it does
not cover. It is read at the site, from where GENOCLOUD_POLICY says; nothing that a coordinator sends can change that.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from genocloud.errors import SettingError
from genocloud.storage import join
from genocloud.storage.local import local_path
from genocloud.storage.urls import is_local, scheme
from genocloud.yaml_schema import first_mistake, read_schema
from genocloud.yaml_text import load_yaml

VARIABLE = "GENOCLOUD_POLICY"
"""In the environment of a site's workers: the path of its policy file, or of a folder with one file for each site."""

STAYS, SUMMARIES, MAY_LEAVE = "stays", "summaries", "may_leave"
POLICIES = (STAYS, SUMMARIES, MAY_LEAVE)
"""From the strictest on; each lets cross what those before it do."""


class BadPolicyFile(SettingError):
    """A policy file that cannot be obeyed; `place` is the key, `problem` what is wrong there."""

    def __init__(self, path: str, place: str, problem: str, remedy: str) -> None:
        self.path, self.place, self.problem, self.remedy = path, place, problem, remedy
        super().__init__(": ".join(filter(None, [path, place, f"{problem}; {remedy}"])))


class NoPolicy(SettingError):
    """A site whose workers have no policy file: they serve no run over several sites."""

    def __init__(self, store: str) -> None:
        self.store = store
        super().__init__(
            f"{store}: the workers here have no policy file, and hand nothing out; those who answer for the site write "
            f"one and start them with genocloud workers --policy FILE (workers that the coordinator's command starts "
            f"itself read what {VARIABLE} names in its environment)"
        )


class NotCovered(SettingError):
    """A store or file that lies outside of what a site's policy allows; whether it exists is not looked at."""

    def __init__(self, site: str, what: str, url: str) -> None:
        self.site, self.what, self.url = site, what, url
        where = f"site {site}" if site else "the site"
        super().__init__(
            f"{url}: {where}'s policy file does not cover this {what}; correct the path, or have those who answer for "
            f"the site add it there and start the workers again"
        )


class OtherPolicy(SettingError):
    """A site whose policy file says another policy than the config."""

    def __init__(self, site: str, path: str, decided: str, configured: str) -> None:
        self.site, self.path, self.decided, self.configured = site, path, decided, configured
        super().__init__(
            f"site {site}: the site's own policy is {decided} ({path}), the config says {configured}; correct the "
            "config, or have those who answer for the site sign the other one off"
        )


class OtherSite(SettingError):
    """A store that is another site's."""

    def __init__(self, url: str, owner: str, configured: str, by: str = "the config") -> None:
        self.url, self.owner, self.configured = url, owner, configured
        super().__init__(
            f"{url}: the store of the site {owner}, which {by} gives to {configured}; give each site a store of its own"
        )


class NotCoordinator(SettingError):
    """A site that the config takes for the coordinator's own, and whose policy file does not."""

    def __init__(self, site: str, path: str) -> None:
        self.site, self.path = site, path
        super().__init__(
            f"site {site}: the config says that runs are coordinated here, the site's policy file ({path}) does not; "
            "correct the config's `coordinator`, or have `coordinates: true` signed off there"
        )


@dataclass(frozen=True, kw_only=True)
class SitePolicy:
    """What those who answer for a site have signed off.

    path       of its file
    stores     URLs below which its cohorts and callsets may lie; `inputs`: its gVCFs and references
    policy     what may leave it; `minimum_people` and `register` count under `stays`
    gnomad_table  whether gnomAD's table may be made of its people, too; `labels`: of the table by which it groups them,
                  None: they are in no group
    coordinates   whether runs may be coordinated at the site itself: then errors are said in full
    """

    path: str
    site: str
    signed_off: str
    stores: tuple[str, ...]
    inputs: tuple[str, ...]
    policy: str
    minimum_people: int
    register: str
    gnomad_table: bool
    labels: str | None
    coordinates: bool

    @property
    def counts_people(self) -> bool:
        """Whether only sums leave it, so that the number of people decides what these tell of one."""
        return self.policy == STAYS

    def __str__(self) -> str:
        """In one line, for whoever plans or starts a run."""
        least = f", of at least {self.minimum_people:,} people" if self.counts_people else ""
        return f"site {self.site}: {self.policy}{least}; decided by {self.path}, signed off by {self.signed_off}"

    def check_input(self, what: str, url: str) -> None:
        """Raise NotCovered for a file outside of the site's inputs and stores, before anything looks at it."""
        if not is_below(url, (*self.inputs, *self.stores)):
            raise NotCovered(self.site, what, url)

    def check(self, site: str, store: str, policy: str, is_coordinator: bool) -> None:
        """Hold what a config says of the site to this. Raises OtherSite, OtherPolicy or NotCoordinator."""
        if site != self.site:
            raise OtherSite(store, self.site, site)
        if policy != self.policy:
            raise OtherPolicy(site, self.path, self.policy, policy)
        if is_coordinator and not self.coordinates:
            raise NotCoordinator(site, self.path)


def policy_for(store_url: str) -> SitePolicy:
    """The policy that decides about a store, by the files that this process was started with.

    Each check asks again, on purpose: a policy that a task brought along would be the coordinator's word.
    Raises NoPolicy, NotCovered, BadPolicyFile, or OtherSite where two of the files cover it.
    """
    policies = policies_of(os.environ.get(VARIABLE, ""))
    if not policies:
        raise NoPolicy(store_url)
    covering = [policy for policy in policies if is_below(store_url, policy.stores)]
    if not covering or any(policy.register and is_below(store_url, [policy.register]) for policy in covering):
        raise NotCovered(policies[0].site if len(policies) == 1 else "", "store", store_url)
    if len(covering) > 1:
        raise OtherSite(store_url, covering[0].site, covering[1].site, covering[1].path)
    return covering[0]


def policies_of(place: str) -> tuple[SitePolicy, ...]:
    """The policies at a path of a file or of a folder of them; none where the path is empty. Raises BadPolicyFile."""
    if not place:
        return ()
    path = Path(place).absolute()
    paths = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not paths:
        raise BadPolicyFile(str(path), "", "no policy file (*.yaml) lies in this folder", "put the site's there")
    return tuple(read_policy(str(each)) for each in paths)


@lru_cache(maxsize=64)
def read_policy(path: str) -> SitePolicy:
    """A policy file (YAML), as it was when this process first read it. Raises BadPolicyFile."""
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is no text"
        raise BadPolicyFile(path, "", f"cannot be read ({problem})", "check the path and its permissions") from error
    try:
        values = load_yaml(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise BadPolicyFile(path, "", f"not YAML ({problem})", "write it as `key: value` lines") from error
    return policy_of_values(path, values)


def policy_of_values(path: str, entries: Any) -> SitePolicy:
    """A policy from the values in its file. Raises BadPolicyFile."""
    schema = read_schema(Path(__file__).with_name("policy.schema.yaml"))
    if mistake := first_mistake(entries, schema, "see profiles/hybrid/policy.yaml"):
        raise BadPolicyFile(path, mistake.place, mistake.problem, mistake.remedy)
    values: Mapping[str, Any] = {key: each.get("default") for key, each in schema["properties"].items()} | entries
    for key in ("stores", "inputs", "register", "labels"):
        _check_full(path, key, [values[key]] if key in ("register", "labels") else values[key])
    if values["policy"] == STAYS and not values["register"]:
        remedy = "under `stays` say in which folder the site keeps account of whom it answered for"
        raise BadPolicyFile(path, "register", "is missing", remedy)
    return SitePolicy(
        path=path,
        site=values["site"],
        signed_off=values["signed_off"],
        stores=tuple(url.rstrip("/") or "/" for url in values["stores"]),
        inputs=tuple(url.rstrip("/") or "/" for url in values["inputs"]),
        policy=values["policy"],
        minimum_people=values["minimum_people"],
        register=values["register"] and values["register"].rstrip("/"),
        gnomad_table=values["gnomad_table"],
        labels=values["labels"],
        coordinates=values["coordinates"],
    )


def _check_full(path: str, key: str, urls: Sequence[str | None]) -> None:
    for url in urls:
        if url and not _place(url):
            raise BadPolicyFile(path, key, f"{url!r} is no full path", "give it from / on, or as a URL")


def is_below(url: str, roots: Sequence[str]) -> bool:
    """Whether a path or URL is one of some roots or lies below one, links followed; nothing is read of it."""
    place = _place(url)
    return bool(place) and any(_covers(_place(root), place) for root in roots)


def _covers(root: str, place: str) -> bool:
    return bool(root) and (place == root or place.startswith(join(root, "")))


def _place(url: str) -> str:
    """Where a path or URL leads to in the end, to be compared; empty where its text does not say."""
    kind = scheme(url)
    if is_local(url):
        if not kind and not url.startswith("/"):
            return ""
        return os.path.realpath(local_path(url))
    parts = url.removeprefix(f"{kind}://").rstrip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or any(letter in url for letter in "?#%\\"):
        return ""
    return f"{kind}://{'/'.join(parts)}"
