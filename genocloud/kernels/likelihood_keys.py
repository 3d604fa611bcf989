"""Reduce the samples of a site to distinct likelihood vectors with counts."""

import numpy as np

from genocloud.kernels.genotype_order import count_genotypes
from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.merged_likelihoods import (
    ALLELES,
    ANY_OTHER,
    BLOCK,
    DP,
    GQ,
    HOM_REF,
    MISSING,
    OTHER,
    OWN,
    PL,
    PLOIDY,
    depth_of,
    has_vector,
    own_alleles,
    sample_depth_of,
    tidied,
)

GQ_FACTOR = 10
"""A hom-ref without PL: genotypes without REF get GQ x round(30 / (-10 log10 0.5)).

Source: gatk-model.md, section 2 (GenotypeLikelihoodCalculators approximated from GQ).
"""
REF_OR_OTHER = -1
"""Second entry of a key whose alleles other than REF all stand for NON_REF; other keys have 0, the REF, there.

A key is frail if its sample has no information (hom-ref or no-call, GQ 0, DP 0, flat PL): it counts in the EM, but not
where the number of alleles is reduced first, which empties such genotypes (AlleleSubsettingUtils.subsetAlleles).
"""


@compiled
def _is_less(values, a, b, offsets):
    """Whether key a comes before key b: entry by entry, a prefix first."""
    i, j = offsets[a], offsets[b]
    while i < offsets[a + 1] and j < offsets[b + 1]:
        if values[i] != values[j]:
            return values[i] < values[j]
        i += 1
        j += 1
    return offsets[a + 1] - offsets[a] < offsets[b + 1] - offsets[b]


@compiled
def order_keys(offsets, values, order, spare, count):
    """Sort order[:count], numbers of keys, by their keys (merge sort, bottom up); spare[:count] is scratch."""
    width = 1
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
        for k in range(count):
            order[k] = spare[k]
        width *= 2


@compiled
def _append_distinct(offsets, values, counts, order, count, out_offsets, out_values, out_counts, keys):
    """Append the sorted keys order[:count], once each, to the first `keys` of the output; return the new number."""
    for n in range(count):
        key = order[n]
        if n > 0 and not _is_less(values, order[n - 1], key, offsets):
            out_counts[keys - 1] += counts[key]
            continue
        end = out_offsets[keys]
        for k in range(offsets[key], offsets[key + 1]):
            out_values[end] = values[k]
            end += 1
        out_offsets[keys + 1], out_counts[keys] = end, counts[key]
        keys += 1
    return keys


@kernel("int64[::1], int64[::1], int64[::1], int32[::1], int64[::1]")
def merge_keys(site_offsets, by_site, offsets, values, counts):
    """Merge equal keys of each site: (site_offsets, offsets, values, counts), keys of a site sorted and distinct.

    site_offsets  (sites + 1,) int64; the sites' slices of by_site (and, on return, of the keys)
    by_site       (keys,) int64; numbers of keys; becomes sorted within each site
    offsets       (keys + 1,) int64; the keys' slices of values, int32
    counts        (keys,) int64
    """
    out_sites = np.zeros(len(site_offsets), np.int64)
    out_offsets = np.zeros(len(offsets), np.int64)
    out_values = np.empty(len(values), np.int32)
    out_counts = np.empty(len(counts), np.int64)
    spare = np.empty(len(counts), np.int64)
    keys = np.int64(0)
    for site in range(len(site_offsets) - 1):
        order = by_site[site_offsets[site] : site_offsets[site + 1]]
        order_keys(offsets, values, order, spare, len(order))
        keys = _append_distinct(offsets, values, counts, order, len(order), out_offsets, out_values, out_counts, keys)
        out_sites[site + 1] = keys
    return out_sites, out_offsets[: keys + 1], out_values[: out_offsets[keys]], out_counts[:keys]


@compiled
def _tells_only_ref(fact, own, alleles):
    """Whether the row distinguishes REF and NON_REF only."""
    if fact[OWN] == BLOCK:
        return True
    for k in range(1, alleles):
        if own[k] != 1:
            return False
    return fact[ANY_OTHER] == 1


@compiled
def _write_key(fact, pl, own, alleles, vector, frail, out, at):
    """Write one sample's key into out from `at`; return where it ends.

    The key: ploidy (negative if frail), then REF_OR_OTHER or the own numbers of the merged alleles, then the own PL.
    """
    ploidy = np.int64(fact[PLOIDY])
    out[at] = -ploidy if frail else ploidy
    out[at + 1] = REF_OR_OTHER
    if not vector:
        out[at + 2], out[at + 3], out[at + 4] = 0, fact[GQ], GQ_FACTOR * fact[GQ]
        return at + 5
    at += 2
    if not _tells_only_ref(fact, own, alleles):
        at -= 1
        for k in range(alleles):
            out[at] = own[k]
            at += 1
    for k in range(count_genotypes(np.int64(fact[ALLELES]), ploidy)):
        out[at] = pl[fact[PL] + k]
        at += 1
    return at


