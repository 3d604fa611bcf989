"""Fingerprints: genotypes at common sites, from a sample's own records; pairs that are related, or one person."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.qc.screen_tables import PAIRS, Pairs
from genocloud.schema import numbers

Integers = npt.NDArray[np.int64]
Genotypes8 = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.float32]
Ratios = npt.NDArray[np.float64]

UNKNOWN = np.uint8(3)
"""A site of a fingerprint without a genotype; others are 0, 1 or 2 ALTs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintModel:
    """Which sites and genotypes make a fingerprint, and which pairs are listed.

    Of the single-base variants in each stretch of `spacing_bp` the one whose frequency is nearest to a half, if REF's
    lies within `most_uneven` of it; genotypes with DP and GQ of at least `min_dp` (as in somalier) and `min_gq`. Pairs
    are listed from `min_relatedness` on, where `min_sites` sites have a genotype in both.
    """

    spacing_bp: int
    most_uneven: float = 0.3
    min_dp: int = 7
    min_gq: int = 20
    min_relatedness: float = 0.2
    min_sites: int = 100


VARIANT_COLUMNS = ("contig", "start", "sample", "ref", "alts", "gt", "dp", "gq")
COVER_COLUMNS = ("contig", "start", "stop", "sample", "dp", "min_dp", "gq", "ploidy", "called")
"""The columns of VARIANTS and of BLOCKS that this module reads."""


