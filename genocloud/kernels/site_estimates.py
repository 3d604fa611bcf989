"""Estimates of many sites from likelihood keys, in one go or, of several sources, round by round."""

import numpy as np

from genocloud.kernels.fixed_point import UNIT, sums_of
from genocloud.kernels.frequencies import (
    absence,
    count_chromosomes,
    estimate_counts,
    frequencies_of,
    genotype_counts,
    sum_absence,
    sum_copies,
    with_ratios,
)
from genocloud.kernels.genotype_order import count_genotypes
from genocloud.kernels.kernel import compiled, kernel, uncounted
from genocloud.kernels.key_tracks import KEY_TRACK, SITE_KEYS, copy_key, follow, room_for
from genocloud.kernels.key_vectors import best_alleles, carrier_qualities, expand_keys, likelihood_gains, without_frail

DEPTH, LIKELIHOODS, BARE_CARRIER, BEYOND = 1, 2, 4, 8
"""Bits of a site: some depth; a sample with likelihoods; a variant genotype without; GATK's limits exceeded. A site can
be genotyped if it has the first two and not the third (gatk-model.md, section 2)."""
GENOTYPED = DEPTH | LIKELIHOODS
GATK_ALLELES, GATK_GENOTYPES = 50, 1024
"""GATK's limits, which are not ours: alleles at a site; genotypes, with NON_REF, in a sample's vector.

Source: gatk-model.md, section 2 (GenotypingEngine.hasTooManyAlternativeAlleles; --max-genotype-count in GenomicsDB).
"""


@kernel()
def absences(words, at, chosen, stars):
    """`absence` of several sites: (variant (sites,), absent (alleles,)) float64.

    at (sites + 1,) int64: slices of words, and of chosen, int64: merged numbers of the alleles; stars (sites,) int64
    """
    variant, absent = np.zeros(len(stars)), np.zeros(len(chosen))
    for n in range(len(stars)):
        part = slice(at[n], at[n + 1])
        variant[n], absent[part] = absence(words[part], _place_of(stars[n], chosen[part]))
    return variant, absent


@compiled
def _keys_at(track, present, count, site_keys, site):
    """All keys of a site: (offsets, values, counts); present[:count]: those of the track, as from `follow`."""
    first, last = site_keys.at[site], site_keys.at[site + 1]
    entries, keys = site_keys.offsets[last] - site_keys.offsets[first], count + last - first
    for n in range(count):
        key = present[0][n]
        entries += track.offsets[key + 1] - track.offsets[key]
    offsets, values, counts = np.zeros(keys + 1, np.int64), np.empty(entries, np.int32), np.empty(keys, np.int64)
    for n in range(count):
        copy_key(track.offsets, track.values, present[0][n], offsets, values, n)
        counts[n] = present[1][n]
    for n in range(count, keys):
        copy_key(site_keys.offsets, site_keys.values, first + n - count, offsets, values, n)
        counts[n] = site_keys.counts[first + n - count]
    return offsets, values, counts


@uncounted
def _highest(ploidies):
    """The highest of some ploidies, 0 of none."""
    highest = np.int64(0)
    for ploidy in ploidies:
        highest = max(highest, ploidy)
    return highest


@uncounted
def _known(totals, track, highest, present, count, site_keys, site, alleles):
    """The bits of a site; totals (3,) int64; its keys as in `_keys_at`; highest: the track's highest ploidy."""
    beyond = alleles > GATK_ALLELES
    for n in range(count if count_genotypes(alleles + 1, highest) > GATK_GENOTYPES else 0):
        ploidy = np.int64(abs(track.values[track.offsets[present[0][n]]]))
        beyond |= count_genotypes(alleles + 1, ploidy) > GATK_GENOTYPES
    for k in range(site_keys.at[site], site_keys.at[site + 1]):
        ploidy = np.int64(abs(site_keys.values[site_keys.offsets[k]]))
        beyond |= count_genotypes(alleles + 1, ploidy) > GATK_GENOTYPES
    known = DEPTH * (totals[0] > 0) + LIKELIHOODS * (totals[1] > 0)
    return known + BARE_CARRIER * (totals[2] > 0) + BEYOND * beyond


