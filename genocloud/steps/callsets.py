"""The callsets that were made from a cohort, as the cohort knows them: where somebody's genotypes may be."""

import hashlib
import json

from genocloud import objects

FOLDER = "callsets"


def register(cohort_url: str, callset_url: str) -> None:
    """Note in the cohort that a callset is being made from it; a URL that is known stays."""
    store = objects.open_store(cohort_url)
    name = f"{FOLDER}/{hashlib.sha256(callset_url.encode()).hexdigest()[:20]}.json"
    if not store.exists(name):
        store.write(name, json.dumps({"callset": callset_url}).encode())


def registered(store: objects.Store) -> list[str]:
    """The URLs of a cohort's callsets, those that have been moved or deleted since included."""
    return [json.loads(store.read(name))["callset"] for name in store.list(f"{FOLDER}/")]
