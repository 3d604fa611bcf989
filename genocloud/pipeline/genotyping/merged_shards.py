"""A shard's sites after GLnexus's model, and every batch's calls at them, from a stored cohort."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import glnexus
from genocloud.cohort import Batch, Cohort, Layout, rows_along, variants_along
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.sharding import Shard, ShardPlan
from genocloud.regions import Contig, Region
from genocloud.scatter.executors import in_threads
from genocloud.schema import ALLELE_EVIDENCE, AlleleEvidence, Records, numbers, with_column

UNCALLED = "called by nobody"
DROPPED = ("filtered", "lost", "outside the intervals", UNCALLED)
"""What becomes of the ALTs that are taken, but for those that are kept."""


AT_SITES = "at sites"


def balance(receipt: Receipt, counts: Iterable[Mapping[str, int]], kept: int) -> None:
    """Enter the balance of ALTs, from the counts of `MergedShard.chosen` and the number of ALTs that were written."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    dropped = {name: total[name] for name in DROPPED} | {UNCALLED: total[AT_SITES] - kept}
    receipt.balanced("alleles", sum(total.values()), kept, dropped)


@dataclass(frozen=True, kw_only=True)
class MergeTask:
    """A shard to be joined; `url` is where the result goes, `threads` how many batches are called at a time."""

    cohort_url: str
    version: int
    url: str
    rules: glnexus.MergeRules
    scope: str
    shard: Shard
    threads: int

    def key(self, cohort: Cohort, *more: Any) -> str:
        """What the result is made from, and `more` of that."""
        inside = self.shard.targets.inside
        targets = None if inside is None else [asdict(each) for each in inside]
        return cohort_key(cohort, "glnexus", asdict(self.rules), self.scope, targets, *more)

    def merged(self, cohort: Cohort) -> "MergedShard":
        """The shard's sites, by the evidence of the whole cohort."""

        def observe(region: Region) -> AlleleEvidence:
            return evidence_of(cohort, region, self.rules, self.threads)

        evidence = whole_regions(observe, cohort.layout, self.shard.region)
        samples = len(cohort.samples)
        return MergedShard.of(
            cohort, evidence, samples=samples, shard=self.shard, rules=self.rules, threads=self.threads
        )


def merge_tasks(cohort: Cohort, url: str, rules: glnexus.MergeRules, cut: ShardPlan, threads: int) -> list[MergeTask]:
    """A task for each shard of the plan."""
    return [
        MergeTask(
            cohort_url=cohort.url,
            version=cohort.version,
            url=url,
            rules=rules,
            scope=cut.scope,
            shard=shard,
            threads=threads,
        )
        for shard in cut.owned
    ]


class _Stretch(NamedTuple):
    """What a shard has of one contig, on the axis: its sites, and how many ALTs went into them or were dropped."""

    contig: Contig
    begin: int
    unified: glnexus.Unified


class PlacedSite(NamedTuple):
    """A site, the contig that it is on, and where this begins on the axis."""

    site: glnexus.UnifiedSite
    contig: str
    begin: int


def evidence_of(cohort: Cohort, region: Region, rules: glnexus.MergeRules, threads: int) -> AlleleEvidence:
    """ALLELE_EVIDENCE of a cohort's active samples in a region, so many batches at a time."""

    def observe(batch: Batch) -> AlleleEvidence:
        return glnexus.observe(_renumbered(variants_along(cohort, batch, region), batch), rules)

    return glnexus.merge(list(in_threads(observe, cohort.batches, threads)))


def whole_regions(observe: Callable[[Region], AlleleEvidence], layout: Layout, shard: Region) -> AlleleEvidence:
    """ALLELE_EVIDENCE of all active regions that reach into a shard, which are whole: `observe` gives it of a region.

    Reads on to both sides until it has them.
    """
    more = 2 * glnexus.FAR_BP
    while True:
        region = Region(shard.contig, max(0, shard.start - more), shard.end + more)
        owned = list(_reaching(observe(region), layout, shard))
        if all(
            (region.start == 0 or begin - glnexus.FAR_BP >= region.start) and end < region.end
            for _, _, begin, end in owned
        ):
            return pa.concat_tables([ALLELE_EVIDENCE.empty_table(), *(own for _, own, _, _ in owned)]).combine_chunks()
        more *= 4


