"""What may leave a site: the least policy that lets each kind of table cross, and the policy that its store holds."""

import json
from typing import Any

import pyarrow as pa

from genocloud import objects
from genocloud.errors import GenocloudError, SettingError
from genocloud.locations.parcels import Parcel, pack

STAYS, SUMMARIES, MAY_LEAVE = "stays", "summaries", "may_leave"
POLICIES = (STAYS, SUMMARIES, MAY_LEAVE)
"""From the strictest on; each lets cross what those before it do."""

LEAST = {
    "people": STAYS,
    "local": STAYS,
    "spans": STAYS,
    "covered": STAYS,
    "starts": STAYS,
    "answers": STAYS,
    "shares": STAYS,
    "allele shares": STAYS,
    "squares": STAYS,
    "totals": STAYS,
    "summary": SUMMARIES,
    "genotypes": MAY_LEAVE,
}
"""The least policy under which a site hands out each kind of parcel; what is not here leaves no site."""

NAME = "policy.json"


class Withheld(SettingError):
    """A table that a site's policy does not let out."""

    def __init__(self, url: str, kind: str, policy: str) -> None:
        self.url, self.kind, self.policy = url, kind, policy
        least = LEAST.get(kind)
        remedy = f"that takes the policy {least}" if least else "no policy lets it out"
        super().__init__(f"{url}: its policy is {policy}, under which {kind} does not leave the site; {remedy}")


class OtherPolicy(SettingError):
    """A site whose own store holds another policy than the config."""

    def __init__(self, url: str, held: str, asked: str) -> None:
        self.url, self.held, self.asked = url, held, asked
        super().__init__(
            f"{url}: the site's own policy is {held}, the config says {asked}; correct the config, or have those who "
            f"answer for the site write the other one into {objects.join(url, NAME)}"
        )


class OtherSite(SettingError):
    """A store that is another site's."""

    def __init__(self, url: str, held: str, asked: str) -> None:
        self.url, self.held, self.asked = url, held, asked
        super().__init__(
            f"{url}: the store of the site {held}, which the config gives to {asked}; give each site a store of its own"
        )


def allows(policy: str, kind: str) -> bool:
    """Whether a policy lets a kind of parcel cross."""
    return kind in LEAST and POLICIES.index(policy) >= POLICIES.index(LEAST[kind])


def hold_policy(store_url: str, site: str, asked: str) -> None:
    """Write a site's name and policy into its store when it is first used; afterwards hold the config to them.

    Raises OtherPolicy, or OtherSite for a store that two names of a config lead to.
    """
    store = objects.open_store(store_url)
    try:
        store.create(NAME, (json.dumps({"site": site, "policy": asked}) + "\n").encode())
    except objects.ObjectExists:
        values = _values(store)
        if values.get("site", site) != site:
            raise OtherSite(store.url, str(values["site"]), site) from None
        if _held(store) != asked:
            raise OtherPolicy(store.url, _held(store), asked) from None


def policy_of(store_url: str) -> str:
    """The policy that a site's own store holds; what cannot be read is the strictest."""
    try:
        return _held(objects.open_store(store_url))
    except GenocloudError:
        return STAYS


def _held(store: objects.Store) -> str:
    """The policy that the store holds; what cannot be read is the strictest."""
    held = _values(store).get("policy")
    return held if held in POLICIES else STAYS


def _values(store: objects.Store) -> dict[str, Any]:
    """What the store says of its site; nothing where that cannot be read."""
    try:
        values = json.loads(store.read(NAME))
    except (objects.ObjectMissing, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def released(store_url: str, kind: str, table: pa.Table, home: bool = False) -> Parcel:
    """A table packed to be handed out, if the policy in the site's store lets it. Raises Withheld.

    home  whether who asked is at the site itself
    """
    store = objects.open_store(store_url)
    policy = _held(store)
    if not home and not allows(policy, kind):
        raise Withheld(store.url, kind, policy)
    return pack(kind, table)
