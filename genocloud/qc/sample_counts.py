"""Counts of each sample's genotypes, for Hail's, bcftools' and Picard's metrics: exact, and merged by adding.

They are made of runs: reference runs and others without an ALT are counted by their length, genotypes with an ALT cell
by cell. Which alleles are singletons is known when all batches of a shard have been counted (`ShardCounts`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.kernels.cell_runs import CellRuns
from genocloud.qc.allele_classes import BcftoolsType, Exchange, HailKind, PicardClass, SiteAlleles
from genocloud.qc.genotype_words import GenotypeClass, GenotypeWords, words_of

Counts = npt.NDArray[np.int64]

HIGHEST_GQ = 99
"""VCF prints GQ up to here."""

HIGHEST_DEPTH = 500
"""Last bin of the histogram of depths, as in bcftools stats."""

MOST_CELLS = 1 << 21
"""Genotypes with an ALT that are looked at together, so that memory does not grow with their number."""

CLASSES = ("autosomes", "X", "Y", "MT")
"""The classes of contigs that depths are summed by; X without its pseudo-autosomal regions."""

_PICARD = (
    "TOTAL_SNPS",
    "NUM_IN_DB_SNP",
    "FILTERED_SNPS",
    "TOTAL_INDELS",
    "FILTERED_INDELS",
    "NUM_IN_DB_SNP_INDELS",
    "TOTAL_MULTIALLELIC_SNPS",
    "NUM_IN_DB_SNP_MULTIALLELIC",
    "TOTAL_COMPLEX_INDELS",
    "NUM_IN_DB_SNP_COMPLEX_INDELS",
    "NUM_SINGLETONS",
    *(f"{where}_{what}" for where in ("novel", "known") for what in ("ti", "tv", "insertions", "deletions")),
)

COUNTS = (
    *("n_not_called", "n_hom_ref", "n_het", "n_hom_var", "n_singleton"),
    *(f"kind_{kind.name}" for kind in HailKind),
    *("dp_n", "dp_sum", "dp_squares", "gq_n", "gq_sum", "gq_squares"),
    *("nRefHom", "nNonRefHom", "nHets", "nTransitions", "nTransversions", "nIndels"),
    *("nSingletons", "nHapRef", "nHapAlt", "nMissing"),
    *_PICARD,
    *("TOTAL_GQ0_VARIANTS", "numHets", "numHomVar", "refAlleleObs", "altAlleleObs"),
    *(f"{what}_{where}" for where in CLASSES for what in ("sites", "dp", "alts", "alt_dp")),
)
"""What is counted of each sample."""

_COLUMN = {name: place for place, name in enumerate(COUNTS)}

NO_VALUE = np.iinfo(np.int64).max
"""The smallest of no values; its negative is the largest."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleCounts:
    """Counts of some samples.

    counts    (samples, COUNTS)
    extremes  (samples, 4) smallest DP, largest, smallest GQ, largest; NO_VALUE, -NO_VALUE without one
    """

    counts: Counts
    extremes: Counts

    @classmethod
    def empty(cls, samples: int) -> "SampleCounts":
        """Counts of zero."""
        extremes = np.tile(np.array([NO_VALUE, -NO_VALUE] * 2, np.int64), (samples, 1))
        return cls(counts=np.zeros((samples, len(COUNTS)), np.int64), extremes=extremes)

    def __getitem__(self, name: str) -> Counts:
        """One of COUNTS, (samples,)."""
        return self.counts[:, _COLUMN[name]]

    def add(self, other: "SampleCounts") -> "SampleCounts":
        """Both together, of the same samples."""
        low, high = (
            np.minimum(self.extremes[:, ::2], other.extremes[:, ::2]),
            np.maximum(self.extremes[:, 1::2], other.extremes[:, 1::2]),
        )
        return SampleCounts(
            counts=self.counts + other.counts, extremes=np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1)
        )


