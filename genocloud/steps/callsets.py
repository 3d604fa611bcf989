"""The callsets that were made from a cohort, as the cohort knows them: where somebody's genotypes may be."""

import hashlib
import json

from genocloud import objects

FOLDER = "callsets"


def register(cohort_url: str, callset_url: str, site: str = "") -> None:
    """Note in the cohort that a callset is being made from it; a URL that is known stays.

    `site`: of another site that the callset lies at, where the same URL may mean something else than here.
    """
    store = objects.open_store(cohort_url)
    told = {"callset": callset_url} | ({"site": site} if site else {})
    name = f"{FOLDER}/{hashlib.sha256(''.join(told.values()).encode()).hexdigest()[:20]}.json"
    if not store.exists(name):
        store.write(name, json.dumps(told).encode())


def registered(store: objects.Store) -> list[str]:
    """The URLs of a cohort's callsets, those that have been moved or deleted since included."""
    return [told["callset"] for told in _told(store) if "site" not in told]


def registered_elsewhere(store: objects.Store) -> list[str]:
    """The callsets of other sites that name the cohort's samples, as `URL (at SITE)`: not to be opened from here."""
    return [f"{told['callset']} (at {told['site']})" for told in _told(store) if "site" in told]


def _told(store: objects.Store) -> list[dict[str, str]]:
    return [json.loads(store.read(name)) for name in store.list(f"{FOLDER}/")]
