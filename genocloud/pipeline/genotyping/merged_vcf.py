"""Join a stored cohort's shards after GLnexus's model and write them straight as parts of a VCF."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, glnexus, storage
from genocloud.cohort import Cohort, open_cohort
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.genotyping.merged_shards import (
    KeptSites,
    MergedShard,
    MergeTask,
    PlacedSite,
    active_numbers,
    balance,
    merge_tasks,
)
from genocloud.pipeline.memory_model import discovery_need, merged_bytes
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.preconditions import refuse_holes
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import ShardPlan, target_regions
from genocloud.report.statistics import SAMPLE_COUNTS, Statistics, count_sites, merge_all
from genocloud.scatter.executors import Scatter, in_threads, run_needing, threads_each
from genocloud.scatter.progress import Progress
from genocloud.scatter.task_progress import report_bytes
from genocloud.schema import INT32, INTS, STRING, STRINGS

CALLED_BYTES, PIECE_GENOTYPES = 1 << 28, 1 << 18
"""Bytes of genotypes that are called at once, each time from the shard's rows; and genotypes rendered at once."""


def merge_to_vcf(
    cohort: Cohort,
    out_url: str,
    *,
    parts_url: str,
    model: MergeModel,
    cut: ShardPlan,
    scatter: Scatter,
    progress: Progress,
) -> tuple[Statistics, Receipt]:
    """Join every sample at the plan's sites, straight to a VCF; returns statistics and the receipt, in ALTs.

    Finished parts are kept at `parts_url`, also those of a killed run.
    """
    refuse_holes(cohort, target_regions(cut, cohort.layout))
    with receipt_of("genotype") as receipt:
        threads = threads_each(scatter, len(cut.owned))
        tasks = merge_tasks(cohort, parts_url, model.rules, cut, threads)
        needs = [
            discovery_need(cohort, shard, threads) + min(merged_bytes(cohort, shard), CALLED_BYTES)
            for shard in cut.owned
        ]
        with progress.stage("genotype", tasks=len(tasks), unit="shard") as stage:
            parts = run_needing(
                scatter,
                _merge_shard,
                tasks,
                needs,
                lambda part: stage.advance(tasks=1, sites=part.counts.records),
                on_bytes=lambda written: stage.advance(bytes=written),
            )
        header = _header(cohort, model).encode()
        counts = callset.join_parts(parts_url, parts, _description(cohort, model), out_url, header=header)
        statistics = merge_all((Statistics.from_json(part.extra["statistics"]) for part in parts), cohort.samples)
        receipt.inputs = cohort_inputs(cohort)
        receipt.figures = {
            "samples": len(cohort.samples),
            "genotypes": counts.genotypes,
            "shards": len(parts),
            "sites": counts.records,
            "model": model.text,
        }
        balance(receipt, (part.extra["alleles"] for part in parts), sum(part.extra["alts"] for part in parts))
    return statistics, receipt


def _merge_shard(task: MergeTask) -> callset.ExportPart:
    cohort = open_cohort(task.cohort_url, task.version)
    store = storage.open_store(task.url)
    key = task.key(cohort)
    if (finished := callset.find_part(store, task.shard.name, key)) is not None:
        return finished
    extra: dict[str, Any] = {}
    pieces = _pieces(task.merged(cohort), extra)
    return callset.write_part(store, task.shard.name, key, cohort.contigs, pieces, extra=extra)


