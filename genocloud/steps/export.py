"""export: write a callset as one VCF or BCF with its index, shard by shard; or as one Parquet file, dense."""

from dataclasses import dataclass, replace

from genocloud import storage
from genocloud.callset import (
    ALL_FIELDS,
    Callset,
    ExportPart,
    export_shard,
    exported_files,
    form_of,
    join_crossed,
    join_shards,
    open_callset,
    record_places,
    shards_in,
    write_dense,
)
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sample_files import file_size
from genocloud.regions import Region
from genocloud.scatter.executors import Scatter, threads_each
from genocloud.scatter.progress import Progress
from genocloud.scatter.task_progress import report_bytes


@dataclass(frozen=True, kw_only=True)
class _ExportTask:
    shard: Callset
    out_url: str
    regions: list[Region] | None
    threads: int
    options: ExportOptions


def export(
    source: str | Callset,
    out_url: str,
    *,
    scatter: Scatter,
    progress: Progress,
    options: ExportOptions = ExportOptions(),  # noqa: B008 (frozen)
) -> Receipt:
    """Write the callset atomically. The balance is in records.

    Finished shards are kept in OUT.parts until the end, so that a killed run resumes. Raises GenotypesNotShared or
    RemoteUnreachable first where genotypes of another location may not or cannot be read from here, OutputInUse where
    another run writes OUT, and what ExportOptions.chosen raises.
    """
    form_of(out_url)
    options.check(out_url)
    with storage.file_lock(out_url):
        return export_locked(source, out_url, scatter=scatter, progress=progress, options=options)


def export_locked(
    source: str | Callset, out_url: str, *, scatter: Scatter, progress: Progress, options: ExportOptions
) -> Receipt:
    """`export` for a caller that holds the output's lock."""
    with receipt_of("export") as receipt:
        callset = options.chosen(open_callset(source))
        form_of(out_url).having(options.columns.of(callset.description.fields))
        callset.check_reach()
        wanted = options.intervals.inside(callset.contigs)
        inside = None if wanted is None else list(wanted)
        shards = shards_in(callset, inside)
        if options.records.aligned_to:
            looked_at = [(shard, inside, options) for shard in shards]
            shards = join_crossed(callset, shards, scatter.run(_record_places, looked_at, lambda _: None))
        threads = threads_each(scatter, len(shards))
        tasks = [
            _ExportTask(shard=shard, out_url=out_url, regions=inside, threads=threads, options=options)
            for shard in shards
        ]
        with progress.stage("export", tasks=len(tasks), unit="shard") as stage:
            parts = scatter.run(
                _export_shard,
                tasks,
                lambda part: stage.advance(tasks=1, sites=part.counts.records),
                lambda written: stage.advance(bytes=written),
            )
        counts = join_shards(callset, parts, out_url, inside, fields=options.columns, records=options.records)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(*exported_files(out_url))
        receipt.figures = {"genotypes": counts.genotypes, "text_bytes": counts.text_bytes, "sites": counts.sites}
        receipt.figures["bytes_stored"] = file_size(out_url)
        receipt.balanced("records", counts.taken, counts.records, counts.left_out)
    return receipt


def export_dense(
    source: str | Callset,
    out_url: str,
    *,
    progress: Progress,
    options: ExportOptions = ExportOptions(),  # noqa: B008 (frozen)
) -> Receipt:
    """Write the table GENOTYPES, a row for each site and sample, as one Parquet file; the balance is in genotypes.

    In one process, as a Parquet file has one writer. Raises NotForFormat and what `export` raises.
    """
    options.check(out_url, dense=True)
    with storage.file_lock(out_url), receipt_of("export") as receipt:
        callset = replace(options, filtered=False, fields=ALL_FIELDS).chosen(open_callset(source))
        callset.check_reach()
        wanted = options.intervals.inside(callset.contigs)
        inside = None if wanted is None else list(wanted)
        taken = callset.sites(inside, columns=["pos"]).num_rows * len(callset.samples)
        with progress.stage("export", tasks=1, unit="file") as stage:
            rows = write_dense(callset, out_url, inside)
            stage.advance(tasks=1)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(out_url)
        receipt.figures = {"genotypes": rows, "bytes_stored": file_size(out_url)}
        receipt.balanced("genotypes", taken, rows, {})
    return receipt


def _record_places(task: tuple[Callset, list[Region] | None, ExportOptions]) -> tuple[int, int] | None:
    shard, regions, options = task
    return record_places(shard, regions, options.records)


def _export_shard(task: _ExportTask) -> ExportPart:
    options, places = task.options, (task.out_url, task.regions, task.threads)
    return export_shard(task.shard, *places, report_bytes, fields=options.columns, records=options.records)
