"""What filters ask of a site's genotypes: how many are missing, of high quality, and their alleles (gnomAD's adj)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotype_text import NO_CALL
from genocloud.kernels.adj import PAD, adj_failures, allele_table, reads_of, smallest
from genocloud.kernels.cell_runs import CellRuns

_Ints = npt.NDArray[np.int64]

COLUMNS = ["GT", "AD", "DP", "GQ"]
"""Columns of GENOTYPES that the sums follow from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenotypeSums:
    """Sums over some samples at each site; those of several batches are added.

    missing  (sites,) genotypes with an allele that is not called
    high     (sites,) genotypes that are adj, without missing ones
    called   (sites,) their alleles
    counts   (ALTs,) of these each ALT's, site after site
    reads    (ALTs, 2) reads of the ALT, and of both alleles, in diploid heterozygotes with it that have AD
    carried  (ALTs, 4) genotypes with the ALT that have a DP, their DP, those that have a GQ, their GQ
    zygosity (ALTs, 2) diploid genotypes, all called, with the ALT and another allele; of the ALT alone
    plain    (sites, 2) called genotypes of REF alone that have a DP, their DP
    """

    missing: _Ints
    high: _Ints
    called: _Ints
    counts: _Ints
    reads: _Ints
    carried: _Ints
    zygosity: _Ints
    plain: _Ints

    def __add__(self, more: "GenotypeSums") -> "GenotypeSums":
        return GenotypeSums(
            missing=self.missing + more.missing,
            high=self.high + more.high,
            called=self.called + more.called,
            counts=self.counts + more.counts,
            reads=self.reads + more.reads,
            carried=self.carried + more.carried,
            zygosity=self.zygosity + more.zygosity,
            plain=self.plain + more.plain,
        )

    def table(self, alts: npt.NDArray[Any], samples: int) -> schema.SiteMetrics:
        """SITE_METRICS at sites with so many ALTs, of so many samples."""
        offsets = pa.array(np.concatenate([[0], np.cumsum(alts)]).astype(np.int32))
        with_depth, depth, with_quality, quality = self.carried.T
        usual = np.repeat(_ratio(self.plain[:, 1], self.plain[:, 0]), alts)
        usual[usual == 0] = np.nan
        means = _ratio(quality, with_quality), _ratio(depth, with_depth) / usual
        columns = [
            self.missing.astype(np.int32),
            self.missing / max(samples, 1),
            self.high.astype(np.int32),
            pa.ListArray.from_arrays(offsets, self.counts.astype(np.int32)),
            self.called.astype(np.int32),
            pa.ListArray.from_arrays(offsets, schema.nullable(_ratio(*self.reads.T), schema.DOUBLE)),
            *(pa.ListArray.from_arrays(offsets, each.astype(np.int32)) for each in self.zygosity.T),
            *(pa.ListArray.from_arrays(offsets, schema.nullable(each, schema.DOUBLE)) for each in means),
        ]
        return pa.table(columns, schema.SITE_METRICS)


def sum_genotypes(local: schema.LocalGenotypes, runs: CellRuns, alts: npt.NDArray[Any]) -> GenotypeSums:
    """Sums of a batch's genotypes, LOCAL_GENOTYPES and the runs of sites that have each.

    alts  (sites,) the number of ALTs of each site
    """
    alleles = allele_numbers(local["GT"])
    missing = (alleles == NO_CALL).any(axis=1)
    high = is_adj(local, alleles) & ~missing
    sites = len(alts)
    plain = np.all((alleles == 0) | (alleles == PAD), axis=1)
    called = np.where(high, (alleles >= 0).sum(axis=1), 0)
    return GenotypeSums(
        missing=along(runs, missing.astype(np.int64), sites),
        high=along(runs, high.astype(np.int64), sites),
        called=along(runs, called, sites),
        counts=by_alt(runs, np.where(high[:, None], alleles, PAD), alts),
        reads=_het_reads(local, runs, alleles, alts),
        carried=_sums_by_alt(runs, each_once(alleles), alts, *_known_sums(local, "DP"), *_known_sums(local, "GQ")),
        zygosity=_zygosity(alleles, runs, alts),
        plain=np.stack([along(runs, np.where(plain, each, 0), sites) for each in _known_sums(local, "DP")], axis=1),
    )


def count_zygosity(local: schema.LocalGenotypes, runs: CellRuns, alts: npt.NDArray[Any]) -> _Ints:
    """The `zygosity` of sum_genotypes alone, of which GT is needed."""
    return _zygosity(allele_numbers(local["GT"]), runs, alts)


def _zygosity(alleles: _Ints, runs: CellRuns, alts: npt.NDArray[Any]) -> _Ints:
    diploid = np.asarray((alleles >= 0).sum(axis=1) == 2)
    is_het = (alleles.max(axis=1, initial=PAD) > smallest(alleles)).astype(np.int64)
    return _sums_by_alt(runs, np.where(diploid[:, None], each_once(alleles), PAD), alts, is_het, 1 - is_het)


def allele_numbers(genotypes: pa.ChunkedArray) -> _Ints:
    """Allele numbers of each GT, as long as the longest: (rows, alleles)."""
    words = genotypes.unify_dictionaries().combine_chunks()
    return np.asarray(allele_table(words.dictionary.to_pylist())[schema.numbers(words.indices)])


