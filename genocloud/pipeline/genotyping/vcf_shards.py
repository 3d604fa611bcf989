"""Call shards and write them straight as parts of a VCF or BCF, without a callset between."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from genocloud import callset, genotypes, schema, storage
from genocloud.cohort import Cohort, open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import cohort_inputs, cohort_key
from genocloud.pipeline.chosen_model import model_text
from genocloud.pipeline.genotyping.batch_cache import on_contigs
from genocloud.pipeline.genotyping.batch_copies import cohort_sex_figures
from genocloud.pipeline.genotyping.merging import merged_in_order
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_calling import called_batches
from genocloud.pipeline.genotyping.shard_completion import annotated, description_of
from genocloud.pipeline.genotyping.shard_estimates import estimate_shards
from genocloud.pipeline.genotyping.shard_settling import settled_tables
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import Shard, ShardPlan
from genocloud.report.statistics import Statistics, count_called, count_sites, merge_all
from genocloud.scatter.executors import Scatter, run_needing, threads_each
from genocloud.scatter.progress import Progress
from genocloud.scatter.task_progress import report_bytes


@dataclass(frozen=True, kw_only=True)
class _RenderTask:
    cohort_url: str
    version: int
    parts_url: str
    suffix: str
    fields: callset.FormatFields
    model: Model
    scope: str
    shard: Shard
    threads: int
    dbsnp_url: str | None
    row_cache: RowCache


def render(
    cohort: Cohort,
    out_url: str,
    *,
    parts_url: str,
    model: Model,
    cut: ShardPlan,
    scatter: Scatter,
    progress: Progress,
    dbsnp_url: str | None = None,
    fields: callset.FormatFields = callset.ALL_FIELDS,
) -> tuple[Statistics, Receipt]:
    """Genotype every sample at every site of the plan, straight to a VCF or BCF; returns statistics and the receipt.

    Finished parts are kept at `parts_url`, also those of a killed run. `fields`: what FORMAT has. The balance is in
    sites.
    """
    with receipt_of("genotype") as receipt:
        row_cache = RowCache(scatter.memory)
        outcomes = estimate_shards(cohort, model, cut, scatter=scatter, progress=progress, row_cache=row_cache)
        threads, suffix = threads_each(scatter, len(cut.owned)), callset.form_of(out_url).suffix
        tasks = [
            _RenderTask(
                cohort_url=cohort.url,
                version=cohort.version,
                parts_url=parts_url,
                suffix=suffix,
                fields=fields,
                model=model,
                scope=cut.scope,
                shard=shard,
                threads=threads,
                dbsnp_url=dbsnp_url,
                row_cache=row_cache,
            )
            for shard in cut.owned
        ]
        with progress.stage("genotype", tasks=len(tasks), unit="shard") as stage:
            parts = run_needing(
                scatter,
                _render_shard,
                tasks,
                [shard.need for shard in cut.owned],
                lambda part: stage.advance(tasks=1, sites=part.counts.records),
                on_bytes=lambda written: stage.advance(bytes=written),
            )
        counts = callset.join_parts(parts_url, parts, description_of(cohort, model, cut), out_url, fields)
        statistics = merge_all((Statistics.from_json(part.extra["statistics"]) for part in parts), cohort.samples)
        receipt.inputs = cohort_inputs(cohort)
        receipt.figures = {
            "samples": len(cohort.samples),
            "genotypes": counts.genotypes,
            "shards": len(parts),
            "model": model_text(cohort, model.name),
            **cohort_sex_figures(cohort, model),
        }
        outcomes.enter(receipt, cut, counts.records, sum(part.extra["alts"] for part in parts))
    return statistics, receipt


def _render_shard(task: _RenderTask) -> callset.ExportPart:
    """Call a shard's genotypes, with each distinct one stored once, and write them with their sites."""
    cohort = open_cohort(task.cohort_url, task.version)
    store = storage.open_store(task.parts_url)
    key = cohort_key(cohort, asdict(task.model), task.scope, task.suffix, asdict(task.fields))
    if (finished := callset.find_part(store, task.shard.name, key)) is not None:
        return finished
    on_axis, batches = _called(cohort, task)
    sites = on_contigs(on_axis, cohort.layout, task.shard)
    extra = {"statistics": _counted(sites, batches).to_json(), "alts": callset.count_alts(sites)}
    form = callset.form_of(task.suffix).having(task.fields)
    pieces = callset.called_pieces(
        form,
        sites,
        [callset.as_written(batches.pop(0), form.fields, sites) for _ in range(len(batches))],  # none is held twice
        contigs=cohort.contigs,
        samples=cohort.samples,
        threads=task.threads,
    )
    return callset.write_part(store, task.shard.name, key, cohort.contigs, _reporting(pieces), extra=extra)


def _called(cohort: Cohort, task: _RenderTask) -> tuple[schema.Sites, list[callset.SparseGenotypes]]:
    """The shard's SITES, on its axis, and every batch's genotypes at those sites."""
    settled = settled_tables(cohort, task.model, task.scope).read(task.shard, made_by="genotype")
    called: list[genotypes.BatchGenotypes] = []

    def raw_annotations() -> Iterator[genotypes.RawAnnotations]:
        for _, batch, raw in called_batches(
            cohort, task.shard, genotypes.emitted(settled), task.model, task.threads, row_cache=task.row_cache
        ):
            called.append(batch)
            yield raw

    total = merged_in_order(raw_annotations(), genotypes.add)
    sites = annotated(settled, total, task.shard, layout=cohort.layout, model=task.model, dbsnp_url=task.dbsnp_url)
    return sites, [_at_sites(batch, sites) for batch in called]


def _at_sites(called: genotypes.BatchGenotypes, sites: schema.Sites) -> callset.SparseGenotypes:
    positions = schema.numbers(sites["pos"])
    if len(positions) < len(called.positions):
        called = called.at(np.isin(called.positions, positions))
    called = called.uncarried(genotypes.uncarried(sites))
    return callset.SparseGenotypes(called.samples, called.distinct, called.runs, called.alts)


def _counted(sites: schema.Sites, batches: list[callset.SparseGenotypes]) -> Statistics:
    called = (count_called(batch.samples, batch.distinct, batch.runs) for batch in batches)
    return merge_all([count_sites(sites), *called])


def _reporting(pieces: Iterator[callset.Piece]) -> Iterator[callset.Piece]:
    for piece in pieces:
        report_bytes(piece.counts.text_bytes)
        yield piece