def _pieces(shard: MergedShard, extra: dict[str, Any]) -> Iterator[callset.Piece]:
    """The shard's records; `extra` has the counts when all are made."""
    chosen, alleles = shard.chosen()
    cohort, kept, statistics = shard.cohort, 0, [Statistics.empty(shard.cohort.samples)]
    times = -(-merged_bytes(cohort, shard.shard) // CALLED_BYTES)
    together = max(-(-len(chosen) // max(times, 1)), 1)
    for first in range(0, len(chosen), together):
        for piece, alts in _called_pieces(shard, chosen[first : first + together], statistics):
            kept += alts
            report_bytes(piece.counts.text_bytes)
            yield piece
    extra |= {"alleles": alleles, "alts": kept, "statistics": merge_all(statistics, cohort.samples).to_json()}


def _called_pieces(
    shard: MergedShard, placed: Sequence[PlacedSite], statistics: list[Statistics]
) -> Iterator[tuple[callset.Piece, int]]:
    """The records of sites in pieces, each with its number of ALTs."""
    cohort, rules, every = shard.cohort, shard.rules, [each.site for each in placed]
    tables = glnexus.SiteTables.of(every, rules)
    called = list(shard.calls(every, tables))
    kept = KeptSites.of(placed, tables, glnexus.kept_alts(every, tables.alts, called, rules))
    batches = [batch.keeping(tables.alts, kept.alts, kept.called) for batch in called]
    ranks = np.concatenate([batch.ranks[active_numbers(batch)] for batch in cohort.batches])
    statistics.append(_counted(cohort, [each.site for each in kept.sites], batches, ranks))
    rendering = _Rendering(
        sites=kept.sites,
        alts=kept.numbers,
        batches=[glnexus.cell_texts(batch, kept.counts, rules) for batch in batches],
        columns=[batch.ranks[active_numbers(batch)] for batch in cohort.batches],
        keys=glnexus.format_keys(rules),
    )
    at_once = max(PIECE_GENOTYPES // max(len(ranks), 1), 1)
    spans = [(first, min(first + at_once, len(kept.sites))) for first in range(0, len(kept.sites), at_once)]
    yield from in_threads(rendering.piece, spans, shard.threads)


@dataclass(frozen=True, kw_only=True)
class _Rendering:
    """Sites that are written, with the numbers of their kept ALTs, and each batch's cells as text.

    columns   of each batch, the place of each of its samples in a line
    """

    sites: Sequence[PlacedSite]
    alts: Sequence[Sequence[int]]
    batches: Sequence[glnexus.CellTexts]
    columns: Sequence[npt.NDArray[np.int32]]
    keys: list[str]

    @cached_property
    def texts(self) -> callset.GenotypeTexts:
        """All batches' texts, one behind the other."""
        return callset.join_texts(
            self.keys, [callset.GenotypeTexts(self.keys, batch.texts, batch.entries) for batch in self.batches]
        )

    def piece(self, span: tuple[int, int]) -> tuple[callset.Piece, int]:
        """The records of a span of the sites, and their number of ALTs."""
        part = slice(*span)
        sites = self.sites[part]
        cells, base = np.empty((len(sites), sum(map(len, self.columns))), np.int32), 0
        for batch, column in zip(self.batches, self.columns, strict=True):
            cells[:, column] = batch.cells(*span, len(column)) + np.int32(base)
            base += len(batch.entries) - 1
        heads = glnexus.site_texts([each.site for each in sites], self.alts[part], [each[1:] for each in sites])
        lines = callset.lines_of(pa.array(list(heads), STRING), self.texts, cells)
        begins = np.array([each.begin for each in sites], np.int64)
        starts, stops = (np.array([getattr(each.site, name) for each in sites], np.int64) for name in ("start", "stop"))
        contigs = [each.contig for each in sites]
        return callset.piece_of_lines(contigs, lines, starts - begins, stops - begins, cells.size), sum(
            map(len, self.alts[part])
        )


def _counted(
    cohort: Cohort,
    sites: Sequence[glnexus.UnifiedSite],
    batches: Sequence[glnexus.BatchCalls],
    ranks: npt.NDArray[np.int32],
) -> Statistics:
    """Counts of written sites, and of each sample's genotypes by class."""
    columns = pa.table(
        {
            "ref": pa.array([site.ref for site in sites], STRING),
            "alts": pa.array([list(site.alts) for site in sites], STRINGS),
            "AC": pa.nulls(len(sites), INTS),
            "AN": pa.nulls(len(sites), INT32),
        }
    )
    counts, first = Statistics.empty(cohort.samples), 0
    for batch, stored in zip(batches, cohort.batches, strict=True):
        own = ranks[first : first + len(active_numbers(stored))]
        width, lengths = len(SAMPLE_COUNTS), batch.runs.stops - batch.runs.firsts
        places = batch.runs.samples * np.int64(width) + batch.classes[batch.runs.numbers]
        counts.sample_counts[own, :width] = np.bincount(places, lengths, len(own) * width).reshape(-1, width)
        first += len(own)
    return merge_all([count_sites(columns), counts], cohort.samples)


def _description(cohort: Cohort, model: MergeModel) -> callset.Description:
    return callset.Description(
        samples=cohort.samples,
        batches={},
        contigs=cohort.contigs,
        model={"name": model.name, **asdict(model.rules)},
        software=f"genocloud {version('genocloud')}",
    )


def _header(cohort: Cohort, model: MergeModel) -> str:
    software = f"genocloud {version('genocloud')}"
    lines = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        *glnexus.header_fields(model.rules),
        *(f"##contig=<ID={contig.name},length={contig.length}>" for contig in cohort.contigs),
        *(f"##{line}" for line in model.header_lines),
        f"##genocloudVersion={version('genocloud')}",
        f"##source={software}",
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *cohort.samples]),
    ]
    return "".join(f"{line}\n" for line in lines)
