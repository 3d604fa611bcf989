"""export_zarr: write a callset as VCF Zarr, groups of chunks side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from genocloud import storage
from genocloud.callset import (
    VCF_ZARR,
    Callset,
    ShardSize,
    ShortCallset,
    ZarrPlan,
    ZarrTask,
    begin_zarr,
    chunk_groups,
    finish_zarr,
    held_chunk_samples,
    open_callset,
    shard_size,
    shards_in,
    write_chunks,
)
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.regions import Region
from genocloud.scatter.executors import Scatter, threads_each
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class _SizeTask:
    shard: Callset
    regions: list[Region] | None
    columns: list[str]


def export_zarr(
    source: str | Callset,
    out_url: str,
    *,
    scatter: Scatter,
    progress: Progress,
    options: ExportOptions = ExportOptions(),  # noqa: B008 (frozen)
) -> Receipt:
    """Write VCF Zarr at `out_url`, `.zgroup` last: without it there is none. The balance is in records.

    Chunks of an earlier export, or of a killed one, that have what they would be written with stay, so that a callset
    that has grown is appended where it may be. Raises MissingPackage, NotForFormat, HighPloidy, StoreFailed where some
    of them have gone, and what `export` raises.
    """
    VCF_ZARR.check(out_url)
    options.check(out_url)
    out_url = out_url.rstrip("/")
    with storage.file_lock(out_url), receipt_of("export") as receipt:
        callset = options.chosen(open_callset(source))
        callset.check_reach()
        wanted = options.intervals.inside(callset.contigs)
        inside = None if wanted is None else list(wanted)
        shards = {shard.shards[0].name: shard for shard in shards_in(callset, inside)}
        sizes: list[ShardSize] = scatter.run(
            _size,
            [_SizeTask(shard=shard, regions=inside, columns=options.fields.sources()) for shard in shards.values()],
            lambda _: None,
        )
        plan = ZarrPlan(
            description=callset.description,
            fields=options.fields,
            filters=callset.filter_lines,
            sites=sum(size.sites for size in sizes),
            alleles=max((size.alleles for size in sizes), default=1),
            largest=_largest(sizes),
            held_samples=held_chunk_samples(out_url),
        )
        if inside is None and plan.sites != callset.counts["sites"]:
            raise ShortCallset(callset.url, callset.counts["sites"], plan.sites)
        begin_zarr(out_url)
        groups = chunk_groups({size.shard: size.sites for size in sizes}, len(callset.samples))
        threads = threads_each(scatter, len(groups))
        tasks = [
            ZarrTask(
                group=group,
                shards={name: shards[name] for name in group.pieces},
                plan=plan,
                url=out_url,
                regions=inside,
                threads=threads,
            )
            for group in groups
        ]
        with progress.stage("export", tasks=len(tasks), unit="group") as stage:
            parts = scatter.run(write_chunks, tasks, lambda part: stage.advance(tasks=1, sites=part.sites))
        finish_zarr(plan, parts, out_url)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(storage.join(out_url, ".zmetadata"))
        receipt.figures = {"genotypes": plan.sites * len(callset.samples)}
        receipt.figures["bytes_stored"] = sum(part.written + part.kept for part in parts)
        receipt.figures["bytes_kept"] = sum(part.kept for part in parts)
        receipt.balanced("records", plan.sites, sum(part.sites for part in parts), {})
    return receipt


def _largest(sizes: Sequence[ShardSize]) -> dict[str, int]:
    names = sorted({name for size in sizes for name in size.largest})
    return {name: max(size.largest.get(name, 0) for size in sizes) for name in names}


def _size(task: _SizeTask) -> ShardSize:
    return shard_size(task.shard, task.regions, task.columns)
