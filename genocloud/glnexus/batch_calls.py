"""A batch's samples at the sites of a stretch: records lined up under sites, equal cells called once."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.glnexus.allele_evidence import called_pairs
from genocloud.glnexus.merge_rules import MergeRules
from genocloud.glnexus.sample_calls import SampleRecord, SiteCall, call_sample
from genocloud.glnexus.unified_sites import Edit, UnifiedSite
from genocloud.schema import MISSING, Blocks, Variants, numbers

Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]

SYMBOLIC = ("<*>",)
"""ALT of a block, whichever symbolic one its file has."""
FAR_BP = 10_000
"""How far before a site a variant record may begin that a later record of its sample cuts short in a cohort."""


@dataclass(frozen=True)
class BatchCalls:
    """Calls of a batch: at each site the number in `cells` of each sample's; (sites, samples) int32."""

    codes: npt.NDArray[np.int32]
    cells: list[SiteCall]

    def classes(self, rows: Bools) -> npt.NDArray[np.int64]:
        """Of chosen sites (sites,), each sample's genotype: 0 missing or half, 1 hom-ref, 2 het, 3 hom-alt."""
        kinds = [
            0 if low < 0 else 2 if low != high else 1 if low == 0 else 3
            for low, high in (cell.alleles for cell in self.cells)
        ]
        return np.array([*kinds, 0], np.int64)[self.codes[rows]]


def call_batch(
    sites: Sequence[UnifiedSite], variants: Variants, blocks: Blocks, samples: int, rules: MergeRules
) -> BatchCalls:
    """Call `samples` samples at sites; `sample` of the rows is the number of the sample, below `samples`.

    Needed are the rows that overlap the reach of the sites, and variants from FAR_BP before on; more do not matter.
    """
    codes = np.zeros((len(sites), samples), np.int32)
    if not sites:
        return BatchCalls(codes, [])
    caller = _Caller(rules)
    plain = _SampleBlocks.of(blocks)
    records = _Records(variants)
    columns = list(plain.under(sites, samples))
    for number, (site, (first, end, whole)) in enumerate(zip(sites, columns, strict=True)):
        kinds = np.append(plain.kinds, -1)[np.where(end - first == 1, first, -1)]
        for kind, covers in {*zip(kinds.tolist(), whole.tolist(), strict=True)}:
            codes[number, (kinds == kind) & (whole == covers)] = caller.blocks(site, plain, [kind], covers)
        for sample in np.flatnonzero(end - first > 1).tolist():
            chain = plain.kinds[first[sample] : end[sample]].tolist()
            codes[number, sample] = caller.blocks(site, plain, chain, bool(whole[sample]))
        for sample, rows in records.under(site).items():
            chosen = [*(records[row] for row in rows), *plain.records(range(first[sample], end[sample]))]
            chosen.sort(key=lambda record: (record.start, record.stop))
            codes[number, sample] = caller.number(call_sample(site, chosen, rules))
    return BatchCalls(codes, caller.cells)


class _Caller:
    """Calls each distinct cell once, and numbers them."""

    def __init__(self, rules: MergeRules) -> None:
        self.cells: list[SiteCall] = []
        self._rules = rules
        self._known: dict[Hashable, int] = {}

    def number(self, cell: SiteCall) -> int:
        self.cells.append(cell)
        return len(self.cells) - 1

    def blocks(self, site: UnifiedSite, blocks: "_SampleBlocks", kinds: Sequence[int], whole: bool) -> int:
        """The number of a cell with blocks of these kinds only, of which all there are make no difference."""
        key = (site.alleles, site.alone, whole, *kinds)
        if key not in self._known:
            stop = site.stop if whole else site.stop - 1
            here = [replace(blocks.distinct[kind], start=site.start, stop=stop) for kind in kinds if kind >= 0]
            if not whole:
                here = [replace(each, start=site.stop - 1, stop=site.stop) for each in here]
            self._known[key] = self.number(call_sample(site, here, self._rules))
        return self._known[key]