@compiled
def _pairs_of(track, site_keys):
    """The track's keys with REF and one ALT, and room for a site's other keys behind them: (ploidies, at, likelihoods).

    ploidies, at as from `expand_keys`; likelihoods as from `with_ratios`
    """
    ploidies, at, likelihoods = expand_keys(track.offsets, track.values, np.int64(2), np.arange(2))
    room = 0
    for site in range(len(site_keys.at) - 1):
        size = 0
        for k in range(site_keys.at[site], site_keys.at[site + 1]):
            size += abs(site_keys.values[site_keys.offsets[k]]) + 1
        room = max(room, size)
    out = np.zeros(len(likelihoods) + room, np.int32)
    out[: len(likelihoods)] = likelihoods
    return ploidies, at, with_ratios(out)


@compiled
def _vectors_of_pair(pairs, present, count, site_keys, site, chosen):
    """(ploidies, at, counts) for `_vectors_at` at a site with one ALT; its other keys' likelihoods go into pairs."""
    first, last = site_keys.at[site], site_keys.at[site + 1]
    keys, end = count + last - first, pairs[1][len(pairs[0])]
    ploidies, at, samples = np.empty(keys, np.int64), np.empty(keys, np.int64), np.empty(keys, np.int64)
    for n in range(count):
        key = present[0][n]
        ploidies[n], at[n], samples[n] = pairs[0][key], pairs[1][key], present[1][n]
    own = expand_keys(site_keys.offsets[first : last + 1], site_keys.values, np.int64(2), chosen)
    likelihoods, ratios = with_ratios(own[2])
    pairs[2][0][end : end + len(ratios)], pairs[2][1][end : end + len(ratios)] = likelihoods, ratios
    for k in range(last - first):
        ploidies[count + k], at[count + k], samples[count + k] = own[0][k], end + own[1][k], site_keys.counts[first + k]
    return ploidies, at, samples


@compiled
def _vectors_at(track, pairs, present, count, site_keys, site, alleles, most, chosen):
    """The arguments of `sum_copies` for a site: (ploidies, at, likelihoods, counts, table).

    pairs   as from `_pairs_of`; track, present, count, site_keys as in `_keys_at`
    chosen  (alleles in the EM,) int64; where these are not all, frail samples do not count (likelihood_keys)
    """
    if alleles == 2 and len(chosen) == 2:
        ploidies, at, samples = _vectors_of_pair(pairs, present, count, site_keys, site, chosen)
        likelihoods = pairs[2]
    else:
        offsets, values, samples = _keys_at(track, present, count, site_keys, site)
        if alleles > most + 1:
            samples = without_frail(offsets, values, samples)
        ploidies, at, expanded = expand_keys(offsets, values, alleles, chosen)
        likelihoods = with_ratios(expanded)
    ploidy = ploidies[0] if len(ploidies) else np.int64(0)
    return ploidies, at, likelihoods, samples, genotype_counts(len(chosen), ploidy)


@compiled
def _even_copies(ploidies, at, likelihoods, counts):
    """Expected copies of an ALT, the only one of its site, at even frequencies, in units: as `sum_copies` has them."""
    if len(ploidies) == 0:
        return np.int64(0)
    return sum_copies(ploidies, at, likelihoods, counts, genotype_counts(2, ploidies[0]), np.full(2, 0.5))[1]


@compiled
def _even_changes(track, pairs, site):
    """How many `_even_copies` of the track's keys a site has more than the one before it."""
    part = slice(track.at[site], track.at[site + 1])
    keys, steps = track.keys[part], track.steps[part].astype(np.int64)
    return _even_copies(pairs[0][keys], pairs[1][keys], pairs[2], steps)


@uncounted
def _place_of(star, chosen):
    """Place of `*`, by its merged number, among the chosen alleles, -1 if it is not one of them."""
    for j in range(len(chosen)):
        if chosen[j] == star:
            return np.int64(j)
    return np.int64(-1)


