"""Describe a cohort, a callset, a batch or a file in a few lines."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import pyarrow as pa

from genocloud import gvcf, json_digest, sealing, storage
from genocloud.callset import Callset, read_filters
from genocloud.cohort import BatchReceipt, Cohort
from genocloud.errors import InputError, StoreError, UnreadableFile, first_of
from genocloud.pipeline.receipts import DamagedReceipt
from genocloud.report.stages import kept_of

HEAD_BYTES = 4


def describe_callset(callset: Callset) -> dict[str, str]:
    """Counts, locations, software, model and filters. Raises DamagedFile."""
    settings = ", ".join(f"{name} {value}" for name, value in callset.description.model.items())
    counts = {name: f"{count:,}" for name, count in callset.counts.items()}
    members = {
        f"at {place.site}": f"genotypes of {callset.count_samples(batches):,} samples: {place.url} ({place.policy})"
        for place, batches in callset.description.elsewhere.items()
    }
    made = {"made by": callset.description.software, "model": settings, "filters": _filter_names(callset)}
    return {"callset": callset.url, **counts, **members, **made}


def _filter_names(callset: Callset) -> str:
    filters = read_filters(callset.store)
    if filters is None:
        return "none"
    names = ", ".join(line.name for line in filters.lines)
    return names if filters.fits(callset.shards) else f"{names}; of an earlier state: run genocloud filter again"


def describe_cohort(cohort: Cohort) -> dict[str, str]:
    """Version, counts, and how the genome is cut."""
    names = [part.name for part in cohort.layout.parts()]
    return {
        "cohort": cohort.url,
        "version": str(cohort.version),
        "samples": f"{len(cohort.samples):,}",
        "batches": f"{len(cohort.batches):,}",
        "contigs": f"{len(cohort.contigs):,}",
        "parts": ", ".join(names),
        "window": f"{cohort.layout.window_bp:,} bp",
    }


def describe_batch(receipt: BatchReceipt) -> dict[str, str]:
    """Samples, records and objects."""
    return {
        "batch": receipt.id,
        "samples": f"{len(receipt.samples):,} ({first_of(receipt.samples)})",
        "records": f"{receipt.read:,} read",
        **{kind: f"{count:,} stored" for kind, count in receipt.stored.items()},
        **{reason: f"{count:,} dropped" for reason, count in receipt.dropped.items()},
        "objects": f"{len(receipt.parts):,}, {sum(part.bytes for part in receipt.parts):,} bytes",
    }


def describe_file(url: str) -> dict[str, str]:
    """What a Parquet table, a receipt, or a VCF or gVCF says of itself. Raises StoreError or InputError."""
    storage.refuse_pipe(url)
    try:
        with storage.open_file(url) as file:
            head = file.read(HEAD_BYTES)
            if head == b"PAR1":
                return _table(url, file)
            text = head + file.read() if head[:1] in (b"{", b"[") else b""
    except UnreadableFile as error:
        raise StoreError(
            f"{url}: neither a cohort, a callset nor a file that can be read is here ({error.problem}); check the URL"
        ) from error
    return _json(url, text) if text else _gvcf(url)


def _table(url: str, file: BinaryIO) -> dict[str, str]:
    try:
        footer = sealing.reader(file).metadata
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{url}: a damaged Parquet table ({error}); restore it, or make it again") from error
    names = footer.schema.to_arrow_schema().names
    return {
        "Parquet table": url,
        "rows": f"{footer.num_rows:,}",
        "row groups": f"{footer.num_row_groups:,}",
        "columns": ", ".join(names),
    }


def _json(url: str, text: bytes) -> dict[str, str]:
    """A step's receipt."""
    try:
        json.loads(text)["step"]
        values = json_digest.open_json(text)
        facts = {"receipt": url, "step": values["step"], "made by": f"genocloud {values['version']}"}
        facts |= {name: _plain(value) for name, value in values["figures"].items()}
        cost = f"{values['seconds']:,.1f} s, {values['cpu_seconds']:,.1f} core s, {values['peak_memory_bytes']:,} bytes"
        return facts | _balance(values["balance"]) | {"cost": cost}
    except json_digest.BadDigest as error:
        raise DamagedReceipt(url, str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{url}: JSON, but no receipt of genocloud ({error!r}); give a receipt or a store") from error


def _balance(balance: Mapping[str, Any]) -> dict[str, str]:
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in balance.get("dropped", {}).items()) or "none"
    if not balance:
        return {}
    return {str(balance["unit"]): f"{balance['taken']:,} taken, {kept_of(balance):,} kept, dropped: {dropped}"}


def _plain(value: Any) -> str:
    return (
        f"{value:,}"
        if isinstance(value, (int, float))
        else json.dumps(value)
        if isinstance(value, (dict, list))
        else str(value)
    )


def _gvcf(url: str) -> dict[str, str]:
    header = gvcf.read_header(url)
    return {
        "VCF or gVCF": url,
        "dialect": header.caller,
        "symbolic allele": header.symbolic or "none",
        "samples": f"{len(header.samples):,} ({first_of(header.samples)})",
        "contigs": f"{len(header.contigs):,} ({first_of([contig.name for contig in header.contigs])})",
        "index": _index(url) or "none",
    }


def _index(url: str) -> str | None:
    folder, name = storage.split(url)
    store = storage.open_store(folder)
    return next((f"{name}{end}" for end in (".tbi", ".csi") if store.exists(f"{name}{end}")), None)
