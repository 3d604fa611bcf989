"""The callsets that were made from a cohort, as the cohort knows them: where somebody's genotypes may be."""

import hashlib
import json
from typing import Any

from genocloud import json_digest, storage
from genocloud.errors import StoreError

FOLDER = "callsets"


class DamagedEntry(StoreError):
    """An entry of a cohort's registry of callsets that cannot be read, so that nobody knows which callset it names."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(
            f"{url}: this entry of the registry of callsets is damaged ({problem}); restore it, or delete it and, "
            "when somebody is erased, name the callset that was made from this cohort (--callsets)"
        )


def register(cohort_url: str, callset_url: str, site: str = "") -> None:
    """Note in the cohort that a callset is being made from it; a URL that is known stays.

    `site`: of another site that the callset lies at, where the same URL may mean something else than here.
    """
    store = storage.open_store(cohort_url)
    told = {"callset": callset_url} | ({"site": site} if site else {})
    name = f"{FOLDER}/{hashlib.sha256(''.join(told.values()).encode()).hexdigest()[:20]}.json"
    if not store.exists(name):
        store.write(name, json.dumps(json_digest.sealed_json(told)).encode())


def registered(store: storage.Store) -> list[str]:
    """The URLs of a cohort's callsets, those that have been moved or deleted since included."""
    return [entry["callset"] for entry in entries(store) if "site" not in entry]


def registered_elsewhere(store: storage.Store) -> list[str]:
    """The callsets of other sites that name the cohort's samples, as `URL (at SITE)`: not to be opened from here."""
    return [f"{entry['callset']} (at {entry['site']})" for entry in entries(store) if "site" in entry]


def entries(store: storage.Store) -> list[dict[str, Any]]:
    """All of a cohort's registry of callsets. Raises DamagedEntry."""
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
