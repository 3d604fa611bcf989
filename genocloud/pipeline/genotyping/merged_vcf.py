"""Join a stored cohort's shards after GLnexus's model and write them straight as parts of a VCF."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, glnexus, storage
from genocloud.cohort import Batch, Cohort, open_cohort, rows_along, variants_along
from genocloud.pipeline.cached_tables import cohort_inputs, cohort_key
from genocloud.pipeline.memory_model import discovery_need, merged_bytes
from genocloud.pipeline.preconditions import refuse_holes
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import Shard, ShardPlan, target_regions
from genocloud.regions import Axis, Contig, Region
from genocloud.report.statistics import SAMPLE_COUNTS, Statistics, count_sites, merge_all
from genocloud.scatter.executors import Scatter, in_threads, run_needing, threads_each
from genocloud.scatter.progress import Progress
from genocloud.scatter.task_progress import report_bytes
from genocloud.schema import INT32, INTS, STRING, STRINGS, AlleleEvidence, Records, numbers, with_column

CALLED_BYTES, PIECE_GENOTYPES = 1 << 28, 1 << 18
"""Bytes of genotypes that are called at once, each time from the shard's rows; and genotypes rendered at once."""
ALLELES = ("taken", "filtered", "lost", "outside the intervals", "called by nobody", "kept")


@dataclass(frozen=True, kw_only=True)
class _MergeTask:
    cohort_url: str
    version: int
    parts_url: str
    rules: glnexus.MergeRules
    scope: str
    shard: Shard
    threads: int


