"""Export a callset as VCF or BCF: each shard as a part beside the output, then the parts concatenated."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from genocloud import schema
from genocloud.callset import manifest
from genocloud.callset.export_parts import Counts, ExportPart, Piece, find_part, join_parts, write_part
from genocloud.callset.format_fields import ALL_FIELDS, FormatFields
from genocloud.callset.formats import check_export_url, form_of
from genocloud.callset.layout import ShardEntry
from genocloud.callset.reading import Callset
from genocloud.callset.record_form import EVERY_RECORD, RecordForm
from genocloud.callset.record_pieces import stored_pieces
from genocloud.callset.record_stretches import record_places
from genocloud.errors import StoreError
from genocloud.regions import Extent, Region, region_text
from genocloud.storage import open_store

_DELETED_AT_ONCE = 16
"""A bucket takes some 30 ms to delete an object, and a callset has thousands of shards."""


class ShortCallset(StoreError):
    """A callset whose files hold less, or more, than its manifest says."""

    def __init__(self, url: str, manifest_sites: int, file_sites: int) -> None:
        self.url, self.manifest_sites, self.file_sites = url, manifest_sites, file_sites
        super().__init__(
            f"{url}: {file_sites:,} sites in the files, {manifest_sites:,} in the manifest; run genotype again"
        )


def write_vcf(
    callset: Callset,
    url: str,
    threads: int = 1,
    regions: Sequence[Region] | None = None,
    *,
    fields: FormatFields = ALL_FIELDS,
    records: RecordForm = EVERY_RECORD,
) -> Counts:
    """Write the callset as BGZF-compressed VCF, or BCF, at `url`, and its index beside it; return the totals.

    The format follows from the suffix. `regions` (sorted, disjoint): only records whose POS lies there. `fields`: what
    FORMAT has. `records`: which there are. Raises what check_export_url, RecordForm.check, export_shard and join_shards
    raise.
    """
    check_export_url(url, fields)
    shards = shards_in(callset, regions)
    if records.aligned_to:
        shards = join_crossed(callset, shards, [record_places(shard, regions, records) for shard in shards])
    parts = [export_shard(cut, url, regions, threads, fields=fields, records=records) for cut in shards]
    return join_shards(callset, parts, url, regions, fields=fields, records=records)


def shards_in(callset: Callset, regions: Sequence[Region] | None) -> list[Callset]:
    """Callsets of one shard each, for the non-empty shards that overlap `regions`; small to send to a worker."""
    shards = [shard for shard in callset.shards if shard.sites.rows and _touches(shard.extent, regions)]
    return [callset.of_shard(shard) for shard in shards]


def join_crossed(
    callset: Callset, shards: Sequence[Callset], places: Sequence[tuple[int, int] | None]
) -> list[Callset]:
    """Callsets of one shard, or of neighbours where a record passes the edge between them; `places`: record_places.

    So a shard's first record may move before the last one of the shard before it: both shards are one part then.
    """
    joined: list[tuple[list[ShardEntry], int, int]] = []
    for shard, place in zip(shards, places, strict=True):
        if place is None:
            continue
        entries, (least, greatest) = list(shard.shards), place
        while joined and joined[-1][2] > least:
            before, first, last = joined.pop()
            entries, least, greatest = before + entries, min(first, least), max(last, greatest)
        joined.append((entries, least, greatest))
    return [callset.of_shards(entries) for entries, *_ in joined]


def _touches(own: Extent, regions: Sequence[Region] | None) -> bool:
    return regions is None or bool(own.met_by(regions))


def export_shard(
    callset: Callset,
    url: str,
    regions: Sequence[Region] | None,
    threads: int,
    on_bytes: Callable[[int], None] = lambda _: None,
    *,
    fields: FormatFields = ALL_FIELDS,
    records: RecordForm = EVERY_RECORD,
) -> ExportPart:
    """Render a callset of one shard, or of a few, into a part beside `url`, or reuse what a killed run has left there.

    `on_bytes` is called with each piece's bytes of text. Raises DamagedFile where a table is not as it was written,
    ReferenceDiffers.
    """
    fields = fields.of(callset.description.fields)
    form, store = form_of(url).having(fields, callset.filter_lines), open_store(parts_url(url))
    records.check(form.fields)
    settings = form.suffix, asdict(form.fields), records.settings
    name, key = callset.shards[0].name, "+".join(_shard_keys(callset, regions, *settings))
    if (existing := find_part(store, name, key)) is not None:
        return existing

    def pieces() -> Iterator[Piece]:
        for piece in stored_pieces(form, callset, regions, threads, records=records):
            on_bytes(piece.counts.text_bytes)
            yield piece

    return write_part(store, name, key, callset.contigs, pieces(), extra={})


def _shard_keys(callset: Callset, regions: Sequence[Region] | None, *form: Any) -> Iterator[str]:
    for shard in callset.shards:
        inside = None if regions is None else shard.extent.met_by(regions)
        yield part_key(callset, shard, inside, *form)


def part_key(callset: Callset, shard: ShardEntry, regions: Sequence[Region] | None, *form: Any) -> str:
    """Digest of everything that determines a part's bytes; `form`: what the exported file is, as JSON values."""
    whole = hashlib.sha256(manifest.encode(callset.description, ())).hexdigest()
    inside = None if regions is None else [region_text(region, callset.contigs) for region in regions]
    filters = callset.filter_set and [callset.filter_set.lines, callset.filter_set.files[shard.name].as_json()]
    revision = callset.revision and callset.revision.settings
    values = [schema.VERSION, whole, shard.as_json(), inside, *form, filters, revision]
    values.append(callset.recounted)
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def parts_url(url: str) -> str:
    """The folder beside an exported file that holds its parts until it is finished."""
    return f"{url}.parts"


def join_shards(
    callset: Callset,
    parts: Sequence[ExportPart],
    url: str,
    regions: Sequence[Region] | None,
    *,
    fields: FormatFields = ALL_FIELDS,
    records: RecordForm = EVERY_RECORD,
) -> Counts:
    """Concatenate all shards' parts into one file and remove them; return the totals.

    Raises ShortCallset, and what join_parts raises.

    ShortCallset: the parts of a whole callset are not what its manifest says.
    """
    total, fields = sum((part.counts for part in parts), Counts()), fields.of(callset.description.fields)
    said, written = callset.counts, callset.description
    if regions is None and total.sites != said["sites"]:
        remove_parts(url)
        raise ShortCallset(callset.url, said["sites"], total.sites)
    if records.sites_only:
        written = replace(written, samples=(), batches={})
    join_parts(parts_url(url), parts, written, url, fields, filters=callset.filter_lines)
    remove_parts(url)
    return total


def remove_parts(url: str) -> None:
    """Remove the parts of an exported file, what killed writers have left there, and a local folder."""
    folder = parts_url(url)
    store = open_store(folder)
    with ThreadPoolExecutor(_DELETED_AT_ONCE) as pool:
        list(pool.map(store.delete, store.list()))
    store.sweep(0)
    if "://" not in folder:
        with suppress(OSError):
            Path(folder).rmdir()
