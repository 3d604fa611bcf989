"""Likelihood keys with their numbers of samples: keys of single sites, and keys that many sites share."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.kernel import compiled, kernel, uncounted


class SiteKeys(NamedTuple):
    """Keys of each site, sorted and distinct, with their numbers of samples.

    at       (sites + 1,) int64; the sites' slices of the keys
    offsets  (keys + 1,) int64; the keys' slices of values, int32
    counts   (keys,) int64; samples
    """

    at: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]


class KeyTrack(NamedTuple):
    """Keys that many sites share, and how their numbers of samples change from site to site.

    offsets  (keys + 1,) int64; the keys' slices of values, int32; sorted, distinct, each has a change
    at       (sites + 1,) int64; the sites' slices of the changes
    keys     (changes,) int32; numbers of keys, ascending at a site
    steps    (changes,) int32, not 0; samples more than at the site before; before the first site there are none
    """

    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int32]
    steps: npt.NDArray[np.int32]


_FEW = 16
"""Sorting one key takes about as long as looking at so many."""
SITE_KEYS = "key_tracks.SiteKeys(int64[::1], int64[::1], int32[::1], int64[::1])"
KEY_TRACK = "key_tracks.KeyTrack(int64[::1], int32[::1], int64[::1], int32[::1], int32[::1])"
"""Their types, in kernels' signatures."""


@uncounted
def _is_less(values, a, b, offsets):
    """Whether key a comes before key b: entry by entry, a prefix first."""
    i, j = offsets[a], offsets[b]
    while i < offsets[a + 1] and j < offsets[b + 1]:
        if values[i] != values[j]:
            return values[i] < values[j]
        i += 1
        j += 1
    return offsets[a + 1] - offsets[a] < offsets[b + 1] - offsets[b]


@uncounted
def _order_keys(offsets, values, order, spare, count):
    """Sort order[:count], numbers of keys, by their keys (merge sort, bottom up); spare[:count] is scratch."""
    width = 1
    while width < count:
        for low in range(0, count, 2 * width):
            middle, high = min(low + width, count), min(low + 2 * width, count)
            if middle < high and not _is_less(values, order[middle], order[middle - 1], offsets):
                middle = high  # in order already, as most of what is put together from sorted parts
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


@uncounted
def copy_key(offsets, values, key, out_offsets, out_values, to):
    """Copy a key behind the first `to` of the output."""
    end = out_offsets[to]
    for k in range(offsets[key], offsets[key + 1]):
        out_values[end] = values[k]
        end += 1
    out_offsets[to + 1] = end


@uncounted
def _append_distinct(offsets, values, counts, order, out, keys):
    """Append the sorted keys of `order`, once each, to the first `keys` of the output; return the new number."""
    out_offsets, out_values, out_counts = out
    for n in range(len(order)):
        if n > 0 and not _is_less(values, order[n - 1], order[n], offsets):
            out_counts[keys - 1] += counts[order[n]]
            continue
        copy_key(offsets, values, order[n], out_offsets, out_values, keys)
        out_counts[keys] = counts[order[n]]
        keys += 1
    return keys


@compiled
def _slices(numbers, size):
    """The slice of each number below `size` when they are sorted: (size + 1,) int64."""
    at = np.zeros(size + 1, np.int64)
    for number in numbers:
        at[number + 1] += 1
    return np.cumsum(at)


@kernel("int64, int32[::1], int64[::1], int32[::1], int64[::1]")
def merge_keys(sites, site, offsets, values, counts):
    """Add up equal keys of each site: SiteKeys.

    site     (keys,) int32; the site of each key
    offsets  (keys + 1,) int64; the keys' slices of values, int32
    counts   (keys,) int64
    """
    at, by_site = _slices(site, sites), np.empty(len(site), np.int64)
    ends = at.copy()
    for key in range(len(site)):
        by_site[ends[site[key]]] = key
        ends[site[key]] += 1
    out_at = np.zeros(sites + 1, np.int64)
    out = np.zeros(len(offsets), np.int64), np.empty(len(values), np.int32), np.empty(len(counts), np.int64)
    spare = np.empty(len(counts), np.int64)
    keys = np.int64(0)
    for n in range(sites):
        order = by_site[at[n] : at[n + 1]]
        _order_keys(offsets, values, order, spare, len(order))
        keys = _append_distinct(offsets, values, counts, order, out, keys)
        out_at[n + 1] = keys
    return SiteKeys(out_at, out[0][: keys + 1].copy(), out[1][: out[0][keys]].copy(), out[2][:keys].copy())