@kernel(f"{KEY_TRACK}, {SITE_KEYS}, int64[:,::1], int64[::1], float64[::1], int64[::1], int64")
def estimate_sites(track, site_keys, totals, allele_offsets, pseudocounts, stars, most):
    """The estimates of each site.

    track, site_keys, totals   as from likelihood_keys.summarise_rows
    allele_offsets  (sites + 1,) int64; the sites' slices of pseudocounts, float64; REF first
    stars           (sites,) int64; merged number of `*`, -1 if none
    most            ALTs that go into the EM

    Returns (known (sites,) int8: bits; variant (sites,) float64, absent float64: log10 probabilities as `absence`;
    copies float64, expected); one per allele in the order of pseudocounts, NaN for alleles left out of the EM. All
    sums over keys are of integers, so that the order of the keys does not matter.
    """
    sites = len(stars)
    known, variant = np.zeros(sites, np.int8), np.zeros(sites)
    absent, copies = np.full(allele_offsets[sites], np.nan), np.full(allele_offsets[sites], np.nan)
    pairs, before, present, count = _pairs_of(track, site_keys), room_for(track), room_for(track), 0
    highest, of_track = _highest(pairs[0]), np.int64(0)  # the latter: `_even_copies` of the track's keys
    for site in range(sites):
        before, present = present, before
        count = follow(track, site, before, count, present)
        of_track += _even_changes(track, pairs, site)
        begin, alleles = allele_offsets[site], allele_offsets[site + 1] - allele_offsets[site]
        known[site] = _known(totals[site], track, highest, present, count, site_keys, site, alleles)
        if known[site] & ~BEYOND != GENOTYPED:
            continue
        chosen = np.arange(alleles)
        if alleles > most + 1:
            offsets, values, counts = _keys_at(track, present, count, site_keys, site)
            gains = likelihood_gains(offsets, values, counts, alleles)
            chosen = best_alleles(sums_of(gains[:, 0], gains[:, 1]), most)
        star, prior = _place_of(stars[site], chosen), pseudocounts[begin:][chosen]
        ploidies, at, likelihoods, samples, table = _vectors_at(
            track, pairs, present, count, site_keys, site, alleles, most, chosen
        )
        if alleles == 2 and len(chosen) == 2:
            start = np.zeros(2, np.int64)
            start[1] = of_track + _even_copies(ploidies[count:], at[count:], likelihoods, samples[count:])
        else:
            even = np.full(len(chosen), 1.0 / len(chosen))
            start = sum_copies(ploidies, at, likelihoods, samples, table, even)
        expected = estimate_counts(ploidies, at, likelihoods, samples, table, prior, start)
        shares = frequencies_of(expected, prior)
        words = sum_absence(ploidies, at, likelihoods, samples, table, shares, star)
        variant[site], gone = absence(words, star)
        for j in range(len(chosen)):
            absent[begin + chosen[j]], copies[begin + chosen[j]] = gone[j], expected[j] / UNIT
    return known, variant, absent, copies


@kernel()
def judge_carriers(site_keys, totals, allele_offsets, stars):
    """Each site by its surest carriers, without a frequency: arguments and results as in `estimate_sites`.

    An ALT's absence is as unlikely as its quality says (key_vectors.carrier_qualities), a site's variant as the best
    of its ALTs other than `*`. Samples that have REF or anything else, as blocks say, do not matter.
    """
    sites = len(stars)
    known, variant = np.zeros(sites, np.int8), np.zeros(sites)
    absent, copies = np.zeros(allele_offsets[sites]), np.zeros(allele_offsets[sites])
    for site in range(sites):
        first, last = site_keys.at[site], site_keys.at[site + 1]
        begin, end = allele_offsets[site], allele_offsets[site + 1]
        depth, vectors, bare = totals[site]
        known[site] = DEPTH * (depth > 0) + LIKELIHOODS * (vectors > 0) + BARE_CARRIER * (bare > 0)
        offsets, counts = site_keys.offsets[first : last + 1], site_keys.counts[first:last]
        quality, carried = carrier_qualities(offsets, site_keys.values, counts, end - begin)
        for k in range(1, end - begin):
            absent[begin + k], copies[begin + k] = quality[k] / -10.0, carried[k]
            if k != stars[site]:
                variant[site] = min(variant[site], absent[begin + k])
    return known, variant, absent, copies


