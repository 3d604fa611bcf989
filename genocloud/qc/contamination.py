"""Contamination from one sample's own records: CHARR, and the share of REF's reads at its hom-alt calls."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.schema import numbers, ragged

Integers = npt.NDArray[np.int64]

UNIT = 1 << 32
"""Terms are added as integers in 2^-32, so that no order of samples or parts shows in any bit.

A term is at most 1 / 0.05, and a genome has fewer than 2^24 calls: sums stay below 2^61.
"""

_CODES = np.full(256, -1, np.int64)
_CODES[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContaminationModel:
    """Which hom-alt calls count; names and defaults are those of Hail's compute_charr.

    `min_af` < frequency of REF < `max_af`; GQ at least `min_gq`, `min_dp` <= DP <= `max_dp`. The share without
    frequencies takes calls with DP of at least `min_dp`, as gnomAD does. Fewer than `min_calls` have no mean: one wrong
    read of one call would be a flag.
    """

    min_af: float = 0.05
    max_af: float = 0.95
    min_dp: int = 10
    max_dp: int = 100
    min_gq: int = 20
    min_calls: int = 100


CALL_COLUMNS = ("contig", "start", "sample", "ref", "alts", "gt", "ad", "dp", "gq")
"""The columns of VARIANTS that this module reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomAltCalls:
    """Hom-alt calls of bi-allelic single-base variants: `key` names contig, base, REF and ALT; `depth` is DP."""

    sample: Integers
    key: Integers
    depth: Integers
    quality: Integers
    share: npt.NDArray[np.float64]


def allele_keys(contig: Integers, start: Integers, ref: Integers, alt: Integers) -> Integers:
    """One number for each contig, base, REF and ALT (0 to 3 for A, C, G, T), in genome order."""
    return ((contig << 31 | start) << 4) | ref << 2 | alt


def base_codes(column: pa.ChunkedArray | pa.Array) -> Integers:
    """Bases as 0 to 3; -1 for text that is not one of A, C, G, T."""
    offsets, data = schema.strings(column)
    return _codes(offsets, data, np.arange(len(offsets) - 1))


def frequency_keys(frequencies: schema.Frequencies) -> Integers:
    """`allele_keys` of FREQUENCIES, ascending as its rows are."""
    contig, start = (numbers(frequencies[name]).astype(np.int64) for name in ("contig", "start"))
    return allele_keys(contig, start, base_codes(frequencies["ref"]), base_codes(frequencies["alt"]))


def hom_alt_calls(variants: schema.Variants) -> HomAltCalls:
    """The hom-alt calls among rows with CALL_COLUMNS; those without reads in AD are left out.

    A record is bi-allelic if it has one ALT beside a symbolic one. DP that is missing is the sum of AD, as in Hail.
    """
    ref, alt = base_codes(variants["ref"]), _only_alts(variants["alts"])
    at, alleles = ragged(variants["gt"])
    ploidy = np.diff(at)
    padded = np.append(alleles, [0, 0]).astype(np.int64)
    hom_alt = (ploidy == 2) & (padded[at[:-1]] == 1) & (padded[at[:-1] + 1] == 1)
    at, depths = ragged(variants["ad"])
    reads = np.append(np.maximum(depths, 0), [0, 0]).astype(np.int64)
    of_ref, of_alt = reads[at[:-1]], reads[at[:-1] + 1]
    chosen = np.flatnonzero(hom_alt & (ref >= 0) & (alt >= 0) & (np.diff(at) >= 2) & (of_ref + of_alt > 0))
    contig, start, sample, depth, quality = (
        numbers(variants[name])[chosen].astype(np.int64) for name in ("contig", "start", "sample", "dp", "gq")
    )
    totals = np.append(0, np.cumsum(reads))
    return HomAltCalls(
        sample=sample,
        key=allele_keys(contig, start, ref[chosen], alt[chosen]),
        depth=np.where(depth < 0, (totals[at[1:]] - totals[at[:-1]])[chosen], depth),
        quality=quality,
        share=of_ref[chosen] / (of_ref + of_alt)[chosen],
    )


def charr_sums(
    calls: HomAltCalls, keys: Integers, ref_frequency: npt.NDArray[np.float64], samples: int, model: ContaminationModel
) -> tuple[Integers, Integers]:
    """(sums of CHARR's terms in 2^-32, calls), each (samples,); keys are ascending.

    A term is RR / (RR + AR) / p: reads of REF and of ALT, frequency of REF.
    Source: Lu et al. 2023 (CHARR), and hail.methods.compute_charr.
    """
    place = np.minimum(np.searchsorted(keys, calls.key), max(len(keys) - 1, 0))
    known = keys[place] == calls.key if len(keys) else np.zeros(len(calls.key), bool)
    p = ref_frequency[place] if len(keys) else np.zeros(len(calls.key))
    counts = known & (p > model.min_af) & (p < model.max_af) & (calls.quality >= model.min_gq)
    counts &= (calls.depth >= model.min_dp) & (calls.depth <= model.max_dp)
    return _sums(calls.sample[counts], calls.share[counts] / p[counts], samples)


def share_sums(calls: HomAltCalls, samples: int, model: ContaminationModel) -> tuple[Integers, Integers]:
    """(sums of shares of REF's reads in 2^-32, calls), each (samples,).

    Source: gnomad_qc, v4 sample hard filters, mean AB of SNP hom-alts.
    """
    counts = calls.depth >= model.min_dp
    return _sums(calls.sample[counts], calls.share[counts], samples)


def mean_of(sums: Integers, calls: Integers, model: ContaminationModel) -> npt.NDArray[np.float64]:
    """The means of terms in 2^-32; NaN of too few calls."""
    return np.where(calls >= model.min_calls, sums / UNIT / np.maximum(calls, 1), np.nan)


def _sums(sample: Integers, terms: npt.NDArray[np.float64], samples: int) -> tuple[Integers, Integers]:
    sums = np.zeros(samples, np.int64)
    np.add.at(sums, sample, np.rint(terms * UNIT).astype(np.int64))
    return sums, np.bincount(sample, minlength=samples).astype(np.int64)


def _only_alts(alts: pa.ChunkedArray) -> Integers:
    """The single ALT beside a symbolic one as 0 to 3; -1 where there is none, several, or a longer one."""
    lists, offsets, data = schema.string_lists(alts)
    count = np.diff(lists)
    empty = len(offsets) - 1  # of a list without a first or second string: no text
    offsets = np.append(offsets, offsets[-1])
    second = np.where(count >= 2, lists[:-1] + 1, empty)
    symbolic = np.append(data, 0)[offsets[second]] == ord("<")
    first = np.where((count == 1) | ((count == 2) & symbolic), lists[:-1], empty)
    return _codes(offsets, data, first)


def _codes(offsets: Integers, data: npt.NDArray[np.uint8], chosen: Integers) -> Integers:
    """Codes of some texts, those of one base."""
    start = offsets[chosen]
    codes = _CODES[np.append(data, 0)[start]]
    return np.where(offsets[chosen + 1] - start == 1, codes, -1)
