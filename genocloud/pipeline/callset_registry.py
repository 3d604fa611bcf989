"""The registry of callsets made from a cohort, kept in the cohort: where erase looks for a sample's genotypes."""

import hashlib
import json
from typing import Any

from genocloud import json_digest, storage
from genocloud.errors import StoreError

FOLDER = "callsets"


class DamagedEntry(StoreError):
    """An entry of the registry that cannot be read, so that the callset it names is unknown."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(
            f"{url}: this entry of the registry of callsets is damaged ({problem}); restore it, or delete it and, "
            "when a sample is erased, name the callset that was made from this cohort (--callsets)"
        )


def register(cohort_url: str, callset_url: str, site: str = "") -> None:
    """Enter a callset that is being made from the cohort; an entry that is there already stays.

    `site`: the location that the callset lies at, if it is another one, where the same URL may mean something else.
    """
    store = storage.open_store(cohort_url)
    entry = {"callset": callset_url} | ({"site": site} if site else {})
    name = f"{FOLDER}/{hashlib.sha256(''.join(entry.values()).encode()).hexdigest()[:20]}.json"
    if not store.exists(name):
        store.write(name, json.dumps(json_digest.sealed_json(entry)).encode())


def registered(store: storage.Store) -> list[str]:
    """The URLs of a cohort's callsets, including those moved or deleted since."""
    return [entry["callset"] for entry in entries(store) if "site" not in entry]


def registered_elsewhere(store: storage.Store) -> list[str]:
    """Callsets at other locations with samples of the cohort, as `URL (at SITE)`; they are out of reach from here."""
    return [f"{entry['callset']} (at {entry['site']})" for entry in entries(store) if "site" in entry]


def entries(store: storage.Store) -> list[dict[str, Any]]:
    """All entries of a cohort's registry. Raises DamagedEntry."""
    return [read_entry(store, name) for name in store.list(f"{FOLDER}/")]


def read_entry(store: storage.Store, name: str) -> dict[str, Any]:
    """One entry of the registry, by its object's name. Raises DamagedEntry."""
    try:
        fields = json_digest.open_json(store.read(name))
        if not isinstance(fields["callset"], str) or fields.keys() - {"callset", "site"}:
            raise ValueError("it has other keys or values than such an entry")
        return fields
    except (ValueError, KeyError, RecursionError) as error:
        raise DamagedEntry(storage.join(store.url, name), str(error)) from error