@dataclass(frozen=True, kw_only=True)
class MergedShard:
    """A shard's sites: those that begin in it, of all active regions that reach into it; and its cohort's calls."""

    cohort: Cohort
    shard: Shard
    rules: glnexus.MergeRules
    threads: int
    stretches: list[_Stretch]

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        evidence: AlleleEvidence,
        *,
        samples: int,
        shard: Shard,
        rules: glnexus.MergeRules,
        threads: int,
    ) -> "MergedShard":
        """By everybody's evidence, of `samples` samples, of whole active regions; they may lie elsewhere, too."""
        axis = cohort.layout.axis(shard.region.contig)
        stretches = []
        for number, own, _, _ in _reaching(evidence, cohort.layout, shard.region):
            begin = axis.on(Region(number, 0, 0)).start
            stretches.append(_Stretch(cohort.contigs[number], begin, glnexus.unify(own, samples, rules)))
        return cls(cohort=cohort, shard=shard, rules=rules, threads=threads, stretches=stretches)

    def _owns(self, start: int) -> bool:
        return self.shard.region.start <= start < self.shard.region.end

    def _inside(self, start: int) -> bool:
        inside = self.shard.targets.inside
        return inside is None or any(each.start <= start < each.end for each in inside)

    def chosen(self) -> tuple[list[PlacedSite], Counter[str]]:
        """The shard's sites inside its targets, and how many ALTs are at them or were left out, by the reason."""
        alleles: Counter[str] = Counter()
        chosen: list[PlacedSite] = []
        for stretch in self.stretches:
            unified = stretch.unified
            mine = [site for site in unified.sites if self._owns(site.start)]
            inside = [site for site in mine if self._inside(site.start)]
            alts, wanted = (sum(len(site.alts) for site in sites) for sites in (mine, inside))
            gone = {"filtered": unified.filtered, "lost": unified.lost}
            alleles.update({name: sum(map(self._owns, starts)) for name, starts in gone.items()})
            alleles.update({AT_SITES: wanted, "outside the intervals": alts - wanted})
            chosen += [PlacedSite(site, stretch.contig.name, stretch.begin) for site in inside]
        return chosen, alleles

    def calls(self, sites: Sequence[glnexus.UnifiedSite], tables: glnexus.SiteTables) -> Iterator[glnexus.BatchCalls]:
        """Every batch's calls at some of the sites, in the batches' order; several batches at a time."""
        reach = Region(
            self.shard.region.contig,
            max(0, min((min(site.start, site.reach[0]) for site in sites), default=0) - glnexus.FAR_BP),
            max((max(site.stop, site.reach[1]) for site in sites), default=0),
        )

        def call(batch: Batch) -> glnexus.BatchCalls:
            rows = rows_along(self.cohort, batch, reach)
            variants, blocks = _renumbered(rows.variants, batch), _renumbered(rows.blocks, batch)
            return glnexus.call_batch(tables, variants, blocks, len(active_numbers(batch)), self.rules)

        return in_threads(call, self.cohort.batches, self.threads)


class KeptSites(NamedTuple):
    """Sites with an ALT that is written.

    alts    (ALTs,) bool; which are, of those of all sites that were called
    called  (sites that were called,) bool; those that are written
    counts  (sites,) int32; the number of their ALTs
    sites, numbers  the sites, and the numbers of their ALTs
    """

    alts: npt.NDArray[np.bool_]
    called: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.int32]
    sites: list[PlacedSite]
    numbers: list[list[int]]

    @classmethod
    def of(
        cls,
        placed: Sequence[PlacedSite],
        tables: glnexus.SiteTables,
        alts: npt.NDArray[np.bool_],
    ) -> "KeptSites":
        """Of sites of whose ALTs these are written, as `glnexus.kept_alts` has them of everybody's calls."""
        counts = np.diff(np.append(0, np.cumsum(alts))[tables.alts])
        numbers = [(np.flatnonzero(alts[low:high]) + 1).tolist() for low, high in pairwise(tables.alts.tolist())]
        pairs = [(site, own) for site, own in zip(placed, numbers, strict=True) if own]
        return cls(
            alts, counts > 0, counts[counts > 0].astype(np.int32), [one for one, _ in pairs], [own for _, own in pairs]
        )


def active_numbers(batch: Batch) -> npt.NDArray[np.int64]:
    """The batch's numbers of its active samples."""
    return np.flatnonzero(batch.ranks >= 0)


def _renumbered(rows: Records, batch: Batch) -> Records:
    """The rows of active samples, whose numbers count only these."""
    active = active_numbers(batch)
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
    evidence: AlleleEvidence, layout: Layout, shard: Region
) -> Iterator[tuple[int, AlleleEvidence, int, int]]:
    """By contig: its number, the evidence of its active regions that reach into the shard, their begin and end.

    Where evidence of a contig begins or ends with the contig, nothing more can join it.
    """
    start = numbers(evidence["start"]).astype(np.int64)
    stop = start + numbers(pc.binary_length(evidence["ref"]))
    contigs, begins = layout.axis(shard.contig).starts(shard)
    finish = int(begins[-1]) + layout.contigs[int(contigs[-1])].length
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