@dataclass(frozen=True, kw_only=True)
class _SampleBlocks:
    """Blocks sorted by sample and start; `kinds`: the number of each in `distinct`, which have no place."""

    sample: Ints
    start: Ints
    stop: Ints
    kinds: Ints
    distinct: list[SampleRecord]

    @classmethod
    def of(cls, blocks: Blocks) -> "_SampleBlocks":
        sample, start, stop = (numbers(blocks[name]).astype(np.int64) for name in ("sample", "start", "stop"))
        order = np.lexsort((start, sample))
        names = ("dp", "gq", "min_dp", "pl0", "pl1", "pl2", "ploidy", "called")
        values = np.stack([numbers(blocks[name]).astype(np.int64) for name in names], axis=1)
        rows, kinds = np.unique(values, axis=0, return_inverse=True)
        distinct = [_block(*row) for row in rows.tolist()]
        return cls(
            sample=sample[order],
            start=start[order],
            stop=stop[order],
            kinds=kinds.reshape(-1)[order],
            distinct=distinct,
        )

    def under(self, sites: Sequence[UnifiedSite], samples: int) -> "list[tuple[Ints, Ints, Bools]]":
        """For each site, by sample: first and end of the blocks that overlap it, and whether these leave no gap."""
        starts, stops = (np.array([getattr(site, name) for site in sites], np.int64) for name in ("start", "stop"))
        bounds = np.searchsorted(self.sample, np.arange(samples + 1))
        first, end = (np.zeros((samples, len(sites)), np.int64) for _ in range(2))
        for sample, (low, high) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
            first[sample] = low + np.searchsorted(self.stop[low:high], starts, side="right")
            end[sample] = np.maximum(low + np.searchsorted(self.start[low:high], stops, side="left"), first[sample])
        lengths = np.concatenate([[0], np.cumsum(self.stop - self.start)])
        begin, finish = np.append(self.start, 0), np.append(self.stop, 0)
        some = end > first
        last = np.where(some, end - 1, len(self.stop))
        at = np.where(some, first, len(self.start))
        before, after = np.maximum(starts - begin[at], 0), np.maximum(finish[last] - stops, 0)
        whole = some & (lengths[end] - lengths[first] - before - after == stops - starts)
        return list(zip(first.T, end.T, whole.T, strict=True))

    def records(self, rows: Sequence[int]) -> list[SampleRecord]:
        """Rows as records in their places."""
        return [
            replace(self.distinct[self.kinds[row]], start=int(self.start[row]), stop=int(self.stop[row]))
            for row in rows
        ]


def _block(*values: int) -> SampleRecord:
    dp, gq, min_dp, pl0, pl1, pl2 = (None if value == MISSING else value for value in values[:6])
    haploid, called = values[6] == 1, bool(values[7])
    pl = None if haploid or pl0 is None or pl1 is None or pl2 is None else (pl0, pl1, pl2)
    first, second = (-1 if haploid or not called else 0), (0 if called else -1)
    return SampleRecord(
        start=0, stop=1, alts=SYMBOLIC, called=(first, second), haploid=haploid, dp=dp, gq=gq, min_dp=min_dp, pl=pl
    )


class _Records:
    """Rows of VARIANTS, made records where a site needs them."""

    def __init__(self, variants: Variants) -> None:
        start = numbers(variants["start"]).astype(np.int64)
        order = np.argsort(start, kind="stable")
        self._table = variants.take(pa.array(order)).combine_chunks()
        self._start = start[order]
        lengths = numbers(pc.binary_length(self._table["ref"])).astype(np.int64)
        cut = numbers(self._table["stop"]).astype(np.int64)
        self._stop = np.maximum(self._start + lengths, cut)
        self._cut = cut
        self._sample = numbers(self._table["sample"])
        self._called = called_pairs(self._table)
        self._longest = int((self._stop - self._start).max(initial=0))
        self._made: dict[int, SampleRecord] = {}

    def under(self, site: UnifiedSite) -> dict[int, list[int]]:
        """By sample, the rows that overlap a site, or have one of its ALTs beside it."""
        low, high = site.reach
        low = min(low, site.start)
        first = int(np.searchsorted(self._start, low - self._longest))
        end = int(np.searchsorted(self._start, max(high, site.stop)))
        stop, start = self._stop[first:end], self._start[first:end]
        overlaps = (stop > site.start) & (start < site.stop)
        overlaps &= (start >= low - FAR_BP) | (self._cut[first:end] > site.start)
        rows: dict[int, list[int]] = defaultdict(list)
        for place in np.flatnonzero(overlaps | ((stop > low) & (start < high))).tolist():
            row = first + place
            if overlaps[place] or self._has(row, site):
                rows[int(self._sample[row])].append(row)
        return rows

    def _has(self, row: int, site: UnifiedSite) -> bool:
        record = self[row]
        return any(Edit(record.start, record.stop, alt) in site.numbers for alt in record.alts)

    def __getitem__(self, row: int) -> SampleRecord:
        if row not in self._made:
            self._made[row] = self._record(row)
        return self._made[row]

    def _record(self, row: int) -> SampleRecord:
        values = {name: self._table[name][row].as_py() for name in _READ}
        first, second = self._called[row].tolist()
        return SampleRecord(
            start=int(self._start[row]),
            stop=int(self._stop[row]),
            ref=values["ref"],
            alts=tuple(values["alts"]),
            called=(first, second),
            haploid=len(values["gt"]) == 1,
            qual=values["qual"] or 0.0,
            filters=tuple(word for word in (values["filter"] or "").split(";") if word not in ("", "PASS")),
            dp=values["dp"],
            min_dp=values["min_dp"],
            gq=values["gq"],
            ad=None if values["ad"] is None else tuple(depth or 0 for depth in values["ad"]),
            sb=None if values["sb"] is None else tuple(values["sb"]),
            pl=None if values["pl"] is None else tuple(values["pl"]),
        )


_READ = ("ref", "alts", "gt", "qual", "filter", "dp", "min_dp", "gq", "ad", "sb", "pl")
