"""Export of a callset as VCF or BCF: each shard as a part beside the output, then the parts as one file."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from genocloud import schema
from genocloud.callset import manifest
from genocloud.callset.export_parts import Counts, Part, Piece, find_part, join_parts, write_part
from genocloud.callset.formats import check_vcf_url, form_of
from genocloud.callset.layout import ShardEntry
from genocloud.callset.reading import Callset
from genocloud.callset.record_pieces import stored_pieces
from genocloud.errors import StoreError
from genocloud.regions import Extent, Region, region_text
from genocloud.storage import open_store

_DELETED_AT_ONCE = 16
"""A bucket takes some 30 ms to delete an object, and a callset has thousands of shards."""


class ShortCallset(StoreError):
    """A callset whose files hold less, or more, than its manifest says."""

    def __init__(self, url: str, said: int, found: int) -> None:
        self.url, self.said, self.found = url, said, found
        super().__init__(f"{url}: {found:,} sites in the files, {said:,} in the manifest; run genotype again")


def write_vcf(callset: Callset, url: str, threads: int = 1, regions: Sequence[Region] | None = None) -> Counts:
    """Write the callset as BGZF-compressed VCF, or BCF, at `url`, and its index beside it.

    The kind follows from the name. `regions` (sorted, apart): those records alone whose POS lies there. Returns the
    totals; raises what check_vcf_url, export_shard and join_shards raise.
    """
    check_vcf_url(url)
    parts = [export_shard(cut, url, regions, threads) for cut in shards_in(callset, regions)]
    return join_shards(callset, parts, url, regions)


def shards_in(callset: Callset, regions: Sequence[Region] | None) -> list[Callset]:
    """Callsets of one shard each, for the shards with sites that touch `regions`; small to hand to a worker."""
    shards = [shard for shard in callset.shards if shard.sites.rows and _touches(shard.extent, regions)]
    return [replace(callset, shards=(shard,)) for shard in shards]


def _touches(own: Extent, regions: Sequence[Region] | None) -> bool:
    return regions is None or bool(own.met_by(regions))


def export_shard(
    callset: Callset,
    url: str,
    regions: Sequence[Region] | None,
    threads: int,
    heard: Callable[[int], None] = lambda _: None,
) -> Part:
    """Render the one shard of a callset into a part beside `url`, unless a killed run has left it there.

    `heard` is told the bytes of text as they come. Raises DamagedFile where a table is not as it was written.
    """
    (shard,) = callset.shards
    regions = None if regions is None else shard.extent.met_by(regions)
    form, store = form_of(url), open_store(parts_url(url))
    key = _key(callset, shard, regions, form.suffix)
    if (found := find_part(store, shard.name, key)) is not None:
        return found

    def pieces() -> Iterator[Piece]:
        for piece in stored_pieces(form, callset, shard, regions, threads):
            heard(piece.counts.text_bytes)
            yield piece

    return write_part(store, shard.name, key, callset.contigs, pieces(), {})


def _key(callset: Callset, shard: ShardEntry, regions: Sequence[Region] | None, suffix: str) -> str:
    """What a part's bytes follow from."""
    whole = hashlib.sha256(manifest.encode(callset.description, ())).hexdigest()
    inside = None if regions is None else [region_text(region, callset.contigs) for region in regions]
    values = [schema.VERSION, whole, shard.as_json(), inside, suffix]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def parts_url(url: str) -> str:
    """The folder beside an exported file in which its parts lie until it is finished."""
    return f"{url}.parts"


def join_shards(callset: Callset, parts: Sequence[Part], url: str, regions: Sequence[Region] | None) -> Counts:
    """Make one file of all shards' parts, and remove these; the totals. Raises ShortCallset, and what join_parts does.

    ShortCallset: the parts of a whole callset are not what its manifest says.
    """
    total = sum((part.counts for part in parts), Counts())
    said = callset.counts
    if regions is None and (total.records, total.genotypes) != (said["sites"], said["genotypes"]):
        _remove(parts_url(url))
        raise ShortCallset(callset.url, said["sites"], total.records)
    join_parts(parts_url(url), parts, callset.description, url)
    _remove(parts_url(url))
    return total


def _remove(folder: str) -> None:
    """Remove the parts, what killed writers have left there, and a local folder."""
    store = open_store(folder)
    with ThreadPoolExecutor(_DELETED_AT_ONCE) as pool:
        list(pool.map(store.delete, store.list()))
    store.sweep(0)
    if "://" not in folder:
        with suppress(OSError):
            Path(folder).rmdir()