def choose_sites(frequencies: schema.Frequencies, model: FingerprintModel) -> schema.Frequencies:
    """The rows of FREQUENCIES that fingerprints are made of, in their order; of equally good ones the first."""
    contig, start, p = (numbers(frequencies[name]) for name in ("contig", "start", "ref_frequency"))
    base = contig.astype(np.int64) << 31 | start
    _, first, times = np.unique(base, return_index=True, return_counts=True)
    single = first[times == 1]
    single = single[np.abs(p[single] - 0.5) <= model.most_uneven]
    stretch = np.stack([contig[single], start[single] // model.spacing_bp])
    order = np.lexsort((np.abs(p[single] - 0.5), stretch[1], stretch[0]))  # stable: of equal ones the first
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(stretch[:, order]) != 0).any(axis=0)
    return frequencies.take(np.sort(single[order[new]]))


def read_variants(
    variants: schema.Variants, sites: schema.Frequencies, genotypes: Genotypes8, model: FingerprintModel
) -> None:
    """Enter the genotypes of variant rows of one contig at its sites; genotypes (samples, sites)."""
    starts = numbers(sites["start"])
    place = np.searchsorted(starts, numbers(variants["start"]))
    there = np.flatnonzero(np.append(starts, -1)[place] == numbers(variants["start"]))
    alleles = list(zip(sites["ref"].to_pylist(), sites["alt"].to_pylist(), strict=True))
    for site, row in zip(place[there].tolist(), variants.take(there).to_pylist(), strict=True):
        if (row["dp"] or 0) >= model.min_dp and (row["gq"] or 0) >= model.min_gq:
            genotypes[row["sample"], site] = genotype_of(row["ref"], row["alts"], row["gt"], *alleles[site])


def genotype_of(ref: str, alts: list[str], gt: list[int], site_ref: str, site_alt: str) -> np.uint8:
    """How many of a site's ALT a diploid call has; UNKNOWN where it has other alleles, or is no call."""
    called = [ref if each == 0 else alts[each - 1] if each > 0 else "" for each in gt]
    of_site = ref[0] == site_ref and {*called} <= {ref, site_alt} and (len(ref) == 1 or gt == [0, 0])
    return np.uint8(called.count(site_alt)) if of_site and len(called) == 2 else UNKNOWN


def read_blocks(
    blocks: schema.Blocks, sites: schema.Frequencies, genotypes: Genotypes8, model: FingerprintModel
) -> None:
    """Enter hom-ref at the sites that blocks of one contig cover; genotypes (samples, sites)."""
    starts = numbers(sites["start"])
    first, end = (np.searchsorted(starts, numbers(blocks[name])) for name in ("start", "stop"))
    covering = blocks.take(np.flatnonzero(first < end))
    first, length = first[first < end], (end - first)[first < end]
    dp = np.where(numbers(covering["min_dp"]) >= 0, numbers(covering["min_dp"]), numbers(covering["dp"]))
    good = numbers(covering["called"]) & (numbers(covering["ploidy"]) == 2)
    good &= (dp >= model.min_dp) & (numbers(covering["gq"]) >= model.min_gq)
    first, length, sample = first[good], length[good], numbers(covering["sample"])[good]
    site = np.arange(length.sum()) + np.repeat(first - (np.cumsum(length) - length), length)
    genotypes[np.repeat(sample, length), site] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """Counts of sites by pair (samples of a, samples of b), over sites where both have a genotype."""

    ibs0: Counts
    ibs2: Counts
    hets_a: Counts
    hets_b: Counts
    shared_hets: Counts
    hom_alts_a: Counts
    hom_alts_b: Counts
    shared_hom_alts: Counts
    n: Counts

    @property
    def relatedness(self) -> Ratios:
        """KING's kinship times 2, over both samples' hets, as somalier has it; 0 without any.

        Source: somalier relate; Manichaikul et al. 2010, equation 9.
        """
        return _ratio(2 * (self.shared_hets - 2 * self.ibs0), self.hets_a + self.hets_b)

    @property
    def hom_concordance(self) -> Ratios:
        """Source: somalier relate."""
        return _ratio(self.shared_hom_alts - 2 * self.ibs0, np.minimum(self.hom_alts_a, self.hom_alts_b))

    @property
    def concordance(self) -> Ratios:
        """Share of equal genotypes."""
        return _ratio(self.ibs2, self.n)


def count_pairs(a: Genotypes8, b: Genotypes8) -> PairCounts:
    """Compare each sample of `a` (samples, sites) with each of `b`.

    Products of matrices of 0 and 1 as float32, which holds integers up to 2^24 exactly.
    """
    ref_a, het_a, alt_a = ((a == value).astype(np.float32) for value in (0, 1, 2))
    ref_b, het_b, alt_b = ((b == value).astype(np.float32).T for value in (0, 1, 2))
    known_a, known_b = ref_a + het_a + alt_a, ref_b + het_b + alt_b
    shared_hets, shared_hom_alts = het_a @ het_b, alt_a @ alt_b
    return PairCounts(
        ibs0=ref_a @ alt_b + alt_a @ ref_b,
        ibs2=ref_a @ ref_b + shared_hets + shared_hom_alts,
        hets_a=het_a @ known_b,
        hets_b=known_a @ het_b,
        shared_hets=shared_hets,
        hom_alts_a=alt_a @ known_b,
        hom_alts_b=known_a @ alt_b,
        shared_hom_alts=shared_hom_alts,
        n=known_a @ known_b,
    )


def related_pairs(
    a: Genotypes8,
    b: Genotypes8,
    names: tuple[Sequence[str], Sequence[str]],
    first: tuple[int, int],
    model: FingerprintModel,
) -> Pairs:
    """PAIRS of a sample of `a` and a later one of `b`; `first` are the ranks of both arrays' first samples."""
    counts = count_pairs(a, b)
    later = np.arange(len(b)) + first[1] > np.arange(len(a))[:, None] + first[0]
    related = later & (counts.n >= model.min_sites) & (counts.relatedness >= model.min_relatedness)
    rows, columns = np.nonzero(related)
    values = {
        name: getattr(counts, name)[rows, columns]
        for name in PAIRS.names
        if name not in ("sample_a", "sample_b", "hets_ab")
    }
    values["hets_ab"] = values["hets_a"] + values["hets_b"]
    values["sample_a"] = [names[0][row] for row in rows.tolist()]
    values["sample_b"] = [names[1][column] for column in columns.tolist()]
    arrays = [pa.array(values[field.name]).cast(field.type) for field in PAIRS]
    return pa.Table.from_arrays(arrays, schema=PAIRS)


def _ratio(above: Counts, below: Counts) -> Ratios:
    return above.astype(np.float64) / np.maximum(below, 1)
