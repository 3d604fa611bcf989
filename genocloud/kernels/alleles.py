"""Alleles as bytes: which ones are deletions, and which merged allele each record's own allele is."""

import numpy as np
from numba import njit

from genocloud.kernels.genotype_order import genotype_index

LESS_THAN, STAR = np.uint8(ord("<")), np.uint8(ord("*"))


@njit(cache=True, nogil=True)
def is_deletion(ref, alt):
    """Whether an ALT makes its record reach over all of REF, as GenomicsDB decides it.

    ref, alt  (bases,) uint8

    Source: gatk-model.md, section 1 (GenomicsDB variant_operations.cc): `*`; shorter than REF and not symbolic; or of
    REF's length with more than one mismatch.
    """
    if len(ref) < 2 or len(alt) == 0 or alt[0] == LESS_THAN:
        return False
    if alt[0] == STAR or len(alt) < len(ref):
        return True
    mismatches = 0
    for k in range(len(ref)):
        mismatches += len(alt) == len(ref) and alt[k] != ref[k]
    return mismatches > 1


@njit(cache=True, nogil=True)
def is_any_other(alt):
    """Whether an ALT stands for all alleles not named: `<NON_REF>` or `<*>`."""
    return len(alt) > 2 and alt[0] == LESS_THAN and (alt[1] == STAR or alt[1] == np.uint8(ord("N")))


@njit(cache=True, nogil=True)
def any_other_alleles(alt_lists, alt_offsets, alt_bytes):
    """Each record's own number of `<NON_REF>` or `<*>`, 0 if it has none: (records,) int32.

    alt_lists    (records + 1,) int64; the records' slices of alt_offsets
    alt_offsets  (alts + 1,) int64; the ALTs' slices of alt_bytes
    """
    out = np.zeros(len(alt_lists) - 1, np.int32)
    for row in range(len(out)):
        for k in range(alt_lists[row], alt_lists[row + 1]):
            if is_any_other(alt_bytes[alt_offsets[k] : alt_offsets[k + 1]]):
                out[row] = k - alt_lists[row] + 1
    return out


@njit(cache=True, nogil=True)
def spanning_alleles(ref_offsets, ref_bytes, alt_lists, alt_offsets, alt_bytes, ploidies, pl_offsets, pls):
    """The own allele that stands as `*` where a record that began earlier still speaks; 0 if none: (records,) int32.

    ref_offsets  (records + 1,) int64; alt_lists, alt_offsets as in `any_other_alleles`
    ploidies     (records,) int64
    pl_offsets   (records + 1,) int64; pls int32, phred

    Of several deletions the one whose homozygous PL is smallest, the first on ties or without PL.
    Source: gatk-model.md, section 1 (spanning deletion).
    """
    out = np.zeros(len(alt_lists) - 1, np.int32)
    for row in range(len(out)):
        ref = ref_bytes[ref_offsets[row] : ref_offsets[row + 1]]
        best = 0
        for k in range(alt_lists[row], alt_lists[row + 1]):
            if not is_deletion(ref, alt_bytes[alt_offsets[k] : alt_offsets[k + 1]]):
                continue
            own = k - alt_lists[row] + 1
            at = pl_offsets[row] + genotype_index(np.full(ploidies[row], own, np.int64), ploidies[row])
            value = pls[at] if at < pl_offsets[row + 1] else 0
            if out[row] == 0 or value < best:
                out[row], best = own, value
    return out


@njit(cache=True, nogil=True)
def _is_extended(alt, tail, merged):
    """Whether `merged` is `alt` followed by `tail`; `*` is never extended."""
    if len(alt) == 1 and alt[0] == STAR:
        return len(merged) == 1 and merged[0] == STAR
    if len(merged) != len(alt) + len(tail):
        return False
    for k in range(len(alt)):
        if merged[k] != alt[k]:
            return False
    for k in range(len(tail)):
        if merged[len(alt) + k] != tail[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def match_alleles(
    starts, ref_offsets, alt_lists, alt_offsets, alt_bytes,
    site_starts, site_ref_offsets, site_ref_bytes, site_lists, site_offsets, site_bytes,
):  # fmt: skip
    """Line up each record's own alleles with the merged alleles of the site where it starts.

    starts       (records,) int32; site_starts (sites,) int32, ascending
    ref_offsets, alt_lists, alt_offsets, alt_bytes            the records' alleles
    site_ref_offsets, site_ref_bytes, site_lists, site_offsets, site_bytes   the sites' merged alleles, without NON_REF

    Returns (own_at, own, merged):
    own_at  (records,) int64; where the record's slice of `own` begins, -1 if no site starts where it does
    own     int32, a slice of 1 + ALTs entries per record at a site: the own number of each merged allele, -1 if absent
    merged  (alts,) int32, parallel to alt_offsets: the merged number of each own ALT; 1 + ALTs of the site for others
    """
    places = np.searchsorted(site_starts, starts)
    own_at = np.full(len(starts), -1, np.int64)
    total = 0
    for row in range(len(starts)):
        site = places[row]
        if site < len(site_starts) and site_starts[site] == starts[row]:
            own_at[row] = total
            total += site_lists[site + 1] - site_lists[site] + 1
    own = np.full(total, -1, np.int32)
    merged = np.zeros(len(alt_offsets) - 1, np.int32)
    for row in range(len(starts)):
        if own_at[row] < 0:
            continue
        site = places[row]
        own[own_at[row]] = 0
        site_ref = site_ref_bytes[site_ref_offsets[site] : site_ref_offsets[site + 1]]
        tail = site_ref[ref_offsets[row + 1] - ref_offsets[row] :]
        alleles = site_lists[site + 1] - site_lists[site] + 1
        for k in range(alt_lists[row], alt_lists[row + 1]):
            alt = alt_bytes[alt_offsets[k] : alt_offsets[k + 1]]
            merged[k] = alleles
            if len(alt) and alt[0] == LESS_THAN:
                continue
            for j in range(site_lists[site], site_lists[site + 1]):
                if _is_extended(alt, tail, site_bytes[site_offsets[j] : site_offsets[j + 1]]):
                    merged[k] = j - site_lists[site] + 1
                    own[own_at[row] + merged[k]] = k - alt_lists[row] + 1
                    break
    return own_at, own, merged