class _Cells(NamedTuple):
    """Some genotypes, one row each: place of the sample, site, row of the distinct ones, number of its word."""

    samples: npt.NDArray[np.int64]
    sites: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Carriers:
    """How often something was seen at each place, and the last sample that had it."""

    count: Counts
    last: Counts

    @classmethod
    def none(cls, places: int) -> "_Carriers":
        return cls(np.zeros(places, np.int64), np.zeros(places, np.int64))

    def see(self, places: Counts, samples: Counts, weight: int = 1) -> None:
        np.add.at(self.count, places, weight)
        self.last[places] = samples

    def single(self) -> Counts:
        """The samples that alone have what was seen once, one entry for each place."""
        return np.asarray(self.last[self.count == 1])


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardCounts:
    """The counts of a shard under way: batches are added one by one, `finish` adds what needs all of them.

    classes  (sites,) int8; place in CLASSES, or -1
    depths   (HIGHEST_DEPTH + 2,) genotypes by DP, the last for all higher ones
    """

    alleles: SiteAlleles
    classes: npt.NDArray[np.int8]
    out: SampleCounts
    copies: _Carriers = field(init=False)
    variants: _Carriers = field(init=False)
    diploids: _Carriers = field(init=False)
    not_hom_ref: Counts = field(init=False)
    depths: Counts = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing seen."""
        sites, alleles = len(self.classes), len(self.alleles.hail)
        for name, value in (
            ("copies", _Carriers.none(alleles)),
            ("variants", _Carriers.none(sites)),
            ("diploids", _Carriers.none(sites)),
            ("not_hom_ref", np.zeros(sites + 1, np.int64)),
            ("depths", np.zeros(HIGHEST_DEPTH + 2, np.int64)),
        ):
            object.__setattr__(self, name, value)

    def add(self, rows: Counts, distinct: schema.LocalGenotypes, runs: CellRuns) -> None:
        """Count a batch.

        rows      (batch's samples,) their rows of `out`
        distinct  the columns GT, LAD, DP and GQ of the distinct genotypes
        """
        codes, words = words_of(distinct["GT"])
        of_run, lengths = codes[runs.numbers], (runs.stops - runs.firsts).astype(np.int64)
        samples = rows[runs.samples]
        self._count_classes(samples, words.classes[of_run], words.ploidy[of_run], lengths)
        self._count_depths(samples, distinct, runs)
        gq = schema.numbers(distinct["GQ"]).astype(np.int64)
        self._count_missing(samples, runs, words.classes[of_run] == GenotypeClass.NOT_CALLED, gq)
        with_alt = (words.alleles > 0).any(axis=1) | (words.classes == GenotypeClass.PARTIAL)
        depths, dp = _reference_and_alt(distinct), schema.numbers(distinct["DP"]).astype(np.int64)
        for cells in _cells(samples, runs, of_run, with_alt[of_run]):
            self._count_alleles(cells, words)
            self._count_bcftools(cells, words)
            self._count_picard(cells, words.classes[cells.words], gq[cells.numbers], depths[cells.numbers])
            self._count_alt_depths(cells, dp[cells.numbers])

    def finish(self) -> tuple[SampleCounts, Counts]:
        """The counts, and those of Picard's summary: (COUNTS,), each site once."""
        for name, carriers in (
            ("n_singleton", self.copies),
            ("nSingletons", self.diploids),
        ):
            np.add.at(self.out[name], carriers.single(), 1)
        single = (self.variants.count == 1) & ~self.alleles.filtered
        np.add.at(self.out["NUM_SINGLETONS"], self.variants.last[single], 1)
        summary = np.zeros((1, len(COUNTS)), np.int64)
        counted = (np.cumsum(self.not_hom_ref)[:-1] > 0) & (self.alleles.picard != PicardClass.NO_ALT)
        places = np.flatnonzero(counted)
        self._picard_classes(SampleCounts(counts=summary, extremes=summary), np.zeros(len(places), np.int64), places)
        summary[0, _COLUMN["NUM_SINGLETONS"]] = np.count_nonzero(single & counted)
        for name in ("refAlleleObs", "altAlleleObs"):
            summary[0, _COLUMN[name]] = self.out[name].sum()
        return self.out, summary[0]

    def _count_classes(self, samples: Counts, classes: npt.NDArray[np.int8], ploidy: Counts, lengths: Counts) -> None:
        called = {"n_hom_ref": GenotypeClass.HOM_REF, "n_het": GenotypeClass.HET, "n_hom_var": GenotypeClass.HOM_VAR}
        masks = {name: classes == kind for name, kind in called.items()}
        missing = (classes == GenotypeClass.NOT_CALLED) | (classes == GenotypeClass.PARTIAL)
        masks |= {"n_not_called": missing, "nMissing": missing, "nRefHom": masks["n_hom_ref"] & (ploidy > 1)}
        masks["nHapRef"] = masks["n_hom_ref"] & (ploidy == 1)
        masks["nHapAlt"] = masks["n_hom_var"] & (ploidy == 1)
        for name, mask in masks.items():
            np.add.at(self.out[name], samples[mask], lengths[mask])

    def _count_depths(self, samples: Counts, distinct: schema.LocalGenotypes, runs: CellRuns) -> None:
        lengths = (runs.stops - runs.firsts).astype(np.int64)
        for place, name in enumerate(("DP", "GQ")):
            of_run = schema.numbers(distinct[name]).astype(np.int64)[runs.numbers]
            known = of_run >= 0
            values = np.minimum(of_run[known], HIGHEST_GQ if name == "GQ" else NO_VALUE)
            whose, times, prefix = samples[known], lengths[known], name.lower()
            np.add.at(self.out[f"{prefix}_n"], whose, times)
            np.add.at(self.out[f"{prefix}_sum"], whose, values * times)
            np.add.at(self.out[f"{prefix}_squares"], whose, values * values * times)
            np.minimum.at(self.out.extremes[:, 2 * place], whose, values)
            np.maximum.at(self.out.extremes[:, 2 * place + 1], whose, values)
            if name == "DP":
                np.add.at(self.depths, np.minimum(values, HIGHEST_DEPTH + 1), times)
        depths = np.maximum(schema.numbers(distinct["DP"]).astype(np.int64)[runs.numbers], 0)
        for place, where in enumerate(CLASSES):
            before = np.concatenate([[0], np.cumsum(self.classes == place)])
            sites = before[runs.stops] - before[runs.firsts]
            if before[-1]:
                np.add.at(self.out[f"sites_{where}"], samples, sites)
                np.add.at(self.out[f"dp_{where}"], samples, sites * depths)

    def _count_missing(self, samples: Counts, runs: CellRuns, missing: npt.NDArray[np.bool_], gq: Counts) -> None:
        """Not called, which Picard sees as variants: their sites count, and theirs with GQ 0."""
        np.add.at(self.not_hom_ref, runs.firsts[missing], 1)
        np.add.at(self.not_hom_ref, runs.stops[missing], -1)
        counted = (self.alleles.picard != PicardClass.NO_ALT) & ~self.alleles.filtered
        before = np.concatenate([[0], np.cumsum(counted)])
        zero = missing & (gq[runs.numbers] == 0)
        np.add.at(self.out["TOTAL_GQ0_VARIANTS"], samples[zero], before[runs.stops[zero]] - before[runs.firsts[zero]])

    def _count_alt_depths(self, cells: _Cells, dp: Counts) -> None:
        """DP of genotypes with an ALT, which have records of their own; that of a block is the least of its bases."""
        for place, where in enumerate(CLASSES):
            chosen = (self.classes[cells.sites] == place) & (dp >= 0)
            np.add.at(self.out[f"alts_{where}"], cells.samples[chosen], 1)
            np.add.at(self.out[f"alt_dp_{where}"], cells.samples[chosen], dp[chosen])

    def _count_alleles(self, cells: _Cells, words: GenotypeWords) -> None:
        """ALTs of called genotypes by Hail's kind."""
        called = words.classes[cells.words] != GenotypeClass.PARTIAL
        samples, sites = cells.samples[called], cells.sites[called]
        own = words.alleles[cells.words[called]]
        for each in range(own.shape[1]):
            is_alt = own[:, each] > 0
            alleles = self.alleles.offsets[sites[is_alt]] + own[is_alt, each] - 1
            kinds = _COLUMN["kind_TRANSITION"] + self.alleles.hail[alleles].astype(np.int64)
            np.add.at(self.out.counts, (samples[is_alt], kinds), 1)
            self.copies.see(alleles, samples[is_alt])

    def _count_bcftools(self, cells: _Cells, words: GenotypeWords) -> None:
        """Genotypes of two alleles or more by the types of their (first two) ALTs; PSC's columns."""
        wanted = (words.ploidy > 1) & (words.classes != GenotypeClass.PARTIAL)
        first, second = _two_alts(words.alleles)
        chosen = wanted[cells.words]
        samples, sites, word = (each[chosen] for each in (cells.samples, cells.sites, cells.words))
        self.diploids.see(sites, samples)
        one = self.alleles.offsets[sites] + first[word] - 1
        other = np.where(second[word] > 0, self.alleles.offsets[sites] + second[word] - 1, one)
        types = self.alleles.bcftools[one] | self.alleles.bcftools[other]
        snp = (types & BcftoolsType.SNP > 0) | (types == BcftoolsType.REF)
        het = words.classes[word] == GenotypeClass.HET
        first_is_snp = snp & (self.alleles.bcftools[one] & BcftoolsType.SNP > 0)
        exchange = self.alleles.exchange[one]
        unknown = first_is_snp & (exchange == Exchange.UNKNOWN)
        for name, mask in (
            ("nHets", snp & het),
            ("nNonRefHom", snp & ~het),
            ("nTransitions", first_is_snp & (exchange == Exchange.TRANSITION)),
            ("nTransversions", first_is_snp & (exchange == Exchange.TRANSVERSION)),
            ("nIndels", (types & BcftoolsType.INDEL > 0) & ~unknown),
        ):
            np.add.at(self.out[name], samples[mask], 1)

    def _count_picard(
        self, cells: _Cells, classes: npt.NDArray[np.int8], gq: Counts, depths: npt.NDArray[np.int64]
    ) -> None:
        samples, sites = cells.samples, cells.sites
        np.add.at(self.not_hom_ref, sites, 1)
        np.add.at(self.not_hom_ref, sites + 1, -1)
        self._picard_classes(self.out, samples, sites)
        kept = ~self.alleles.filtered[sites]
        het, hom_var = classes == GenotypeClass.HET, classes == GenotypeClass.HOM_VAR
        for name, mask in (
            ("TOTAL_GQ0_VARIANTS", kept & (gq == 0)),
            ("numHets", kept & het),
            ("numHomVar", kept & hom_var),
        ):
            np.add.at(self.out[name], samples[mask], 1)
        self.variants.see(sites[hom_var], samples[hom_var], 2)
        self.variants.see(sites[het], samples[het])
        counted = kept & het & (self.alleles.picard[sites] <= PicardClass.TRANSVERSION) & (depths >= 0).all(axis=1)
        for place, name in enumerate(("refAlleleObs", "altAlleleObs")):
            np.add.at(self.out[name], samples[counted], depths[counted, place])

    def _picard_classes(self, out: SampleCounts, samples: Counts, sites: Counts) -> None:
        """Count some sites, each for one sample, by class."""
        classes, known, filtered = (each[sites] for each in (self.alleles.picard, self.alleles.known, self.filtered))
        snp, several = classes <= PicardClass.TRANSVERSION, classes == PicardClass.MULTIALLELIC_SNP
        indel = (classes == PicardClass.INSERTION) | (classes == PicardClass.DELETION)
        complex_indel = classes == PicardClass.COMPLEX_INDEL
        masks = {"FILTERED_SNPS": filtered & (snp | several), "FILTERED_INDELS": filtered & (indel | complex_indel)}
        for total, in_dbsnp, mask in (
            ("TOTAL_SNPS", "NUM_IN_DB_SNP", snp),
            ("TOTAL_MULTIALLELIC_SNPS", "NUM_IN_DB_SNP_MULTIALLELIC", several),
            ("TOTAL_INDELS", "NUM_IN_DB_SNP_INDELS", indel),
            ("TOTAL_COMPLEX_INDELS", "NUM_IN_DB_SNP_COMPLEX_INDELS", complex_indel),
        ):
            masks |= {total: mask & ~filtered, in_dbsnp: mask & ~filtered & known}
        names = {"ti": PicardClass.TRANSITION, "tv": PicardClass.TRANSVERSION}
        names |= {"insertions": PicardClass.INSERTION, "deletions": PicardClass.DELETION}
        for name, kind in names.items():
            masks |= {f"novel_{name}": (classes == kind) & ~filtered & ~known}
            masks |= {f"known_{name}": (classes == kind) & ~filtered & known}
        for name, mask in masks.items():
            np.add.at(out[name], samples[mask], 1)

    @property
    def filtered(self) -> npt.NDArray[np.bool_]:
        """Sites with a FILTER."""
        return self.alleles.filtered


def _cells(samples: Counts, runs: CellRuns, words: Counts, wanted: npt.NDArray[np.bool_]) -> Iterator[_Cells]:
    """The genotypes of some runs, MOST_CELLS of them at a time or those of one run."""
    chosen = np.flatnonzero(wanted)
    lengths = (runs.stops[chosen] - runs.firsts[chosen]).astype(np.int64)
    ends = np.cumsum(lengths)
    start = 0
    while start < len(chosen):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + MOST_CELLS, side="right")), start + 1)
        part, size = chosen[start:stop], lengths[start:stop]
        run = np.repeat(part, size)
        step = np.arange(len(run)) - np.repeat(ends[start:stop] - size - done, size)
        yield _Cells(
            samples[run], runs.firsts[run].astype(np.int64) + step, runs.numbers[run].astype(np.int64), words[run]
        )
        start = stop


def _two_alts(alleles: npt.NDArray[np.int32]) -> tuple[Counts, Counts]:
    """The ALTs that htslib's bcf_gt_type names of each word: the smaller first, 0 for none."""
    pairs = [_pair_of(row) for row in alleles.tolist()]
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    return one, other


def _pair_of(alleles: Sequence[int]) -> tuple[int, int]:
    one, other = 0, 0
    for allele in alleles:
        if allele > 0 and not one:
            one = allele
        elif allele > 0 and allele != one:
            one, other = min(one, allele), max(one, allele)
    return one, other


def _reference_and_alt(distinct: schema.LocalGenotypes) -> npt.NDArray[np.int64]:
    """AD of REF and of the first local ALT of each genotype, (rows, 2); -1 where it is missing."""
    offsets, values = schema.ragged(distinct["LAD"])
    out = np.full((len(distinct), 2), -1, np.int64)
    long = np.diff(offsets) > 1
    for place in range(2):
        out[long, place] = values[offsets[:-1][long] + place]
    return np.where(out < 0, -1, out)
