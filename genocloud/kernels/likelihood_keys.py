"""Reduce the samples of a batch to distinct likelihood vectors with counts."""

import numpy as np

from genocloud.kernels.genotype_order import count_genotypes
from genocloud.kernels.kernel import kernel, uncounted
from genocloud.kernels.key_tracks import KeyTrack, add_changes, merge_keys, unite_keys
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

UNKNOWN, NO_KEY = -2, -1
"""Instead of the number of a block's key."""
GQ_FACTOR = 10
"""A hom-ref without PL: genotypes without REF get GQ x round(30 / (-10 log10 0.5)).

Source: gatk-model.md, section 2 (GenotypeLikelihoodCalculators approximated from GQ).
"""
REF_OR_OTHER = -1
"""Second entry of a key whose alleles other than REF all stand for NON_REF; other keys have 0, the REF, there.

A key is frail if its sample has no information (hom-ref or no-call, GQ 0, DP 0, flat PL): it counts in the EM, but not
where the number of alleles is reduced first, which empties such genotypes (AlleleSubsettingUtils.subsetAlleles).
"""


@uncounted
def _tells_only_ref(fact, own, alleles):
    """Whether the row distinguishes REF and NON_REF only."""
    if fact[OWN] == BLOCK:
        return True
    for k in range(1, alleles):
        if own[k] != 1:
            return False
    return fact[ANY_OTHER] == 1


@uncounted
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


@uncounted
def _room(facts, cover, allele_counts, first_shared):
    """Upper bounds for the keys of rows before `first_shared`: (keys, entries)."""
    keys, entries = 0, 0
    for run in range(len(cover.numbers)):
        row = cover.numbers[run]
        if row < 0 or row >= first_shared:
            continue
        size = 5
        if facts[row][PL] >= 0:
            size = 2 + count_genotypes(np.int64(facts[row][ALLELES]), np.int64(facts[row][PLOIDY]))
        for site in range(cover.firsts[run], cover.stops[run]):
            keys += 1
            entries += size + allele_counts[site]
    return keys, entries


@uncounted
def add_sample(fact, pl, own, alleles, total, out, at):
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
    "merged_likelihoods.FACTS[::1], int32[::1], int32[::1], cell_runs.CellRuns(int32[::1], int32[::1], int32[::1], "
    "int32[::1]), int32[::1], int64[::1], int64[::1], int64"
)
def summarise_rows(facts, pl, own_numbers, cover, positions, allele_counts, stars, first_shared):
    """The samples of a batch as distinct keys with their numbers of samples, and the totals of each site.

    facts          (rows,) merged_likelihoods.FACTS; pl, own_numbers int32: the batch's `pl` and `own`
    cover          CellRuns of rows, -1 for none
    positions      (sites,) int32; allele_counts (sites,) int64, with REF, without NON_REF; stars (sites,) int64
    first_shared   rows from this one on have one key, and one share of the totals, at all sites

    Returns (KeyTrack: the keys of REF or anything else; SiteKeys: the others; totals (sites, 3) int64: depth; samples
    with PL; samples with a variant genotype but no PL).
    """
    sites, sharing = len(positions), len(facts) - first_shared
    room, entries = _room(facts, cover, allele_counts, first_shared)
    totals, steps = np.zeros((sites, 3), np.int64), np.zeros((sites + 1, 3), np.int64)
    row_totals, number_of_row = np.zeros((sharing, 3), np.int64), np.full(sharing, UNKNOWN, np.int64)
    shared_offsets, shared_values = np.zeros(sharing + room + 1, np.int64), np.empty(5 * sharing + entries, np.int32)
    offsets, values = np.zeros(room + 1, np.int64), np.empty(entries, np.int32)
    key_sites, keys, shared = np.empty(room, np.int32), 0, 0
    changes, most = 0, 2 * (len(cover.numbers) + room)
    changed_sites, changed = np.empty(most, np.int32), np.empty(most, np.int32)
    own, of_any = np.empty(allele_counts.max() + 1 if sites else 1, np.int32), np.array([0, 1, 1], np.int32)
    for run in range(len(cover.numbers)):
        row, first, stop = cover.numbers[run], cover.firsts[run], cover.stops[run]
        if row < 0:
            continue
        place = row - first_shared
        if place >= 0:
            if number_of_row[place] == UNKNOWN:
                at = shared_offsets[shared]
                end = add_sample(facts[row], pl, of_any, np.int64(2), row_totals[place], shared_values, at)
                number_of_row[place] = shared if end > at else NO_KEY
                shared += end > at
                shared_offsets[shared] = end
            for k in range(3):
                steps[first, k] += row_totals[place, k]
                steps[stop, k] -= row_totals[place, k]
            if number_of_row[place] != NO_KEY:
                changed_sites[changes], changed[changes] = first, number_of_row[place]
                changed_sites[changes + 1], changed[changes + 1] = stop, number_of_row[place]
                changes += 2
            continue
        for site in range(first, stop):
            alleles, at = allele_counts[site], offsets[keys]
            own_alleles(facts[row], own_numbers, positions[site], alleles, stars[site], own)
            end = add_sample(facts[row], pl, own, alleles, totals[site], values, at)
            if end > at and values[at + 1] == REF_OR_OTHER:
                shared_end = shared_offsets[shared]
                for k in range(at, end):
                    shared_values[shared_end + k - at] = values[k]
                changed_sites[changes], changed[changes] = site, shared
                changed_sites[changes + 1], changed[changes + 1] = site + 1, shared
                shared_offsets[shared + 1] = shared_end + end - at
                shared, changes = shared + 1, changes + 2
            elif end > at:
                key_sites[keys], offsets[keys + 1] = site, end
                keys += 1
    for site in range(sites):
        for k in range(3):
            steps[site + 1, k] += steps[site, k]
            totals[site, k] += steps[site, k]
    numbers, shared_offsets, shared_values = unite_keys(shared_offsets[: shared + 1], shared_values)
    count = 0
    change_steps = np.empty(changes, np.int32)
    for n in range(changes):
        if changed_sites[n] < sites:
            changed_sites[count], changed[count] = changed_sites[n], numbers[changed[n]]
            change_steps[count] = -1 if n % 2 else 1
            count += 1
    track = add_changes(sites, len(shared_offsets) - 1, changed_sites[:count], changed[:count], change_steps[:count])
    site_keys = merge_keys(sites, key_sites[:keys], offsets[: keys + 1], values, np.ones(keys, np.int64))
    return KeyTrack(shared_offsets, shared_values, track[0], track[1], track[2]), site_keys, totals
