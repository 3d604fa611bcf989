"""Distinct genotypes by local alleles, as the kernels that call them write them, one behind the other."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.cell_runs import CellRuns
from genocloud.kernels.kernel import compiled, uncounted
from genocloud.kernels.merged_likelihoods import HOM_REF, MISSING, NO_CALL, OTHER
from genocloud.kernels.raw_sums import HOM_VAR, MIXED


class Calls(NamedTuple):
    """Distinct genotypes by local alleles, and the one of each cell (site, sample).

    runs    CellRuns; numbers of genotypes
    shared  the first so many genotypes are those of blocks, of reference records and of samples without a row; each
            other is of one cell
    gt_at, laa_at, ad_at, pl_at  (genotypes + 1,) int64; slices of gt, int8: the site's allele numbers; of laa, int32:
            ALTs of the sample's record or of its GT, ascending; of ad and pl, int32, by local allele (empty: missing)
    phased  (genotypes,) bool;  dp, gq (genotypes,) int32
    row     (genotypes,) int32; the record that PGT, PID and PS are copied from, -1 for none
    homozygous  (genotypes,) bool; hom-var

    Local alleles are REF, those of laa, and one that stands for the site's other ALTs where it has any.
    """

    runs: CellRuns
    shared: int
    gt_at: npt.NDArray[np.int64]
    gt: npt.NDArray[np.int8]
    laa_at: npt.NDArray[np.int64]
    laa: npt.NDArray[np.int32]
    ad_at: npt.NDArray[np.int64]
    ad: npt.NDArray[np.int32]
    pl_at: npt.NDArray[np.int64]
    pl: npt.NDArray[np.int32]
    phased: npt.NDArray[np.bool_]
    dp: npt.NDArray[np.int32]
    gq: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    homozygous: npt.NDArray[np.bool_]


class Scratch(NamedTuple):
    """Room for one genotype: a row's own number of each merged allele, of each emitted one; AD, PL by emitted allele;
    and the emitted alleles that are local, each int32."""

    own: npt.NDArray[np.int32]
    mine: npt.NDArray[np.int32]
    ad: npt.NDArray[np.int32]
    pl: npt.NDArray[np.int32]
    local: npt.NDArray[np.int32]


@compiled
def empty_calls(numbered, gts, ads, pls):
    """Calls with room for genotypes and their values: no-calls without any."""
    count = len(numbered.rows) + len(numbered.variants)
    return Calls(
        numbered.runs, len(numbered.rows), np.zeros(count + 1, np.int64), np.full(gts, -1, np.int8),
        np.zeros(count + 1, np.int64), np.empty(ads, np.int32), np.zeros(count + 1, np.int64), np.empty(ads, np.int32),
        np.zeros(count + 1, np.int64), np.empty(pls, np.int32), np.zeros(count, np.bool_),
        np.full(count, MISSING, np.int32), np.full(count, MISSING, np.int32), np.full(count, -1, np.int32),
        np.zeros(count, np.bool_),
    )  # fmt: skip


@uncounted
def begin_genotype(calls, number, ploidy):
    """Begin a genotype behind the one before it: no-calls, and nothing else."""
    calls.gt_at[number + 1] = calls.gt_at[number] + ploidy
    calls.laa_at[number + 1] = calls.laa_at[number]
    calls.ad_at[number + 1] = calls.ad_at[number]
    calls.pl_at[number + 1] = calls.pl_at[number]


@compiled
def trimmed_calls(calls):
    """Calls without the room that was not used."""
    count = len(calls.row)
    return Calls(
        calls.runs, calls.shared, calls.gt_at, calls.gt, calls.laa_at, calls.laa[: calls.laa_at[count]].copy(),
        calls.ad_at, calls.ad[: calls.ad_at[count]].copy(), calls.pl_at, calls.pl[: calls.pl_at[count]].copy(),
        calls.phased, calls.dp, calls.gq, calls.row, calls.homozygous,
    )  # fmt: skip


@uncounted
def genotype_kind(gt, at, ploidy):
    """HOM_REF, NO_CALL, HOM_VAR, OTHER (any het) or MIXED (partly uncalled) of gt[at : at + ploidy]."""
    unknown, refs, same = 0, 0, 0
    for k in range(at, at + ploidy):
        unknown += gt[k] < 0
        refs += gt[k] == 0
        same += gt[k] == gt[at]
    if unknown == ploidy:
        return NO_CALL
    if unknown > 0:
        return MIXED
    if refs == ploidy:
        return HOM_REF
    return HOM_VAR if same == ploidy else OTHER


@uncounted
def write_depths(own_at, own_end, own_ad, mine, alleles, ad):
    """Write AD of the emitted alleles into ad; returns the number of entries, 0 if the record has none."""
    if own_at == own_end:
        return 0
    for k in range(alleles):
        ad[k] = own_ad[own_at + mine[k]] if mine[k] >= 0 and own_at + mine[k] < own_end else MISSING
    return alleles


@uncounted
def choose_local(mine, other, alleles, gt, at, ploidy, local):
    """The emitted alleles that are local, into `local`: (local alleles, those of them that are ALTs of its own).

    mine   (alleles,) int32; a row's own number of each; other: that of its NON_REF, -1 if it has none
    gt     int8; the genotype's alleles from `at` on, which are local too

    The first of the ALTs that are not local comes last, and stands for all of these.
    """
    count, rest = 1, -1
    local[0] = 0
    for k in range(1, alleles):
        is_local = mine[k] >= 0 and mine[k] != other
        for place in range(at, at + ploidy):
            is_local |= gt[place] == k
        if is_local:
            local[count] = k
            count += 1
        elif rest < 0:
            rest = k
    own = count - 1
    if rest >= 0:
        local[count] = rest
        count += 1
    return count, own


@uncounted
def write_local(calls, number, local, count, own, ad, depths):
    """Write LAA and AD of a genotype; count, own as `choose_local` gives them; no AD where `depths` is 0."""
    laa_at, ad_at = calls.laa_at, calls.ad_at
    for k in range(own):
        calls.laa[laa_at[number] + k] = local[k + 1]
    laa_at[number + 1] = laa_at[number] + own
    if depths > 0:
        for k in range(count):
            calls.ad[ad_at[number] + k] = ad[local[k]]
        ad_at[number + 1] = ad_at[number] + count
