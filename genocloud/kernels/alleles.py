"""Alleles as bytes: detection of deletions, and mapping of each record's own alleles to merged alleles."""

import numpy as np

from genocloud.kernels.genotype_order import genotype_index
from genocloud.kernels.kernel import kernel, uncounted

LESS_THAN, STAR, BASE_N = np.uint8(ord("<")), np.uint8(ord("*")), np.uint8(ord("N"))


@uncounted
def is_deletion(refs, ref, ref_end, alts, alt, alt_end):
    """Whether an ALT makes its record cover all of REF, by GenomicsDB's rule.

    refs, alts  uint8; REF is refs[ref:ref_end], the ALT alts[alt:alt_end]

    Source: gatk-model.md, section 1 (GenomicsDB variant_operations.cc): `*`; shorter than REF and not symbolic; or of
    REF's length with more than one mismatch.
    """
    length = ref_end - ref
    if length < 2 or alt_end == alt or alts[alt] == LESS_THAN:
        return False
    if alts[alt] == STAR or alt_end - alt < length:
        return True
    mismatches = 0
    for k in range(length):
        mismatches += alts[alt + k] != refs[ref + k]
    return alt_end - alt == length and mismatches > 1


@uncounted
def is_any_other(alts, alt, alt_end):
    """Whether the ALT alts[alt:alt_end] is `<NON_REF>` or `<*>`."""
    return alt_end - alt > 2 and alts[alt] == LESS_THAN and (alts[alt + 1] == STAR or alts[alt + 1] == BASE_N)


@kernel("int64[::1], int64[::1], uint8[::1]")
def any_other_alleles(alt_lists, alt_offsets, alt_bytes):
    """Each record's own number of `<NON_REF>` or `<*>`, 0 if it has none: (records,) int32.

    alt_lists    (records + 1,) int64; the records' slices of alt_offsets
    alt_offsets  (alts + 1,) int64; the ALTs' slices of alt_bytes
    """
    out = np.zeros(len(alt_lists) - 1, np.int32)
    for row in range(len(out)):
        for k in range(alt_lists[row], alt_lists[row + 1]):
            if is_any_other(alt_bytes, alt_offsets[k], alt_offsets[k + 1]):
                out[row] = k - alt_lists[row] + 1
    return out


@kernel("int64[::1], uint8[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int32[::1]")
def spanning_alleles(ref_offsets, ref_bytes, alt_lists, alt_offsets, alt_bytes, ploidies, pl_offsets, pls):
    """The own allele that becomes `*` at later sites that the record covers, 0 if none: (records,) int32.

    ref_offsets  (records + 1,) int64; alt_lists, alt_offsets as in `any_other_alleles`
    ploidies     (records,) int64
    pl_offsets   (records + 1,) int64; pls int32, phred

    Of several deletions the one whose homozygous PL is smallest, the first on ties or without PL.
    Source: gatk-model.md, section 1 (spanning deletion).
    """
    out = np.zeros(len(alt_lists) - 1, np.int32)
    for row in range(len(out)):
        best, ref, ref_end = 0, ref_offsets[row], ref_offsets[row + 1]
        for k in range(alt_lists[row], alt_lists[row + 1]):
            if not is_deletion(ref_bytes, ref, ref_end, alt_bytes, alt_offsets[k], alt_offsets[k + 1]):
                continue
            own = k - alt_lists[row] + 1
            at = pl_offsets[row] + genotype_index(np.full(ploidies[row], own, np.int64), ploidies[row])
            value = pls[at] if at < pl_offsets[row + 1] else 0
            if out[row] == 0 or value < best:
                out[row], best = own, value
    return out


@uncounted
def _same(a, i, b, j, length):
    for k in range(length):
        if a[i + k] != b[j + k]:
            return False
    return True


@uncounted
def _is_extended(alts, alt, alt_end, refs, tail, tail_end, merged, begin, end):
    """Whether merged[begin:end] is alts[alt:alt_end] followed by refs[tail:tail_end]; `*` is never extended."""
    length = alt_end - alt
    if length == 1 and alts[alt] == STAR:
        return end - begin == 1 and merged[begin] == STAR
    if end - begin != length + max(0, tail_end - tail):
        return False
    return _same(alts, alt, merged, begin, length) and _same(refs, tail, merged, begin + length, tail_end - tail)


@uncounted
def _find_allele(alts, alt, alt_end, refs, tail, tail_end, merged, offsets, first, last):
    """Number of the merged ALT, of those from `first` up to `last`, that equals an extended ALT; 0 if none."""
    for j in range(first, last):
        if _is_extended(alts, alt, alt_end, refs, tail, tail_end, merged, offsets[j], offsets[j + 1]):
            return j - first + 1
    return 0


@uncounted
def first_from(places, place):
    """The first of the ascending `places` that is not below `place` (np.searchsorted takes long to compile)."""
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        if places[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(
    "int32[::1], int64[::1], int64[::1], int64[::1], uint8[::1], int32[::1], int64[::1], uint8[::1], int64[::1], "
    "int64[::1], uint8[::1]"
)
def match_alleles(
    starts, ref_offsets, alt_lists, alt_offsets, alt_bytes,
    site_starts, site_ref_offsets, site_ref_bytes, site_lists, site_offsets, site_bytes,
):  # fmt: skip
    """Map each record's own alleles to the merged alleles of the site where it starts, and back.

    starts       (records,) int32; site_starts (sites,) int32, ascending
    ref_offsets, alt_lists, alt_offsets, alt_bytes            the records' alleles
    site_ref_offsets, site_ref_bytes, site_lists, site_offsets, site_bytes   the sites' merged alleles, without NON_REF

    Returns (own_at, own, merged):
    own_at  (records,) int64; where the record's slice of `own` begins, -1 if no site starts where it does
    own     int32, a slice of 1 + ALTs entries per record at a site: the own number of each merged allele, -1 if absent
    merged  (alts,) int32, parallel to alt_offsets: the merged number of each own ALT; 1 + ALTs of the site for others
    """
    places = np.empty(len(starts), np.int64)
    own_at = np.full(len(starts), -1, np.int64)
    total = 0
    for row in range(len(starts)):
        site = places[row] = first_from(site_starts, starts[row])
        if site < len(site_starts) and site_starts[site] == starts[row]:
            own_at[row] = total
            total += site_lists[site + 1] - site_lists[site] + 1
    own = np.full(total, -1, np.int32)
    merged = np.zeros(len(alt_offsets) - 1, np.int32)
    for row in range(len(starts)):
        if own_at[row] < 0:
            continue
        site = places[row]
        first, last = site_lists[site], site_lists[site + 1]
        tail = site_ref_offsets[site] + ref_offsets[row + 1] - ref_offsets[row]
        own[own_at[row]] = 0
        for k in range(alt_lists[row], alt_lists[row + 1]):
            alt, alt_end = alt_offsets[k], alt_offsets[k + 1]
            merged[k] = last - first + 1
            if alt_end > alt and alt_bytes[alt] == LESS_THAN:
                continue
            number = _find_allele(
                alt_bytes, alt, alt_end, site_ref_bytes, tail, site_ref_offsets[site + 1], site_bytes, site_offsets,
                first, last,
            )  # fmt: skip
            if number > 0:
                merged[k], own[own_at[row] + number] = number, k - alt_lists[row] + 1
    return own_at, own, merged