@kernel(f"{SITE_KEYS}, int64[::1]")
def take_sites(site_keys, sites):
    """The keys of some sites, (sites,) int64, in that order: SiteKeys."""
    at, keys, entries = np.zeros(len(sites) + 1, np.int64), np.int64(0), np.int64(0)
    for n in range(len(sites)):
        first, last = site_keys.at[sites[n]], site_keys.at[sites[n] + 1]
        keys += last - first
        entries += site_keys.offsets[last] - site_keys.offsets[first]
        at[n + 1] = keys
    offsets, values = np.zeros(keys + 1, np.int64), np.empty(entries, np.int32)
    counts = np.empty(keys, np.int64)
    for n in range(len(sites)):
        first = site_keys.at[sites[n]]
        for k in range(at[n], at[n + 1]):
            copy_key(site_keys.offsets, site_keys.values, first + k - at[n], offsets, values, k)
            counts[k] = site_keys.counts[first + k - at[n]]
    return SiteKeys(at, offsets, values, counts)


@kernel("int64[::1], int32[::1]")
def unite_keys(offsets, values):
    """Number keys by their places among the distinct ones, sorted: (numbers (keys,) int32, offsets, values)."""
    keys, count = len(offsets) - 1, 0
    order, numbers = np.arange(keys), np.empty(keys, np.int32)
    _order_keys(offsets, values, order, np.empty(keys, np.int64), keys)
    out_offsets, out_values = np.zeros(keys + 1, np.int64), np.empty(len(values), np.int32)
    for n in range(keys):
        if n == 0 or _is_less(values, order[n - 1], order[n], offsets):
            copy_key(offsets, values, order[n], out_offsets, out_values, count)
            count += 1
        numbers[order[n]] = count - 1
    return numbers, out_offsets[: count + 1].copy(), out_values[: out_offsets[count]].copy()


@kernel("int64, int64, int32[::1], int32[::1], int32[::1]")
def add_changes(sites, count, site, keys, steps):
    """Add up changes of one key at one site: (at, keys, steps) as in KeyTrack, without those that add up to 0.

    site, keys, steps  (changes,) int32; in any order; the keys' numbers are below `count`
    """
    at = _slices(site, sites)
    ends, by_site = at.copy(), np.empty((len(keys), 2), np.int32)
    for n in range(len(keys)):
        place = ends[site[n]]
        by_site[place, 0], by_site[place, 1] = keys[n], steps[n]
        ends[site[n]] = place + 1
    out_at, out_keys, out_steps = np.zeros(sites + 1, np.int64), np.empty_like(keys), np.empty_like(steps)
    sums, met_at, met = np.zeros(count, np.int32), np.full(count, -1, np.int32), np.empty(count, np.int32)
    changes = 0
    for n in range(sites):
        distinct = 0
        for place in range(at[n], at[n + 1]):
            key = by_site[place, 0]
            if met_at[key] != n:
                met_at[key], sums[key], met[distinct] = n, 0, key
                distinct += 1
            sums[key] += by_site[place, 1]
        # sorting so many takes longer than looking at every key
        in_order = np.sort(met[:distinct]) if distinct * _FEW < count else np.flatnonzero(met_at == n).astype(np.int32)
        for key in in_order:
            if sums[key] != 0:
                out_keys[changes], out_steps[changes] = key, sums[key]
                changes += 1
        out_at[n + 1] = changes
    return out_at, out_keys[:changes].copy(), out_steps[:changes].copy()


@compiled
def room_for(track):
    """Room for the keys of a track that have samples at a site: (numbers int32, samples int64)."""
    return np.empty(len(track.offsets) - 1, np.int32), np.empty(len(track.offsets) - 1, np.int64)


@uncounted
def _add_sorted(keys, counts, other_keys, other_counts, sign, out):
    """Add counts of other keys, times the sign, and fill `out` with the keys whose sums are not 0: how many these are.

    keys, other_keys int32, ascending; out  two arrays, of keys and sums
    """
    n, m, kept = 0, 0, 0
    while n < len(keys) or m < len(other_keys):
        total = np.int64(0)
        if m == len(other_keys) or (n < len(keys) and keys[n] <= other_keys[m]):
            key = keys[n]
        else:
            key = other_keys[m]
        if n < len(keys) and keys[n] == key:
            total += counts[n]
            n += 1
        if m < len(other_keys) and other_keys[m] == key:
            total += sign * other_counts[m]
            m += 1
        if total != 0:
            out[0][kept], out[1][kept] = key, total
            kept += 1
    return kept


@uncounted
def follow(track, site, before, count, after):
    """Fill `after` with the keys that have samples at a site, ascending, and their samples: how many these are.

    before, after  as from `room_for`; before[:count] is of the site before
    """
    part = slice(track.at[site], track.at[site + 1])
    return _add_sorted(before[0][:count], before[1][:count], track.keys[part], track.steps[part], 1, after)


@uncounted
def _add_present(track, site, counts):
    """Add a site's changes to the numbers of samples of all keys, (keys,) int64; how many more keys then have any."""
    more = 0
    for n in range(track.at[site], track.at[site + 1]):
        key = track.keys[n]
        more -= counts[key] != 0
        counts[key] += track.steps[n]
        more += counts[key] != 0
    return more


