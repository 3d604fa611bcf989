"""Samples of a site reduced to distinct likelihood vectors with multiplicities."""

import numpy as np
from numba import njit

from genocloud.kernels.genotype_order import count_genotypes
from genocloud.kernels.likelihoods import HOM_REF, MISSING, OTHER, has_vector, own_alleles, tidied

GQ_FACTOR = 10
"""A hom-ref without PL: genotypes without REF get GQ x round(30 / (-10 log10 0.5)).

Source: gatk-model.md, section 2 (GenotypeLikelihoodCalculators approximated from GQ).
"""
BLOCK = -1
"""Second entry of a key whose alleles other than REF all stand for NON_REF; others have 0, the REF, there."""


@njit(cache=True, nogil=True)
def _is_less(values, a, b, offsets):
    """Whether key a comes before key b: entry by entry, a prefix first."""
    i, j = offsets[a], offsets[b]
    while i < offsets[a + 1] and j < offsets[b + 1]:
        if values[i] != values[j]:
            return values[i] < values[j]
        i += 1
        j += 1
    return offsets[a + 1] - offsets[a] < offsets[b + 1] - offsets[b]


@njit(cache=True, nogil=True)
def order_keys(offsets, values, order, spare):
    """Sort `order`, numbers of keys, by their keys (merge sort, bottom up); `spare` is scratch of the same length."""
    count, width = len(order), 1
    while width < count:
        for low in range(0, count, 2 * width):
            middle, high = min(low + width, count), min(low + 2 * width, count)
            i, j = low, middle
            for k in range(low, high):
                if j < high and (i == middle or _is_less(values, order[j], order[i], offsets)):
                    spare[k] = order[j]
                    j += 1
                else:
                    spare[k] = order[i]
                    i += 1
        order[:] = spare
        width *= 2


@njit(cache=True, nogil=True)
def _append_distinct(offsets, values, counts, order, spare, out_offsets, out_values, out_counts, keys):
    """Write the keys of `order` once each, sorted, behind the first `keys` of the output; return the new number."""
    order_keys(offsets, values, order, spare)
    for n in range(len(order)):
        key = order[n]
        if n > 0 and not _is_less(values, order[n - 1], key, offsets):
            out_counts[keys - 1] += counts[key]
            continue
        begin = out_offsets[keys]
        out_offsets[keys + 1] = begin + offsets[key + 1] - offsets[key]
        out_values[begin : out_offsets[keys + 1]] = values[offsets[key] : offsets[key + 1]]
        out_counts[keys] = counts[key]
        keys += 1
    return keys


@njit(cache=True, nogil=True)
def merge_keys(site_offsets, by_site, offsets, values, counts):
    """Add up equal keys of each site: (site_offsets, offsets, values, counts), keys of a site sorted and distinct.

    site_offsets  (sites + 1,) int64; the sites' slices of by_site (and, on return, of the keys)
    by_site       (keys,) int64; numbers of keys
    offsets       (keys + 1,) int64; the keys' slices of values, int32
    counts        (keys,) int64
    """
    out_sites = np.zeros(len(site_offsets), np.int64)
    out_offsets = np.zeros(len(offsets), np.int64)
    out_values = np.empty(len(values), np.int32)
    out_counts = np.empty(len(counts), np.int64)
    keys = 0
    for site in range(len(site_offsets) - 1):
        order = by_site[site_offsets[site] : site_offsets[site + 1]].copy()
        spare = np.empty_like(order)
        keys = _append_distinct(
            offsets, values, counts, order, spare, out_offsets, out_values, out_counts, keys
        )  # fmt: skip
        out_sites[site + 1] = keys
    return out_sites, out_offsets[: keys + 1].copy(), out_values[: out_offsets[keys]].copy(), out_counts[:keys].copy()


@njit(cache=True, nogil=True)
def depth_of(rows, row):
    """A sample's part of INFO/DP: its INFO/DP, else MIN_DP, else DP; 0 if it has none."""
    for depth in (rows.info_dp[row], rows.min_dp[row], rows.dp[row]):
        if depth != MISSING:
            return depth
    return 0