@kernel()
def start_sites(track, site_keys, totals, allele_offsets, most):
    """A source's sums for the first round of the federated EM; arguments as in `estimate_sites`.

    Returns (known (sites,) int8: bits; chromosomes (sites,) int64; copies int64, expected at even frequencies, in
    units, 0 where ALTs are too many; gains (alleles, 2) int64, in words, 0 elsewhere): one per allele of all sites.
    """
    sites = len(totals)
    known, chromosomes = np.zeros(sites, np.int8), np.zeros(sites, np.int64)
    copies, gains = np.zeros(allele_offsets[sites], np.int64), np.zeros((allele_offsets[sites], 2), np.int64)
    pairs, before, present, count = _pairs_of(track, site_keys), room_for(track), room_for(track), 0
    highest = _highest(pairs[0])
    for site in range(sites):
        before, present = present, before
        count = follow(track, site, before, count, present)
        begin, end = allele_offsets[site], allele_offsets[site + 1]
        alleles = end - begin
        known[site] = _known(totals[site], track, highest, present, count, site_keys, site, alleles)
        if known[site] & BARE_CARRIER:
            continue  # the site cannot be genotyped
        chosen = np.arange(alleles if alleles <= most + 1 else 1)
        ploidies, at, likelihoods, samples, table = _vectors_at(
            track, pairs, present, count, site_keys, site, alleles, most, chosen
        )
        chromosomes[site] = count_chromosomes(ploidies, samples)
        if alleles > most + 1:
            offsets, values, counts = _keys_at(track, present, count, site_keys, site)
            gains[begin:end] = likelihood_gains(offsets, values, counts, alleles)
        else:
            even = np.full(alleles, 1.0 / alleles)
            copies[begin:end] = sum_copies(ploidies, at, likelihoods, samples, table, even)
    return known, chromosomes, copies, gains


@kernel()
def answer_sites(
    track, site_keys, allele_offsets, pseudocounts, stars, most, site, last, chosen_offsets, chosen, current, even
):
    """A source's sums for the questions of one round of the federated EM; first arguments as in `estimate_sites`.

    site   (questions,) int64, ascending; last (questions,) bool: for absence, not copies; even (questions,) bool: there
           are no copies yet, and frequencies are even
    chosen_offsets  (questions + 1,) int64; slices of chosen, int64: the alleles in the EM, REF first, and of current,
                    int64: their expected copies, in units

    Returns (copies int64, as `sum_copies`; words (n, 2) int64, as `sum_absence`), one per chosen allele; 0 where the
    question is for the other.
    """
    copies, words = np.zeros(len(chosen), np.int64), np.zeros((len(chosen), 2), np.int64)
    pairs, before, present = _pairs_of(track, site_keys), room_for(track), room_for(track)
    count, reached = 0, 0
    for n in range(len(site)):
        while reached <= site[n]:
            before, present = present, before
            count = follow(track, reached, before, count, present)
            reached += 1
        begin, end = chosen_offsets[n], chosen_offsets[n + 1]
        own, alleles = chosen[begin:end], allele_offsets[site[n] + 1] - allele_offsets[site[n]]
        prior = pseudocounts[allele_offsets[site[n]] :][own]
        shares = np.full(len(own), 1.0 / len(own)) if even[n] else frequencies_of(current[begin:end], prior)
        ploidies, at, likelihoods, samples, table = _vectors_at(
            track, pairs, present, count, site_keys, site[n], alleles, most, own
        )
        if last[n]:
            star = _place_of(stars[site[n]], own)
            words[begin:end] = sum_absence(ploidies, at, likelihoods, samples, table, shares, star)
        else:
            copies[begin:end] = sum_copies(ploidies, at, likelihoods, samples, table, shares)
    return copies, words