@compiled
def _room(facts, covering_row, allele_counts):
    """Upper bounds: entries of one site's own keys, entries of all keys, all keys."""
    most, total, keys = 0, 0, 0
    sizes = np.empty(len(facts), np.int64)
    for row in range(len(facts)):
        sizes[row] = 5
        if facts[row][PL] >= 0:
            sizes[row] = 2 + count_genotypes(np.int64(facts[row][ALLELES]), np.int64(facts[row][PLOIDY]))
    for site in range(covering_row.shape[0]):
        entries = 0
        for sample in range(covering_row.shape[1]):
            if covering_row[site, sample] >= 0:
                keys += 1
                entries += sizes[covering_row[site, sample]] + allele_counts[site]
        most = max(most, entries)
        total += entries
    return most, total, keys


@compiled
def _judge(fact, pl, own, alleles, total, out, at):
    """Add one sample to `total` and write its key into `out` from `at`; return where that ends, `at` if it has none."""
    total[0] += max(depth_of(fact), sample_depth_of(fact))  # either is a depth of the site
    vector = has_vector(fact, alleles, own)
    state, _, emptied = tidied(fact, pl, own, alleles, vector)
    vector = vector and not emptied
    total[1] += vector
    total[2] += state == OTHER and not vector
    by_gq = not emptied and state == HOM_REF and fact[PLOIDY] == 2 and fact[GQ] != MISSING
    if not vector and not by_gq:
        return at
    frail = vector and state != OTHER and fact[GQ] == 0 and fact[DP] == 0
    return _write_key(fact, pl, own, alleles, vector, frail, out, at)


@kernel(
    "merged_likelihoods.FACTS[::1], int32[::1], int32[::1], int32[:,::1], int32[::1], int64[::1], int64[::1], int64"
)
def summarise_sites(facts, pl, own_numbers, covering_row, positions, allele_counts, stars, first_block):
    """Each site's samples as sorted distinct keys with counts, and its totals.

    facts          (rows,) merged_likelihoods.FACTS; pl, own_numbers int32: the batch's `pl` and `own`
    covering_row   (sites, samples) int32; -1 for none
    positions      (sites,) int32; allele_counts (sites,) int64, with REF, without NON_REF; stars (sites,) int64
    first_block    the first row that is a block: these are judged once, not at every site

    Returns (site_offsets, offsets, values, counts) as `merge_keys`, and totals (sites, 3) int64: depth; samples with
    PL; samples with a variant genotype but no PL.
    """
    sites, samples = covering_row.shape
    most, entries, rooms = _room(facts, covering_row, allele_counts)
    totals, site_offsets = np.zeros((sites, 3), np.int64), np.zeros(sites + 1, np.int64)
    out_offsets, out_values = np.zeros(rooms + 1, np.int64), np.empty(entries, np.int32)
    out_counts, own = np.empty(rooms, np.int64), np.empty(64, np.int32)
    blocks = len(facts) - first_block
    block_totals = np.zeros((blocks, 3), np.int64)
    offsets, values = np.zeros(blocks + samples + 1, np.int64), np.empty(5 * blocks + most, np.int32)
    counts = np.zeros(blocks + samples, np.int64)
    own[0], own[1], own[2] = 0, 1, 1
    for block in range(blocks):
        fact, at = facts[first_block + block], offsets[block]
        offsets[block + 1] = _judge(fact, pl, own, np.int64(2), block_totals[block], values, at)
    for sample in range(samples):
        counts[blocks + sample] = 1
    order, spare = np.empty(samples, np.int64), np.empty(samples, np.int64)
    keys = np.int64(0)
    for site in range(sites):
        alleles, count, last = allele_counts[site], np.int64(0), blocks
        total = totals[site]
        if alleles >= len(own):
            own = np.empty(alleles + 1, np.int32)
        for sample in range(samples):
            row = covering_row[site, sample]
            if row < 0:
                continue
            block = row - first_block
            if block >= 0:
                for k in range(3):
                    total[k] += block_totals[block, k]
                if offsets[block + 1] == offsets[block]:
                    continue
                if counts[block] == 0:
                    order[count] = block
                    count += 1
                counts[block] += 1
                continue
            own_alleles(facts[row], own_numbers, positions[site], alleles, stars[site], own)
            offsets[last + 1] = _judge(facts[row], pl, own, alleles, total, values, offsets[last])
            if offsets[last + 1] > offsets[last]:
                order[count] = last
                count += 1
                last += 1
        order_keys(offsets, values, order, spare, count)
        keys = _append_distinct(offsets, values, counts, order, count, out_offsets, out_values, out_counts, keys)
        for n in range(count):
            if order[n] < blocks:
                counts[order[n]] = 0
        site_offsets[site + 1] = keys
    out_values = out_values[: out_offsets[keys]].copy()
    return (site_offsets, out_offsets[: keys + 1].copy(), out_values, out_counts[:keys].copy()), totals
