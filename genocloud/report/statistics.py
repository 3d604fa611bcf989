"""Counts of a callset that merge over shards and batches: sites by kind, genotypes by sample, distributions.

Definitions, all after leaving out the allele `*` (a deletion that began upstream):
- An ALT is a SNV if it differs from a REF of its own length in one base, an indel if the lengths differ, else other
  (several bases, or symbolic).
- A site is a SNP (indel) if all its ALTs are SNVs (indels), mixed if it has both and nothing else, non-variant if it
  was emitted without any ALT, else other; it is also multi-allelic if it has two ALTs or more.
- Ti/Tv is over SNVs, each ALT of each site once: transitions are A<->G and C<->T.
- The frequency spectrum is not folded (ALT against REF, as no ancestral allele is known): AC / AN of each ALT.
- A genotype is missing if any of its alleles is `.`, else called. Called diploids are hom-ref, het (two different
  alleles) or hom-alt; haploids are counted apart, so that sex chromosomes do not move het/hom.
- Depth and GQ are those of called genotypes that have them; GQ is capped at 99, as in the VCF.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.kernels.cell_runs import CellRuns
from genocloud.report.alt_alleles import KINDS, TRANSITION, TRANSVERSION, AltAlleles, Counts

SITE_COUNTS = (
    "sites",
    "snps",
    "indels",
    "mixed",
    "other",
    "nonvariant",
    "multiallelic",
    "transitions",
    "transversions",
)
"""What is counted of sites; sites = snps + indels + mixed + other + nonvariant."""

SAMPLE_COUNTS = ("missing", "hom_ref", "het", "hom_alt", "haploid_ref", "haploid_alt")
"""The classes of a sample's genotypes; each genotype is in one of them."""

SAMPLE_SUMS = ("depth_sum", "depth_calls", "gq_sum", "gq_calls")
"""Sums of DP and GQ over a sample's called genotypes, and how many had the value."""

SHARES = ("< 0.1%", "0.1-0.5%", "0.5-1%", "1-2%", "2-5%", "5-10%", "10-20%", "20-50%", "50-100%", "100%")

BANDS = ("AC 0", "AC 1", "AC 2", *SHARES)
"""Bands of the frequency spectrum: allele counts 0 to 2, then AC / AN with the upper edge outside; AC = AN is 100%."""

BAND_EDGES_PERMILLE = np.array([1, 5, 10, 20, 50, 100, 200, 500, 1000], np.int64)
"""Upper edges of the bands after AC 2, as integers, so that 0.1 AN is not a matter of rounding."""

HIGHEST_DEPTH, HIGHEST_GQ = 500, 99
"""Last bins of the histograms; they hold all larger values. 500 suits exomes; a genome needs about 100."""

