"""Cohorts as an earlier genocloud wrote them."""

import json
from collections.abc import Callable
from typing import Any

from genocloud import json_digest
from genocloud.cohort.batch import receipt_name, seal_of
from genocloud.storage import Store

FIRST = "manifest/00000001.json"


def rewrite_as(store: Store, version: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite a cohort of one version as one of an earlier schema version, each receipt's fields after a `change`."""
    fields = json_digest.open_json(store.read(FIRST))
    for batch in fields["batches"]:
        receipt = json_digest.open_json(store.read(receipt_name(batch["id"])))
        change(receipt)
        store.write(receipt_name(batch["id"]), json.dumps(json_digest.sealed_json(receipt), sort_keys=True).encode())
        batch["receipt"] = seal_of(store.read(receipt_name(batch["id"])))
    for name in (*store.list("manifest/"), *store.list("published/")):
        store.delete(name)
    store.write(FIRST, json.dumps(json_digest.sealed_json(fields | {"schema": version})).encode())


def without_places(receipt: dict[str, Any]) -> None:
    """A receipt as of schema versions 3 to 5, which had no places of row groups."""
    for part in receipt["parts"]:
        del part["group_starts"], part["group_stops"]
