"""Bytes under URLs: named objects in a folder, in a bucket or in memory, whole or not at all."""

from genocloud.objects.opening import open_file, open_store
from genocloud.objects.store import ObjectExists, ObjectMissing, Store, StoreFailed, UnknownScheme
from genocloud.objects.urls import join, split

__all__ = [
    "ObjectExists",
    "ObjectMissing",
    "Store",
    "StoreFailed",
    "UnknownScheme",
    "join",
    "open_file",
    "open_store",
    "split",
]