def is_adj(local: schema.LocalGenotypes, alleles: _Ints) -> npt.NDArray[np.bool_]:
    """Whether each genotype has the quality, depth and balance of adj; a missing value is none."""
    depth, quality = (schema.numbers(local[name]).astype(np.int64) for name in ("DP", "GQ"))
    failures = adj_failures(quality, depth, alleles, schema.ragged(local["LAA"]), schema.ragged(local["LAD"]))
    return np.asarray(~failures.any(axis=1))


def along(runs: CellRuns, values: _Ints, sites: int) -> _Ints:
    """The sum of the values of each site's genotypes: what a run adds at its first site goes off behind its last."""
    steps = np.zeros(sites + 1, np.int64)
    np.add.at(steps, runs.firsts, values[runs.numbers])
    np.subtract.at(steps, runs.stops, values[runs.numbers])
    return np.cumsum(steps[:-1])


def _known_sums(local: schema.LocalGenotypes, name: str) -> tuple[_Ints, _Ints]:
    """Of each genotype whether a value is there, and the value, 0 where it is not."""
    values = schema.numbers(local[name]).astype(np.int64)
    return (values >= 0).astype(np.int64), np.maximum(values, 0)


def each_once(alleles: _Ints) -> _Ints:
    """Each allele of a genotype once."""
    out = alleles.copy()
    for place in range(1, alleles.shape[1]):
        out[(alleles[:, :place] == alleles[:, place : place + 1]).any(axis=1), place] = PAD
    return out


def by_alt(runs: CellRuns, alleles: _Ints, alts: npt.NDArray[Any]) -> _Ints:
    """How often the genotypes have each ALT, (ALTs,); alleles: (genotypes, alleles)."""
    return _sums_by_alt(runs, alleles, alts, np.ones(len(alleles), np.int64))[:, 0]


def alt_cells(runs: CellRuns, alleles: _Ints, alts: npt.NDArray[Any]) -> tuple[_Ints, _Ints, _Ints, _Ints]:
    """Where genotypes have ALTs: (place of the ALT among all, run, genotype, place in its `alleles`), each (cells,).

    Runs with ALTs are short.
    """
    has_alt = np.asarray(np.any(alleles > 0, axis=1))
    with_alts = np.flatnonzero(has_alt[runs.numbers])
    lengths = (runs.stops - runs.firsts)[with_alts].astype(np.int64)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    site = np.repeat(runs.firsts[with_alts], lengths) + within
    run = np.repeat(with_alts, lengths)
    rows = runs.numbers[run].astype(np.int64)
    starts = np.cumsum(alts) - alts
    cell, slot = np.nonzero(alleles[rows] > 0)
    return starts[site[cell]] + alleles[rows[cell], slot] - 1, run[cell], rows[cell], slot


def _sums_by_alt(runs: CellRuns, alleles: _Ints, alts: npt.NDArray[Any], *weights: _Ints) -> _Ints:
    """The sums of weights of the genotypes with each ALT, (ALTs, weights).

    weights  each (genotypes,) or (genotypes, alleles)
    """
    places, _, rows, slot = alt_cells(runs, alleles, alts)
    sums = np.zeros((int(np.sum(alts)), len(weights)), np.int64)
    for column, each in zip(sums.T, weights, strict=True):
        np.add.at(column, places, each[rows] if each.ndim == 1 else each[rows, slot])
    return sums


def _het_reads(local: schema.LocalGenotypes, runs: CellRuns, alleles: _Ints, alts: npt.NDArray[Any]) -> _Ints:
    """Reads of each ALT, and of all alleles of the genotype, in diploid heterozygotes that have both, (ALTs, 2)."""
    whole = np.asarray(alleles >= 0).sum(axis=1) == 2
    het = np.flatnonzero(whole & (alleles.max(axis=1, initial=PAD) > smallest(alleles)))
    reads = np.full(alleles.shape, -1, np.int64)
    by_local = schema.ragged(local["LAA"]), schema.ragged(local["LAD"])
    for place, allele in enumerate(alleles.T):
        reads[het, place] = np.where(allele[het] >= 0, reads_of(*by_local, het, allele[het]), 0)
    known: npt.NDArray[np.bool_] = np.all(reads >= 0, axis=1)
    kept = np.where(np.asarray(known)[:, None], alleles, PAD)
    return _sums_by_alt(runs, kept, alts, reads, reads.sum(axis=1))


def _ratio(part: _Ints, whole: _Ints) -> npt.NDArray[np.float64]:
    """NaN of nothing."""
    out = np.full(len(whole), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def total(sums: Sequence[GenotypeSums], alts: npt.NDArray[Any]) -> GenotypeSums:
    """The sums of several batches, of none too."""

    def zeros(rows: int, *columns: int) -> _Ints:
        return np.zeros((rows, *columns), np.int64)

    sites, count = len(alts), int(np.sum(alts))
    start = GenotypeSums(
        missing=zeros(sites),
        high=zeros(sites),
        called=zeros(sites),
        counts=zeros(count),
        reads=zeros(count, 2),
        carried=zeros(count, 4),
        zygosity=zeros(count, 2),
        plain=zeros(sites, 2),
    )
    return sum(sums, start)