@njit(cache=True, nogil=True)
def _is_only_other(rows, row, own, alleles):
    """Whether the row tells REF and NON_REF apart and no more."""
    if row >= len(rows.spanning):
        return True
    for k in range(1, alleles):
        if own[k] != 1:
            return False
    return rows.any_other[row] == 1


@njit(cache=True, nogil=True)
def _write_key(rows, row, own, alleles, vector, size, out):
    """One sample's key into out: ploidy, then BLOCK or its map of the merged alleles, then its own PL. Returns its length.

    `size` is the number of own genotypes.
    """
    ploidy = rows.ploidies[row]
    out[0] = ploidy
    if not vector:
        out[1], out[2], out[3], out[4] = BLOCK, 0, rows.gq[row], GQ_FACTOR * rows.gq[row]
        return 5
    length = 1
    if _is_only_other(rows, row, own, alleles):
        out[1] = BLOCK
        length = 2
    else:
        out[1 : 1 + alleles] = own[:alleles]
        length = 1 + alleles
    for k in range(size):
        out[length + k] = rows.pl[rows.pl_at[row] + k]
    return length + size


@njit(cache=True, nogil=True)
def _grown(array, length):
    if length <= len(array):
        return array
    out = np.empty(max(length, 2 * len(array)), array.dtype)
    out[: len(array)] = array
    return out


@njit(cache=True, nogil=True)
def summarise_sites(rows, own_counts, speaking, positions, allele_counts, stars):
    """Each site's samples as sorted distinct keys, and what only needs adding up.

    rows           likelihoods.Rows
    own_counts     (rows,) int64; own alleles with REF
    speaking       (sites, samples) int32; rows, -1 for none
    positions      (sites,) int32; allele_counts (sites,) int64, with REF, without NON_REF; stars (sites,) int64

    Returns (site_offsets, offsets, values, counts) as `merge_keys`, and totals (sites, 3) int64: depth; samples with
    PL; samples with a variant genotype but no PL.
    """
    sites, samples = speaking.shape
    totals = np.zeros((sites, 3), np.int64)
    site_offsets = np.zeros(sites + 1, np.int64)
    keys, out_offsets = 0, np.zeros(1024, np.int64)
    out_values, out_counts = np.empty(8192, np.int32), np.empty(1024, np.int64)
    offsets, values = np.zeros(samples + 1, np.int64), np.empty(8192, np.int32)
    ones, own = np.ones(samples, np.int64), np.empty(allele_counts.max() if sites else 1, np.int32)
    order, spare = np.empty(samples, np.int64), np.empty(samples, np.int64)
    for site in range(sites):
        alleles, found = allele_counts[site], 0
        for sample in range(samples):
            row = speaking[site, sample]
            if row < 0:
                continue
            totals[site, 0] += depth_of(rows, row)
            own_alleles(rows, row, positions[site], alleles, stars[site], own)
            vector = has_vector(rows, row, alleles, own)
            state, _, emptied = tidied(rows, row, own, alleles, vector)
            vector = vector and not emptied
            totals[site, 1] += vector
            totals[site, 2] += state == OTHER and not vector
            by_gq = not emptied and state == HOM_REF and rows.ploidies[row] == 2 and rows.gq[row] != MISSING
            if not vector and not by_gq:
                continue
            size = count_genotypes(own_counts[row], rows.ploidies[row]) if vector else 3
            values = _grown(values, offsets[found] + 2 + alleles + size)
            length = _write_key(rows, row, own, alleles, vector, size, values[offsets[found] :])
            offsets[found + 1] = offsets[found] + length
            found += 1
        out_offsets, out_counts = _grown(out_offsets, keys + found + 1), _grown(out_counts, keys + found)
        out_values = _grown(out_values, out_offsets[keys] + offsets[found])
        order[:found] = np.arange(found)
        keys = _append_distinct(
            offsets, values, ones, order[:found], spare[:found], out_offsets, out_values, out_counts, keys
        )
        site_offsets[site + 1] = keys
    out = (site_offsets, out_offsets[: keys + 1].copy(), out_values[: out_offsets[keys]].copy(), out_counts[:keys].copy())
    return out, totals