def merge_to_vcf(
    cohort: Cohort,
    out_url: str,
    *,
    parts_url: str,
    preset: str,
    rules: glnexus.MergeRules,
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
        tasks = [
            _MergeTask(
                cohort_url=cohort.url,
                version=cohort.version,
                parts_url=parts_url,
                rules=rules,
                scope=cut.scope,
                shard=shard,
                threads=threads,
            )
            for shard in cut.owned
        ]
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
        header = _header(cohort, preset, rules).encode()
        counts = callset.join_parts(parts_url, parts, _description(cohort, rules), out_url, header=header)
        statistics = merge_all((Statistics.from_json(part.extra["statistics"]) for part in parts), cohort.samples)
        alleles = {name: sum(part.extra["alleles"][name] for part in parts) for name in ALLELES}
        receipt.inputs = cohort_inputs(cohort)
        receipt.figures = {
            "samples": len(cohort.samples),
            "genotypes": counts.genotypes,
            "shards": len(parts),
            "sites": counts.records,
            "model": f"glnexus {preset}",
        }
        receipt.balanced("alleles", alleles.pop("taken"), alleles.pop("kept"), alleles)
    return statistics, receipt


def _merge_shard(task: _MergeTask) -> callset.ExportPart:
    cohort = open_cohort(task.cohort_url, task.version)
    store = storage.open_store(task.parts_url)
    targets = None if task.shard.targets.inside is None else [asdict(each) for each in task.shard.targets.inside]
    key = cohort_key(cohort, "glnexus", asdict(task.rules), task.scope, targets)
    if (finished := callset.find_part(store, task.shard.name, key)) is not None:
        return finished
    shard = _MergedShard.of(cohort, task)
    extra: dict[str, Any] = {}
    return callset.write_part(store, task.shard.name, key, cohort.contigs, shard.pieces(extra), extra=extra)


class _Stretch(NamedTuple):
    """What a shard has of one contig, on the axis: its sites, and how many ALTs went into them or were dropped."""

    contig: Contig
    begin: int
    unified: glnexus.Unified


class _PlacedSite(NamedTuple):
    """A site, the contig that it is on, and where this begins on the axis."""

    site: glnexus.UnifiedSite
    contig: str
    begin: int


@dataclass(frozen=True, kw_only=True)
class _MergedShard:
    """A shard's sites: those that begin in it, of all active regions that reach into it."""

    cohort: Cohort
    task: _MergeTask
    stretches: list[_Stretch]

    @classmethod
    def of(cls, cohort: Cohort, task: _MergeTask) -> "_MergedShard":
        """Reads on to both sides until it has all of the active regions that reach into the shard."""
        shard, axis = task.shard.region, cohort.layout.axis(task.shard.region.contig)
        more = 2 * glnexus.FAR_BP
        while True:
            region = Region(shard.contig, max(0, shard.start - more), shard.end + more)
            evidence = glnexus.merge(list(in_threads(_observer(cohort, region), cohort.batches, task.threads)))
            owned = list(_reaching(evidence, axis, cohort.contigs, shard))
            if all(
                (region.start == 0 or begin - glnexus.FAR_BP >= region.start) and end < region.end
                for _, _, begin, end in owned
            ):
                break
            more *= 4
        stretches = []
        for number, own, _, _ in owned:
            begin = axis.on(Region(number, 0, 0)).start
            unified = glnexus.unify(own, len(cohort.samples), task.rules)
            stretches.append(_Stretch(cohort.contigs[number], begin, unified))
        return cls(cohort=cohort, task=task, stretches=stretches)

    def pieces(self, extra: dict[str, Any]) -> Iterator[callset.Piece]:
        """The shard's records; `extra` has the counts when all are made."""
        alleles = dict.fromkeys(ALLELES, 0)
        statistics = [Statistics.empty(self.cohort.samples)]
        chosen: list[_PlacedSite] = []
        for stretch in self.stretches:
            unified = stretch.unified
            mine = [site for site in unified.sites if self._owns(site.start)]
            inside = [site for site in mine if self._inside(site.start)]
            alts, wanted = (sum(len(site.alts) for site in sites) for sites in (mine, inside))
            for name, starts in (("filtered", unified.filtered), ("lost", unified.lost)):
                alleles[name] += sum(map(self._owns, starts))
            alleles["taken"] += alts
            alleles["outside the intervals"] += alts - wanted
            chosen += [_PlacedSite(site, stretch.contig.name, stretch.begin) for site in inside]
        times = -(-merged_bytes(self.cohort, self.task.shard) // CALLED_BYTES)
        together = max(-(-len(chosen) // max(times, 1)), 1)
        for first in range(0, len(chosen), together):
            for piece, kept in self._pieces(chosen[first : first + together], statistics):
                alleles["kept"] += kept
                report_bytes(piece.counts.text_bytes)
                yield piece
        alleles["called by nobody"] = alleles["taken"] - alleles["outside the intervals"] - alleles["kept"]
        alleles["taken"] += alleles["filtered"] + alleles["lost"]
        extra |= {"alleles": alleles, "statistics": merge_all(statistics, self.cohort.samples).to_json()}

    def _owns(self, start: int) -> bool:
        return self.task.shard.region.start <= start < self.task.shard.region.end

    def _inside(self, start: int) -> bool:
        inside = self.task.shard.targets.inside
        return inside is None or any(each.start <= start < each.end for each in inside)

    def _called(self, sites: Sequence[glnexus.UnifiedSite], tables: glnexus.SiteTables) -> list[glnexus.BatchCalls]:
        """Every batch's calls, in the batches' order."""
        reach = Region(
            self.task.shard.region.contig,
            max(0, min(min(site.start, site.reach[0]) for site in sites) - glnexus.FAR_BP),
            max(max(site.stop, site.reach[1]) for site in sites),
        )

        def call(batch: Batch) -> glnexus.BatchCalls:
            rows = rows_along(self.cohort, batch, reach)
            variants, blocks = _renumbered(rows.variants, batch), _renumbered(rows.blocks, batch)
            return glnexus.call_batch(tables, variants, blocks, len(_active(batch)), self.task.rules)

        return list(in_threads(call, self.cohort.batches, self.task.threads))

    def _pieces(
        self, placed: Sequence[_PlacedSite], statistics: list[Statistics]
    ) -> Iterator[tuple[callset.Piece, int]]:
        """The records of sites in pieces, each with its number of ALTs."""
        rules, every = self.task.rules, [each.site for each in placed]
        tables = glnexus.SiteTables.of(every, rules)
        batches = self._called(every, tables)
        kept = glnexus.kept_alts(every, tables.alts, batches, rules)
        counts = np.diff(np.append(0, np.cumsum(kept))[tables.alts])
        written = counts > 0
        batches = [batch.keeping(tables.alts, kept, written) for batch in batches]
        ranks = np.concatenate([batch.ranks[_active(batch)] for batch in self.cohort.batches])
        numbers = [(np.flatnonzero(kept[low:high]) + 1).tolist() for low, high in pairwise(tables.alts.tolist())]
        sites = [each for each, wanted in zip(placed, written.tolist(), strict=True) if wanted]
        statistics.append(_counted(self.cohort, [each.site for each in sites], batches, ranks))
        rendering = _Rendering(
            sites=sites,
            alts=[each for each in numbers if each],
            batches=[glnexus.cell_texts(batch, counts[written].astype(np.int32), rules) for batch in batches],
            columns=[batch.ranks[_active(batch)] for batch in self.cohort.batches],
            keys=glnexus.format_keys(rules),
        )
        at_once = max(PIECE_GENOTYPES // max(len(ranks), 1), 1)
        spans = [(first, min(first + at_once, len(sites))) for first in range(0, len(sites), at_once)]
        yield from in_threads(rendering.piece, spans, self.task.threads)


@dataclass(frozen=True, kw_only=True)
class _Rendering:
    """Sites that are written, with the numbers of their kept ALTs, and each batch's cells as text.

    columns   of each batch, the place of each of its samples in a line
    """

    sites: Sequence[_PlacedSite]
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


def _observer(cohort: Cohort, region: Region) -> Any:
    def observe(batch: Batch) -> AlleleEvidence:
        return glnexus.observe(_renumbered(variants_along(cohort, batch, region), batch))

    return observe


def _active(batch: Batch) -> npt.NDArray[np.int64]:
    """The batch's numbers of its active samples."""
    return np.flatnonzero(batch.ranks >= 0)


def _renumbered(rows: Records, batch: Batch) -> Records:
    """The rows of active samples, whose numbers count only these."""
    active = _active(batch)
    if len(active) == len(batch.ranks):
        return rows
    sample = numbers(rows["sample"])
    mine = np.isin(sample, active)
    return with_column(
        rows.filter(pa.array(mine)),
        "sample",
        pa.array(np.searchsorted(active, sample[mine]).astype(np.int32)),
    )


def _reaching(
    evidence: AlleleEvidence, axis: Axis, all_contigs: Sequence[Contig], shard: Region
) -> Iterator[tuple[int, AlleleEvidence, int, int]]:
    """By contig: its number, the evidence of its active regions that reach into the shard, their begin and end.

    Where evidence of a contig begins or ends with the contig, nothing more can join it.
    """
    start = numbers(evidence["start"]).astype(np.int64)
    stop = start + numbers(pc.binary_length(evidence["ref"]))
    contigs, begins = axis.starts(shard)
    finish = int(begins[-1]) + all_contigs[int(contigs[-1])].length
    bounds = np.searchsorted(start, np.append(begins, finish))
    for number, low, high in zip(contigs.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        reach = np.maximum.accumulate(stop[low:high])
        opens = np.ones(high - low, bool)
        opens[1:] = start[low:high][1:] > reach[:-1]
        region = np.cumsum(opens) - 1
        begin = start[low:high][opens]
        end = reach[np.append(np.flatnonzero(opens)[1:], high - low) - 1] if high > low else begin
        chosen = np.flatnonzero((begin < shard.end) & (end > shard.start))
        if len(chosen):
            rows = np.flatnonzero((region >= chosen[0]) & (region <= chosen[-1]))
            part = evidence.slice(low + int(rows[0]), len(rows))
            yield number, part, int(begin[chosen[0]]), int(end[chosen[-1]])


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
        own = ranks[first : first + len(_active(stored))]
        width, lengths = len(SAMPLE_COUNTS), batch.runs.stops - batch.runs.firsts
        places = batch.runs.samples * np.int64(width) + batch.classes[batch.runs.numbers]
        counts.sample_counts[own, :width] = np.bincount(places, lengths, len(own) * width).reshape(-1, width)
        first += len(own)
    return merge_all([count_sites(columns), counts], cohort.samples)


def _description(cohort: Cohort, rules: glnexus.MergeRules) -> callset.Description:
    return callset.Description(
        samples=cohort.samples,
        batches={},
        contigs=cohort.contigs,
        model={"name": "glnexus", **asdict(rules)},
        software=f"genocloud {version('genocloud')}",
    )


def _header(cohort: Cohort, preset: str, rules: glnexus.MergeRules) -> str:
    software = f"genocloud {version('genocloud')}"
    lines = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        *glnexus.header_fields(rules),
        *(f"##contig=<ID={contig.name},length={contig.length}>" for contig in cohort.contigs),
        f"##GLnexusConfigName={preset}",
        f"##GLnexusConfig={glnexus.config_text(rules)}",
        f"##genocloudVersion={version('genocloud')}",
        f"##source={software}",
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *cohort.samples]),
    ]
    return "".join(f"{line}\n" for line in lines)