_TOTALS = ("samples", *SAMPLE_COUNTS, *SAMPLE_SUMS)
_MISSING, _HOM_REF, _HET, _HOM_ALT, _HAPLOID_REF, _HAPLOID_ALT = range(len(SAMPLE_COUNTS))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Statistics:
    """Counts of one callset, or of a part of it.

    samples        names, in the callset's order
    unnamed        (1 + SAMPLE_COUNTS + SAMPLE_SUMS,) samples of whom only sums are known: how many, and the sums
    site_counts    (SITE_COUNTS,)
    spectrum       (KINDS, BANDS) ALT alleles
    sample_counts  (samples, SAMPLE_COUNTS + SAMPLE_SUMS)
    depths         (HIGHEST_DEPTH + 1,) called genotypes by DP
    qualities      (HIGHEST_GQ + 1,) called genotypes by GQ
    """

    samples: tuple[str, ...]
    site_counts: Counts
    spectrum: Counts
    sample_counts: Counts
    depths: Counts
    qualities: Counts
    unnamed: Counts

    @classmethod
    def empty(cls, samples: Sequence[str] = ()) -> "Statistics":
        """Counts of zero; `samples` sets their order in what is merged into it."""
        return cls(
            samples=tuple(samples),
            site_counts=np.zeros(len(SITE_COUNTS), np.int64),
            spectrum=np.zeros((len(KINDS), len(BANDS)), np.int64),
            sample_counts=np.zeros((len(samples), len(SAMPLE_COUNTS + SAMPLE_SUMS)), np.int64),
            depths=np.zeros(HIGHEST_DEPTH + 1, np.int64),
            qualities=np.zeros(HIGHEST_GQ + 1, np.int64),
            unnamed=np.zeros(1 + len(SAMPLE_COUNTS + SAMPLE_SUMS), np.int64),
        )

    def merge(self, other: "Statistics") -> "Statistics":
        """Both together: associative; samples in the order in which they are first seen."""
        samples = tuple(dict.fromkeys(self.samples + other.samples))
        return Statistics(
            samples=samples,
            site_counts=self.site_counts + other.site_counts,
            spectrum=self.spectrum + other.spectrum,
            sample_counts=self._counts_of(samples) + other._counts_of(samples),
            depths=self.depths + other.depths,
            qualities=self.qualities + other.qualities,
            unnamed=self.unnamed + other.unnamed,
        )

    def _counts_of(self, samples: tuple[str, ...]) -> Counts:
        """The sample counts with rows for `samples`, a superset of ours; zeros for the others."""
        if samples == self.samples:
            return self.sample_counts
        row = {sample: index for index, sample in enumerate(samples)}
        out = np.zeros((len(samples), self.sample_counts.shape[1]), np.int64)
        out[[row[sample] for sample in self.samples]] = self.sample_counts
        return out

    def site_count(self, name: str) -> int:
        """One of SITE_COUNTS."""
        return int(self.site_counts[SITE_COUNTS.index(name)])

    def by_sample(self, name: str) -> Counts:
        """One of SAMPLE_COUNTS or SAMPLE_SUMS, (samples,)."""
        return self.sample_counts[:, (SAMPLE_COUNTS + SAMPLE_SUMS).index(name)]

    @property
    def genotypes(self) -> Counts:
        """Genotypes of each sample, missing ones included, (samples,)."""
        return np.asarray(self.sample_counts[:, : len(SAMPLE_COUNTS)].sum(axis=1))

    @property
    def called(self) -> Counts:
        """Called genotypes of each sample, (samples,)."""
        return np.asarray(self.genotypes - self.by_sample("missing"))

    @property
    def call_rates(self) -> npt.NDArray[np.float64]:
        """Called share of each sample's genotypes, (samples,); NaN without genotypes."""
        return _ratio(self.called, self.genotypes)

    @property
    def call_rate(self) -> float:
        """Called share of all genotypes; NaN without genotypes."""
        unnamed = self.unnamed[1 : 1 + len(SAMPLE_COUNTS)]
        genotypes = self.genotypes.sum() + unnamed.sum()
        return float(_ratio(genotypes - self.by_sample("missing").sum() - unnamed[_MISSING], genotypes))

    @property
    def sample_total(self) -> int:
        """How many samples were counted, named or not."""
        return len(self.samples) + int(self.unnamed[0])

    def totals(self) -> schema.Totals:
        """TOTALS over all samples, for locations that share sums only."""
        sums = np.concatenate([[len(self.samples)], self.sample_counts.sum(axis=0)]) + self.unnamed
        rows = [(kind, 0, count) for kind, count in zip(_TOTALS, sums.tolist(), strict=True)]
        for kind, counts in (("depth", self.depths), ("quality", self.qualities)):
            rows += [(kind, place, int(counts[place])) for place in np.flatnonzero(counts).tolist()]
        return pa.table([pa.array(column) for column in zip(*rows, strict=True)], schema.TOTALS.names).cast(
            schema.TOTALS
        )

    @classmethod
    def of_totals(cls, table: schema.Totals) -> "Statistics":
        """The reverse of `totals`: samples of which only sums are known."""
        out = cls.empty()
        for row in table.to_pylist():
            if row["kind"] in _TOTALS:
                out.unnamed[_TOTALS.index(row["kind"])] += row["count"]
            else:
                (out.depths if row["kind"] == "depth" else out.qualities)[row["bin"]] += row["count"]
        return out

    @property
    def ti_tv(self) -> float:
        """Transitions for each transversion; NaN without transversions."""
        return float(_ratio(*self.site_counts[[SITE_COUNTS.index("transitions"), SITE_COUNTS.index("transversions")]]))

    @property
    def het_hom(self) -> npt.NDArray[np.float64]:
        """Diploid het calls for each hom-alt one, (samples,); NaN without hom-alt calls."""
        return _ratio(self.by_sample("het"), self.by_sample("hom_alt"))

    @property
    def mean_depths(self) -> npt.NDArray[np.float64]:
        """Mean DP of each sample's called genotypes, reads, (samples,)."""
        return _ratio(self.by_sample("depth_sum"), self.by_sample("depth_calls"))

    @property
    def mean_gqs(self) -> npt.NDArray[np.float64]:
        """Mean GQ of each sample's called genotypes, phred, capped at 99, (samples,)."""
        return _ratio(self.by_sample("gq_sum"), self.by_sample("gq_calls"))

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for a receipt; histograms without their trailing zeros."""
        return {
            "sites": dict(zip(SITE_COUNTS, self.site_counts.tolist(), strict=True)),
            "spectrum": dict(zip(KINDS, self.spectrum.tolist(), strict=True)),
            "sample_columns": [*SAMPLE_COUNTS, *SAMPLE_SUMS],
            "samples": dict(zip(self.samples, self.sample_counts.tolist(), strict=True)),
            "depths": np.trim_zeros(self.depths, "b").tolist(),
            "qualities": np.trim_zeros(self.qualities, "b").tolist(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Statistics":
        """The reverse of `to_json`."""
        out = cls.empty(tuple(values["samples"]))
        out.site_counts[:] = [values["sites"][name] for name in SITE_COUNTS]
        out.spectrum[:] = [values["spectrum"][kind] for kind in KINDS]
        if out.samples:
            out.sample_counts[:] = list(values["samples"].values())
        out.depths[: len(values["depths"])] = values["depths"]
        out.qualities[: len(values["qualities"])] = values["qualities"]
        return out


def merge_all(parts: Iterable[Statistics], samples: Sequence[str] = ()) -> Statistics:
    """All of `parts` together, samples in the order of `samples`."""
    return reduce(Statistics.merge, parts, Statistics.empty(samples))


def _ratio(numerator: Any, denominator: Any) -> npt.NDArray[np.float64]:
    """The quotient as float64, NaN where the denominator is 0."""
    out = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=np.asarray(denominator) != 0)
    return out


def count_sites(sites: schema.Sites) -> Statistics:
    """The site counts and the frequency spectrum of a table SITES; no samples."""
    alleles = AltAlleles.of(sites)
    out = Statistics.empty()
    out.site_counts[:] = _site_counts(alleles)
    out.spectrum[:] = _spectrum(alleles)
    return out


def _site_counts(alleles: AltAlleles) -> list[int]:
    number = len(alleles.bare)
    by_kind = np.bincount(alleles.site * len(KINDS) + alleles.kind, minlength=number * len(KINDS))
    snvs, indels, others = by_kind.reshape(-1, len(KINDS)).T
    total = snvs + indels + others
    plain = (total > 0) & (others == 0)
    classes = [plain & (indels == 0), plain & (snvs == 0), plain & (snvs > 0) & (indels > 0)]
    classes += [~plain & ~alleles.bare, alleles.bare, total > 1]
    exchanges = [alleles.exchange == TRANSITION, alleles.exchange == TRANSVERSION]
    return [number, *(int(np.count_nonzero(mask)) for mask in classes + exchanges)]


def _spectrum(alleles: AltAlleles) -> Counts:
    known = np.flatnonzero((alleles.ac >= 0) & (alleles.an >= 0))
    kind, ac, an = alleles.kind[known], alleles.ac[known], alleles.an[known]
    by_edge = (ac[:, None] * 1000 >= an[:, None] * BAND_EDGES_PERMILLE).sum(axis=1)
    band = np.where(ac <= 2, ac, 3 + by_edge)
    counts = np.bincount(kind * len(BANDS) + band, minlength=len(KINDS) * len(BANDS))
    return np.asarray(counts.reshape(len(KINDS), len(BANDS)))


def count_called(samples: Sequence[str], distinct: schema.LocalGenotypes, runs: CellRuns) -> Statistics:
    """The sample counts and the histograms of genotypes (one batch x one shard, say) as runs; no site counts.

    distinct  the columns GT, DP and GQ of the distinct ones
    runs      the row of `distinct` that each cell (site, sample) has
    """
    words, texts = _codes(distinct["GT"])
    classes = np.array([_genotype_class(text) for text in texts], np.int64)[words]
    called = classes != _MISSING
    depth = _called_values(distinct["DP"], called)
    gq = np.minimum(_called_values(distinct["GQ"], called), HIGHEST_GQ)
    out = Statistics.empty(samples)
    cells, width, rows = runs.stops - runs.firsts, len(SAMPLE_COUNTS), len(samples)

    def summed(values: npt.NDArray[Any], places: npt.NDArray[Any], count: int) -> Counts:
        return np.bincount(places, values, count).astype(np.int64)  # as float64, see _sums

    by_class = summed(cells, runs.samples * np.int64(width) + classes[runs.numbers], rows * width)
    out.sample_counts[:, :width] = by_class.reshape(rows, width)
    for column, values in ((width, depth), (width + 2, gq)):
        of_run = values[runs.numbers]
        out.sample_counts[:, column] = summed(np.maximum(of_run, 0) * cells, runs.samples, rows)
        out.sample_counts[:, column + 1] = summed((of_run >= 0) * cells, runs.samples, rows)
    times = summed(cells, runs.numbers, len(classes))
    np.add.at(out.depths, np.minimum(depth[depth >= 0], HIGHEST_DEPTH), times[depth >= 0])
    np.add.at(out.qualities, gq[gq >= 0], times[gq >= 0])
    return out


def _codes(column: pa.ChunkedArray) -> tuple[Counts, list[str]]:
    """A column of few words as (rows,) indices and the words that occur, in the order in which they are first seen."""
    words = column.unify_dictionaries().combine_chunks()
    codes = words.indices
    seen = pc.unique(codes)
    rank = np.zeros(len(words.dictionary), np.int64)
    rank[seen.to_numpy()] = np.arange(len(seen))
    return rank[codes.to_numpy()], words.dictionary.take(seen).to_pylist()


def _genotype_class(text: str) -> int:
    """Index into SAMPLE_COUNTS of a genotype as VCF writes it."""
    alleles = text.replace("|", "/").split("/")
    if "." in alleles:
        return _MISSING
    if len(alleles) == 1:
        return _HAPLOID_REF if alleles == ["0"] else _HAPLOID_ALT
    if len(set(alleles)) > 1:
        return _HET
    return _HOM_REF if alleles[0] == "0" else _HOM_ALT


def _called_values(column: pa.ChunkedArray, called: npt.NDArray[np.bool_]) -> Counts:
    """The values of called genotypes, (rows,); -1 elsewhere and where missing."""
    values = np.maximum(schema.numbers(column).astype(np.int64), -1)
    return np.where(called, values, -1)


def _sums(samples: Counts, values: Counts, rows: int) -> tuple[Counts, Counts]:
    """Sum and number of the values that are there, both by sample.

    Sums are made as float64, which is exact below 2**53: a shard's depths do not come near it.
    """
    known = values >= 0
    sums = np.bincount(samples[known], values[known], minlength=rows)
    return sums.astype(np.int64), np.bincount(samples[known], minlength=rows)
