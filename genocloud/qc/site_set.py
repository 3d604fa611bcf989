"""Which sites kinship, components and sex are computed from: common SNVs with one ALT that are called in nearly all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genocloud.qc.packed_genotypes import MISSING

THINNED = 40
"""So many sites of any kind are looked at for each site that is wanted: 2 to 10 of 100 are common SNVs."""


@dataclass(frozen=True, kw_only=True)
class SiteSetOptions:
    """What a site of the set must be; gnomAD's values but for the frequency (0.001 there).

    most_sites      of all sites that qualify, so many, spread evenly by chance that does not depend on the run
    min_frequency   of the rarer allele: rare ones say little on two people, and are most of a large callset's sites
    min_call_rate   called share of the samples
    min_inbreeding  InbreedingCoeff, where the site has it
    min_hwe_p       of the exact test of Hardy-Weinberg equilibrium, in the diploid
    max_r2          squared correlation with a site of the set that is closer than `ld_bp`
    """

    most_sites: int = 25_000
    min_frequency: float = 0.01
    min_call_rate: float = 0.99
    min_inbreeding: float = -0.8
    min_hwe_p: float = 1e-8
    max_r2: float = 0.1
    ld_bp: int = 500_000


def ranks_of(contigs: Sequence[str], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """A number for each site that looks random, and depends on its place alone, (sites,).

    It is splitmix64 of the position and the contig's name.
    """
    names = {name: int.from_bytes(name.encode()[-8:], "little") for name in set(contigs)}
    seeds = np.array([names[name] for name in contigs], np.uint64)
    with np.errstate(over="ignore"):
        value = positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + seeds
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            value = (value ^ (value >> np.uint64(shift))) * np.uint64(factor)
        return np.asarray(value ^ (value >> np.uint64(31)))


def highest_rank(most_sites: int, sites: int) -> int:
    """Sites of a callset with so many are looked at up to this rank, so that what is kept of it is bounded."""
    share = min(THINNED * most_sites / max(sites, 1), 1.0)
    return min(int(share * 2.0**64), 2**64 - 1)


def qualifying(codes: npt.NDArray[np.uint8], options: SiteSetOptions, *, diploid: bool) -> npt.NDArray[np.bool_]:
    """Whether sites, (sites, samples) of codes, are common, called and (if `diploid`) in equilibrium; (sites,)."""
    counts = np.stack([np.count_nonzero(codes == code, axis=1) for code in range(MISSING)])
    called = counts.sum(axis=0)
    copies = counts[1] + 2 * counts[2]
    minor = np.minimum(copies, 2 * called - copies)
    out = (called >= options.min_call_rate * codes.shape[1]) & (minor > 0)
    out &= minor >= options.min_frequency * 2 * called
    if diploid:
        for site in np.flatnonzero(out):
            out[site] = hwe_p(*(int(count) for count in counts[:, site])) >= options.min_hwe_p
    return np.asarray(out)


@lru_cache(maxsize=1 << 16)
def hwe_p(hom_ref: int, het: int, hom_alt: int) -> float:
    """The p-value of the exact test of Hardy-Weinberg equilibrium.

    Source: Wigginton, Cutler and Abecasis 2005: the share of all numbers of heterozygotes, at these allele counts,
    that are no likelier than the one seen.
    """
    rare = 2 * min(hom_ref, hom_alt) + het
    people = hom_ref + het + hom_alt
    hets = np.arange(rare % 2, rare + 1, 2)
    rare_homs = (rare - hets) // 2
    common_homs = people - hets - rare_homs
    table = _log_factorials(people)
    logs = hets * np.log(2.0) - table[hets] - table[rare_homs] - table[common_homs]
    likely = np.exp(logs - logs.max())
    own = likely[(het - rare % 2) // 2]
    return float(likely[likely <= own * (1 + 1e-9)].sum() / likely.sum())


@lru_cache(maxsize=8)
def _log_factorials(most: int) -> npt.NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])


def unlinked(
    codes: npt.NDArray[np.uint8], positions: npt.NDArray[np.int64], options: SiteSetOptions
) -> npt.NDArray[np.bool_]:
    """Which sites of one contig, sorted by position, are kept: each that is not linked to one kept before it.

    Among few samples chance alone makes high r2: the limit is then what one of a thousand pairs exceeds.
    """
    samples = codes.shape[1]
    limit = max(options.max_r2, CHANCE_CHI2 / max(samples - 1, 1))
    kept: list[int] = []
    standard = _standardised(codes)
    out = np.zeros(len(codes), np.bool_)
    first = 0
    held = np.zeros_like(standard)
    for site in range(len(codes)):
        while first < len(kept) and positions[kept[first]] <= positions[site] - options.ld_bp:
            first += 1
        r = held[first : len(kept)] @ standard[site]
        if not (r * r > limit).any():
            held[len(kept)] = standard[site]
            kept.append(site)
            out[site] = True
    return out


CHANCE_CHI2 = 10.83
"""Which (samples - 1) * r2 of two independent sites exceeds once in a thousand: chi squared with one degree."""


def _standardised(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Codes with mean 0 and length 1 at each site, (sites, samples); 0 where missing."""
    values = codes.astype(np.float32)
    missing = codes == MISSING
    values[missing] = 0
    values -= values.sum(axis=1, keepdims=True) / np.maximum((~missing).sum(axis=1, keepdims=True), 1)
    values[missing] = 0
    lengths = np.sqrt((values * values).sum(axis=1, keepdims=True))
    return np.asarray(values / np.maximum(lengths, np.float32(1e-12)), np.float32)
