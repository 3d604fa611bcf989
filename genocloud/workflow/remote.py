"""Files with a URL: when they changed, and receipts whose files are gone.

Snakemake sees neither the age nor the existence of such a file: one that is read enters a rule's parameters with its
time of change, and one that is written is known by its step's receipt.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from genocloud import storage
from genocloud.pipeline.receipts import lost_outputs

REQUESTS_AT_ONCE = 32
"""Files: a bucket answers after some 30 ms, so that 10,000 take 10 s."""

STORES = (("ingest", "cohort"), ("genotype", "callset"))
"""Steps with the setting that names the store they write."""


def local(files: Iterable[str]) -> list[str]:
    """The files on this machine, whose age Snakemake can see."""
    return [file for file in files if "://" not in file]


def remote(files: Iterable[str]) -> list[str]:
    """The files with a URL."""
    return [file for file in files if "://" in file]


@cache
def _modified(url: str) -> float:
    folder, name = storage.split(url)
    return storage.open_store(folder).modified(name)


def modified_times(files: Iterable[str]) -> list[float]:
    """When the files with a URL changed, seconds since the epoch, requested in parallel. Raises StoreError."""
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return list(pool.map(_modified, remote(files)))


def content_digest(files: Sequence[str]) -> str:
    """A text that changes when one of the files with a URL does."""
    pairs = [*zip(remote(files), modified_times(files), strict=True)]
    return hashlib.sha256(repr(pairs).encode()).hexdigest()[:16]


def content_parameter(files: Callable[[Any], Sequence[str]]) -> dict[str, Callable[[Any], str]]:
    """A rule's parameter `content` for the files that it reads, by its wildcards."""
    return {"content": lambda wildcards: content_digest(files(wildcards))}


def lost_files(settings: Mapping[str, Any], outputs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """URLs by receipt: stores without a version, and outputs (files by step) that are gone or changed since."""
    lost = {receipt_of(step): _lost_store(step, settings[store]) for step, store in STORES}
    return lost | {receipt_of(step): lost_outputs(receipt_of(step), remote(files)) for step, files in outputs.items()}


def receipt_of(step: str) -> str:
    """The receipt of a step's last job."""
    return f"results/{step}/{step}.json"


def _lost_store(step: str, url: str) -> list[str]:
    has_receipt = Path(receipt_of(step)).exists()
    return [url] if has_receipt and not storage.open_store(url).list("manifest/") else []