@kernel()
def shortest_rows(track):
    """The track as rows of changes, or, where that is shorter, of all keys with their samples.

    Returns (whole (sites,) bool: which rows are of all keys; at, keys, steps as in KeyTrack).
    """
    sites = len(track.at) - 1
    whole, at = np.zeros(sites, np.bool_), np.zeros(sites + 1, np.int64)
    keys, steps = np.empty_like(track.keys), np.empty_like(track.steps)
    counts, held, end = np.zeros(len(track.offsets) - 1, np.int64), 0, 0
    before, present, count, reached = room_for(track), room_for(track), 0, 0
    for site in range(sites):
        held += _add_present(track, site, counts)
        first, last = track.at[site], track.at[site + 1]
        whole[site] = held < last - first
        while whole[site] and reached <= site:  # few rows are whole: the keys between them need not be listed
            before, present = present, before
            count = follow(track, reached, before, count, present)
            reached += 1
        if whole[site]:
            keys[end : end + count], steps[end : end + count] = present[0][:count], present[1][:count]
            end += count
        else:
            keys[end : end + last - first], steps[end : end + last - first] = (
                track.keys[first:last],
                track.steps[first:last],
            )
            end += last - first
        at[site + 1] = end
    return whole, at, keys[:end].copy(), steps[:end].copy()


@compiled
def _with_room(values, room):
    """The values, at the beginning of an array that has at least so much room."""
    if room <= len(values):
        return values
    out = np.empty(2 * room, values.dtype)
    out[: len(values)] = values
    return out


@kernel()
def changes_of_rows(whole, rows):
    """The reverse of `shortest_rows`: (at, keys, steps); rows are in the place of a KeyTrack's changes."""
    at, end = np.zeros(len(rows.at), np.int64), np.int64(0)
    keys, steps = np.empty(2 * len(rows.keys), np.int32), np.empty(2 * len(rows.keys), np.int32)
    before, present, count, reached = room_for(rows), room_for(rows), 0, 0
    for site in range(len(whole)):
        first, last = rows.at[site], rows.at[site + 1]
        if whole[site]:
            while reached < site:
                before, present = present, before
                count = follow(rows, reached, before, count, present)
                reached += 1
            keys, steps = _with_room(keys, end + count + last - first), _with_room(steps, end + count + last - first)
            held, out = (present[0][:count], present[1][:count]), (keys[end:], steps[end:])
            end += _add_sorted(rows.keys[first:last], rows.steps[first:last], held[0], held[1], -1, out)
            count, reached = last - first, site + 1
            present[0][:count], present[1][:count] = rows.keys[first:last], rows.steps[first:last]
        else:
            keys, steps = _with_room(keys, end + last - first), _with_room(steps, end + last - first)
            keys[end : end + last - first], steps[end : end + last - first] = (
                rows.keys[first:last],
                rows.steps[first:last],
            )
            end += last - first
        at[site + 1] = end
    return at, keys[:end].copy(), steps[:end].copy()


@uncounted
def apply_changes(track, site, counts):
    """Add a site's changes to the numbers of samples of all keys, (keys,) int64."""
    for n in range(track.at[site], track.at[site + 1]):
        counts[track.keys[n]] += track.steps[n]


@kernel(f"{KEY_TRACK}, int64[::1], int64[::1], int64[::1]")
def join_tracks(tracks, bounds, track_of_site, row_of_site):
    """One track over sites of several: (at, keys, steps) as in KeyTrack.

    tracks         a KeyTrack of the tracks' sites, one track after the other; each begins with a change from nothing
    bounds         (tracks + 1,) int64; each track's slice of these sites
    track_of_site  (sites,) int64; row_of_site (sites,) int64: where each site is among them; ascending in each track
    """
    count = len(tracks.offsets) - 1
    counts, before = np.zeros((len(bounds) - 1, count), np.int64), np.zeros(count, np.int64)
    done = bounds[:-1].copy()
    at, changes, last = np.zeros(len(row_of_site) + 1, np.int64), np.int64(0), np.int64(-1)
    keys, steps = np.empty(len(tracks.keys), np.int32), np.empty(len(tracks.keys), np.int32)
    for site in range(len(row_of_site)):
        number, row = track_of_site[site], row_of_site[site]
        follows = number == last and done[number] == row
        for skipped in range(done[number], row + 1):
            apply_changes(tracks, skipped, counts[number])
        done[number], last = row + 1, number
        most = tracks.at[row + 1] - tracks.at[row] if follows else count
        keys, steps = _with_room(keys, changes + most), _with_room(steps, changes + most)
        for n in range(most):  # where other sites lie between, all keys may have changed
            key = np.int64(tracks.keys[tracks.at[row] + n]) if follows else n
            step = counts[number, key] - before[key]
            if step != 0:
                keys[changes], steps[changes] = key, step
                before[key] += step
                changes += 1
        at[site + 1] = changes
    return at, keys[:changes].copy(), steps[:changes].copy()
