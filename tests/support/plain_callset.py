"""Callsets of versions 6 and 7, as genocloud wrote them before columns were packed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from genocloud.callset import manifest, packing


@contextmanager
def plain_columns(version: int = manifest.PLAIN_VERSION) -> Iterator[None]:
    """What is written meanwhile has all columns as they are, and in the manifest the names of each batch's samples."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packing, "SOURCES", {})
        patched.setattr(manifest, "VERSION", version)
        patched.setattr(manifest, "_batches_as_json", lambda description: dict(sorted(description.batches.items())))
        yield
