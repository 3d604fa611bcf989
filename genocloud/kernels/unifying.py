"""Merge the observed alleles of each site, as GenomicsDB does."""

import numpy as np

from genocloud.kernels.alleles import first_from
from genocloud.kernels.kernel import kernel, uncounted

NO_CARRIER = np.iinfo(np.int32).max
STAR, BASE_N = np.uint8(ord("*")), np.uint8(ord("N"))


@uncounted
def _compare(a, i, i_end, b, j, j_end):
    """Compare a[i:i_end] with b[j:j_end] in byte order: negative, 0 or positive."""
    while i < i_end and j < j_end:
        if a[i] != b[j]:
            return -1 if a[i] < b[j] else 1
        i += 1
        j += 1
    return (i_end - i) - (j_end - j)


@uncounted
def _is_better_ref(at, text, row, best):
    """Whether the row's REF is better for the site than the best so far: longer; a base before N; then by text."""
    length, other = at[row + 1] - at[row], at[best + 1] - at[best]
    if length != other:
        return length > other
    if length == 1 and (text[at[row]] == BASE_N) != (text[at[best]] == BASE_N):
        return text[at[best]] == BASE_N
    return _compare(text, at[row], at[row + 1], text, at[best], at[best + 1]) > 0


@kernel("int32[::1], int32[::1], int32[::1], int32[::1]")
def first_ranks(starts, span_starts, span_stops, span_ranks):
    """The lowest rank with an earlier deletion over each site, NO_CARRIER where there is none: (sites,) int32.

    starts (sites,) int32, ascending; spans (n,) int32: the bases under each deletion, and the rank of its carrier
    """
    out = np.full(len(starts), NO_CARRIER, np.int32)
    for span in range(len(span_starts)):
        site = first_from(starts, span_starts[span])
        while site < len(starts) and starts[site] < span_stops[span]:
            out[site] = min(out[site], span_ranks[span])
            site += 1
    return out


@kernel("int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], int32[::1]")
def unify_sites(site_at, rows, ref_at, refs, alt_at, alts, seen, unders):
    """The merged alleles of each site.

    site_at  (sites + 1,) int64; slices of rows, int64: the observations at each site
    ref_at, alt_at  (observations + 1,) int64; slices of refs and alts, uint8: REF and one ALT as the record has them
    seen     (observations,) int64; where the ALT is first seen: cohort rank x 2^16 + place in the record
    unders   (sites,) int32; the first rank under a deletion from upstream, NO_CARRIER if there is none

    Returns (best (sites,) int64: the observation whose REF is the site's, lists (sites + 1,) int32, offsets int32,
    text uint8): ALTs extended to that REF, in the order of the first sample that shows them. `*` is never extended.
    """
    sites, entries, room = len(site_at) - 1, 0, 0
    best, lists = np.empty(sites, np.int64), np.zeros(sites + 1, np.int32)
    for site in range(sites):
        best[site] = rows[site_at[site]]
        for n in range(site_at[site], site_at[site + 1]):
            if _is_better_ref(ref_at, refs, rows[n], best[site]):
                best[site] = rows[n]
        longest, count = ref_at[best[site] + 1] - ref_at[best[site]], site_at[site + 1] - site_at[site]
        entries += count + 1
        room += count * longest + 1
        for n in range(site_at[site], site_at[site + 1]):
            room += alt_at[rows[n] + 1] - alt_at[rows[n]]
    offsets, text = np.zeros(entries + 1, np.int32), np.empty(room, np.uint8)
    pool, pool_at, firsts = np.empty(room, np.uint8), np.zeros(entries + 1, np.int64), np.empty(entries, np.int64)
    order, total = np.empty(entries, np.int64), 0
    for site in range(sites):
        distinct, ref, ref_end = 0, ref_at[best[site]], ref_at[best[site] + 1]
        for n in range(site_at[site], site_at[site + 1] + 1):
            end = pool_at[distinct]
            if n == site_at[site + 1]:
                if unders[site] == NO_CARRIER:
                    break
                pool[end], first = STAR, np.int64(unders[site]) << 16
                end += 1
            else:
                row = rows[n]
                first = seen[row]
                for k in range(alt_at[row], alt_at[row + 1]):
                    pool[end] = alts[k]
                    end += 1
                if end - pool_at[distinct] != 1 or pool[end - 1] != STAR:
                    for k in range(ref + ref_at[row + 1] - ref_at[row], ref_end):
                        pool[end] = refs[k]
                        end += 1
            known = 0
            while (
                known < distinct
                and _compare(pool, pool_at[known], pool_at[known + 1], pool, pool_at[distinct], end) != 0
            ):
                known += 1
            if known == distinct:
                distinct += 1
                pool_at[distinct], firsts[known] = end, first
            firsts[known] = min(firsts[known], first)
        for n in range(distinct):
            k = n
            while k > 0 and (
                firsts[order[k - 1]] > firsts[n]
                or (
                    firsts[order[k - 1]] == firsts[n]
                    and _compare(
                        pool, pool_at[n], pool_at[n + 1], pool, pool_at[order[k - 1]], pool_at[order[k - 1] + 1]
                    )
                    < 0
                )
            ):
                order[k] = order[k - 1]
                k -= 1
            order[k] = n
        for n in order[:distinct]:
            end = offsets[total]
            for k in range(pool_at[n], pool_at[n + 1]):
                text[end] = pool[k]
                end += 1
            total += 1
            offsets[total] = end
        lists[site + 1] = total
    return best, lists, offsets[: total + 1].copy(), text[: offsets[total]].copy()
