"""Genotypes after GLnexus: a sample's own calls, revised and translated to a site's alleles, with the fields beside.

Source: GLnexus 1.4.5, src/genotyper.cc and src/genotyper_utils.h; the rules one by one: tests/support/slow_glnexus.py.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.site_records import SiteCells, allele_number, bare_alleles, bare_places
from genocloud.kernels.vcf_fields import pointer
from genocloud.schema import MISSING as MISSING_INT

MISSING = np.int64(MISSING_INT)
MISSING_DATA, PARTIAL, NOT_CALLED, LOW_DEPTH = ord("M"), ord("P"), ord("I"), ord("D")
LOST_DELETION, LOST, UNPHASED, OVERLAPPING, ALONE = ord("-"), ord("L"), ord("U"), ord("O"), ord("1")
FINE = ord(".")
"""Reasons for no call (FORMAT/RNC)."""
UNKNOWN_PL = 990
"""A likelihood that more_PL has no data for."""
DP, AD, GQ, PL, SB, FT = range(6)
"""Fields that are lifted from records."""
STRANDS = 4
"""Values of SB."""
MIN_DP_SOURCE, DP_SOURCE, GQ_SOURCE = range(3)
"""What DP and GQ are lifted from."""


class RevisionPriors(NamedTuple):
    """What revision knows of sites.

    lost    (sites,) float64; ln of the frequency of an allele that is not there
    twice   (ALTs,) float64; ln of the frequency of each ALT
    indels  (ALTs,) uint8; an ALT of another length than REF
    """

    lost: npt.NDArray[np.float64]
    twice: npt.NDArray[np.float64]
    indels: npt.NDArray[np.uint8]


class RecordFacts(NamedTuple):
    """What records say, in the order of RecordPlaces.

    called     (2 * records,) int64; -1 for an allele that is not called
    haploid, reference, symbolic  (records,) uint8; a block or like one; the last ALT stands for no particular bases
    quals      (records,) float64
    numbers    (3 * records,) int64; MIN_DP, DP, GQ; MISSING where there is none
    ad, sb, pl (records + 1,) int64 and int32 values; MISSING where one is; nothing for a missing list
    deletions  (ALTs,) uint8; the ALT is the beginning of REF, which the record reaches over
    """

    called: npt.NDArray[np.int64]
    haploid: npt.NDArray[np.uint8]
    reference: npt.NDArray[np.uint8]
    symbolic: npt.NDArray[np.uint8]
    quals: npt.NDArray[np.float64]
    numbers: npt.NDArray[np.int64]
    ad: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
    sb: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
    pl: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
    deletions: npt.NDArray[np.uint8]


class CallRules(NamedTuple):
    """Settings of the genotyper.

    calibrated    whether priors are weighed
    variants_only (6,) uint8; by field: where a call came from variant records, only these speak
    sources       (6,) int64; three of DP, three of GQ, -1 for none
    """

    required_dp: int
    revise: bool
    partial_data: bool
    more_pl: bool
    top_two: bool
    calibrated: bool
    snv: float
    indel: float
    variants_only: npt.NDArray[np.uint8]
    sources: npt.NDArray[np.int64]


class CalledCells(NamedTuple):
    """What is said of each cell, by the alleles of its site.

    pairs    (cells, 2) int32; the two alleles, -1 for none, which comes first
    reasons  (cells, 2) uint8
    dp, gq   (cells,) int32; MISSING where there is none
    sb       (cells, 4) int32
    laa      offsets (cells + 1,) int64 and int32: ALTs that the sample's records have
    lad, lpl the like, by REF, these, and one for all other ALTs where there are others
    """

    pairs: npt.NDArray[np.int32]
    reasons: npt.NDArray[np.uint8]
    dp: npt.NDArray[np.int32]
    gq: npt.NDArray[np.int32]
    sb: npt.NDArray[np.int32]
    laa: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
    lad: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
    lpl: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]


class Speakers(NamedTuple):
    """The records of one cell, in turn, as they are under its site.

    records  (members,) int64
    called   (2 * members,) int64, gq (members,) int64; after revision
    at       (members + 1,) int64; each one's slice of `numbers`
    numbers  int64; the site's allele for each of its own with REF, -1 for none
    used     (members,) uint8; variants that the genotype came from
    """

    records: npt.NDArray[np.int64]
    called: npt.NDArray[np.int64]
    gq: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    used: npt.NDArray[np.uint8]


@compiled
def _place(one, other):
    low, high = min(one, other), max(one, other)
    return high * (high + 1) // 2 + low


@compiled
def _prior(sites, priors, site, one, other, twice, rules):
    """ln of how likely a genotype is beforehand; 0 for all but lost and hom-ALT ones."""
    if one == -1 or other == -1:
        prior = 0.0 if sites.alone[site] else priors.lost[site]
    elif twice:
        prior = priors.twice[sites.alts[site] + one - 1]
    else:
        return 0.0
    if not rules.calibrated:
        return prior
    indel = one > 0 and priors.indels[sites.alts[site] + one - 1] != 0
    indel |= other > 0 and priors.indels[sites.alts[site] + other - 1] != 0
    return min(0.0, (rules.indel if indel else rules.snv) * prior)


@compiled
def _revise(sites, priors, site, facts, speakers, member, rules):
    """Give a record the likeliest genotype once alleles that are not at the site, and rare hom-ALT, are unlikely."""
    record, first = speakers.records[member], speakers.at[member]
    alleles = speakers.at[member + 1] - first
    one, other = speakers.called[2 * member], speakers.called[2 * member + 1]
    lost = False
    for allele in (one, other):
        lost |= allele >= 0 and speakers.numbers[first + allele] == -1
    lost &= not sites.alone[site]
    twice = one > 0 and one == other
    at = facts.pl[0][record]
    if not (lost or twice) or facts.pl[0][record + 1] - at != alleles * (alleles + 1) // 2:
        return
    best, best_at, second, second_at, genotype = -np.inf, 0, -np.inf, 0, 0
    scale = -10.0 * np.log10(np.exp(1.0))
    for high in range(alleles):
        for low in range(high + 1):
            value = facts.pl[1][at + genotype]
            likelihood = -np.inf if value == MISSING else value / scale
            a, b = speakers.numbers[first + low], speakers.numbers[first + high]
            likelihood += _prior(sites, priors, site, a, b, low == high and low > 0, rules)
            if likelihood > best:
                second, second_at, best, best_at = best, best_at, likelihood, genotype
            elif likelihood > second:
                second, second_at = likelihood, genotype
            genotype += 1
    if best_at == 0 and twice and not lost:  # hom-ALT never becomes hom-REF
        best_at = second_at
    high = 0
    while (high + 1) * (high + 2) // 2 <= best_at:
        high += 1
    speakers.called[2 * member], speakers.called[2 * member + 1] = best_at - high * (high + 1) // 2, high
    gq = np.int64(99)
    if second != -np.inf:
        gq = min(gq, np.int64(np.floor(10.0 * (best - second) / np.log(10.0) + 0.5)))
    speakers.gq[member] = gq


@compiled
def _depth(facts, record, allele):
    """Reads of an allele; of REF in a reference record, the smallest depth."""
    if facts.reference[record]:
        least, depth = facts.numbers[3 * record], facts.numbers[3 * record + 1]
        least = depth if least == MISSING else least
        return least if allele == 0 and least != MISSING else np.int64(0)
    at = facts.ad[0][record] + allele
    if at < facts.ad[0][record + 1] and facts.ad[1][at] != MISSING:
        return facts.ad[1][at]
    return np.int64(0)


@compiled
def _half(records, facts, speakers, member, side, least, rules):
    """(allele, reason) of one side of a record's call; `least`: the smallest depth of reference records, or -1."""
    record, allele = speakers.records[member], speakers.called[2 * member + side]
    if allele < 0:
        return np.int64(-1), NOT_CALLED
    if _depth(facts, record, allele) < rules.required_dp or 0 <= least < rules.required_dp:
        return np.int64(-1), LOW_DEPTH
    number = speakers.numbers[speakers.at[member] + allele]
    if number >= 0:
        return number, FINE
    deletion = facts.deletions[records.alts[0][record] + allele - 1] != 0
    return np.int64(-1), LOST_DELETION if deletion else LOST


@compiled
def _alone_half(facts, speakers, member, side, rules):
    allele = speakers.called[2 * member + side]
    if allele < 0:
        return np.int64(-1), NOT_CALLED
    if speakers.numbers[speakers.at[member] + allele] <= 0:
        return np.int64(-1), ALONE
    enough = _depth(facts, speakers.records[member], allele) >= rules.required_dp
    return (np.int64(1), FINE) if enough else (np.int64(-1), LOW_DEPTH)


@compiled
def _alone(facts, speakers, members, rules):
    """The genotype at a site of one lost ALT, where only that is ever called: (one, its reason, other, its, True)."""
    having, chosen = 0, 0
    for member in range(members):
        if not facts.reference[speakers.records[member]]:
            for place in range(speakers.at[member] + 1, speakers.at[member + 1]):
                if speakers.numbers[place] == 1:
                    having, chosen = having + 1, member
    if having != 1:
        reason = OVERLAPPING if having else ALONE
        return np.int64(-1), reason, np.int64(-1), reason, True
    speakers.used[chosen] = 1
    one, reason = _alone_half(facts, speakers, chosen, 0, rules)
    other, other_reason = _alone_half(facts, speakers, chosen, 1, rules)
    return one, reason, other, other_reason, True


@compiled
def _several(records, facts, speakers, members, least, rules):
    """The genotype of several records that call an ALT: as _alone."""
    start, stop, two, usable = np.int64(-1), np.int64(1) << 40, False, 0
    for member in range(members):
        record, one, other = speakers.records[member], speakers.called[2 * member], speakers.called[2 * member + 1]
        if not facts.reference[record] and (one != 0 or other != 0):
            start, stop = max(start, records.starts[record]), min(stop, records.stops[record])
            two |= one > 0 and other > 0
            for side in range(2):
                allele = speakers.called[2 * member + side]
                usable += allele > 0 and speakers.numbers[speakers.at[member] + allele] > 0
    nothing = np.int64(-1)
    if start >= stop:
        return nothing, UNPHASED, nothing, UNPHASED, False
    if two or not usable:
        return nothing, OVERLAPPING, nothing, OVERLAPPING, False
    best, best_side, second, second_side = -1, 0, -1, 0
    for member in range(members):
        record = speakers.records[member]
        for side in range(2):
            allele = speakers.called[2 * member + side]
            if facts.reference[record] or allele <= 0 or speakers.numbers[speakers.at[member] + allele] <= 0:
                continue
            if best < 0 or facts.quals[record] > facts.quals[speakers.records[best]]:
                second, second_side, best, best_side = best, best_side, member, side
            elif second < 0 or facts.quals[record] > facts.quals[speakers.records[second]]:
                second, second_side = member, side
    speakers.used[best] = 1
    one, reason = _half(records, facts, speakers, best, best_side, least, rules)
    if usable == 2 or (rules.top_two and usable > 2):
        speakers.used[second] = 1
        other, other_reason = _half(records, facts, speakers, second, second_side, least, rules)
        return one, reason, other, other_reason, True
    return one, reason, nothing, OVERLAPPING, True


@compiled
def _translated(records, facts, speakers, members, least, rules):
    """The genotype at an ordinary site: as _alone; `least`: the smallest depth of the reference records, or -1."""
    calling, only = 0, 0
    for member in range(members):
        record = speakers.records[member]
        if facts.reference[record]:
            continue
        if speakers.called[2 * member] == 0 and speakers.called[2 * member + 1] == 0:
            depth = _depth(facts, record, np.int64(0))
            least = depth if least < 0 else min(least, depth)
        else:
            calling, only = calling + 1, member
    if calling > 1:
        return _several(records, facts, speakers, members, least, rules)
    if calling == 1:
        speakers.used[only] = 1
        one, reason = _half(records, facts, speakers, only, 0, least, rules)
        other, other_reason = _half(records, facts, speakers, only, 1, least, rules)
        return one, reason, other, other_reason, False
    if least >= rules.required_dp or least < 0:
        return np.int64(0), FINE, np.int64(0), FINE, False
    return np.int64(-1), LOW_DEPTH, np.int64(-1), LOW_DEPTH, False


@compiled
def _outcome(sites, priors, site, spanned, records, facts, speakers, members, rules):
    """(one allele, its reason, the other, its reason, whether it was put together of halves); `used` is written."""
    nothing = np.int64(-1)
    if not rules.partial_data and not spanned:
        return nothing, PARTIAL, nothing, PARTIAL, False
    if not members:
        return nothing, MISSING_DATA, nothing, MISSING_DATA, False
    blocks, uncalled, least = 0, False, np.int64(-1)
    for member in range(members):
        record = speakers.records[member]
        if not facts.reference[record]:
            if rules.revise:
                _revise(sites, priors, site, facts, speakers, member, rules)
            continue
        blocks += 1
        depth = _depth(facts, record, np.int64(0))
        least = depth if least < 0 else min(least, depth)
        called = speakers.called[2 * member] == 0 and speakers.called[2 * member + 1] == 0
        uncalled |= not called and not facts.haploid[record]
    if uncalled and (blocks == members or not rules.partial_data):
        return nothing, NOT_CALLED, nothing, NOT_CALLED, sites.alone[site] != 0
    if sites.alone[site]:
        return _alone(facts, speakers, members, rules)
    return _translated(records, facts, speakers, members, least, rules)


@compiled
def _least_number(facts, speakers, members, sources, first, among_used):
    """The smallest DP or GQ of the records that speak; MISSING without any. Its sources begin at `first`."""
    least = MISSING
    for member in range(members):
        if among_used and not speakers.used[member]:
            continue
        for k in range(3):
            source = sources[first + k]
            if source >= 0:
                value = (
                    speakers.gq[member] if source == GQ_SOURCE else facts.numbers[3 * speakers.records[member] + source]
                )
                if value != MISSING:
                    least = value if least == MISSING else min(least, value)
                    break
    return least


@compiled
def _put_depths(facts, speakers, members, among_used, local, own_number, half_call, out, at):
    """AD by local alleles: of each the smallest over the records, 0 where none says."""
    for k in range(local):
        out[at + k] = MISSING
    for member in range(members):
        if among_used and not speakers.used[member]:
            continue
        record = speakers.records[member]
        first, size = facts.ad[0][record], facts.ad[0][record + 1] - facts.ad[0][record]
        least = facts.numbers[3 * record]
        alone = size == 0 and least != MISSING
        alleles = speakers.at[member + 1] - speakers.at[member]
        for k in range(min(alleles, 1 if alone else size)):
            number = speakers.numbers[speakers.at[member] + k]
            if number >= 0:
                depth = least if alone else max(facts.ad[1][first + k], np.int64(0))
                place = at + own_number[number]
                out[place] = depth if out[place] == MISSING else min(np.int64(out[place]), depth)
    for k in range(local):
        if out[at + k] == MISSING:
            out[at + k] = 0
    if half_call:
        out[at] = MISSING


@compiled
def _margin(values, first, last):
    """The smallest but for the first; MISSING without any."""
    least = MISSING
    for k in range(first + 1, last):
        if values[k] != MISSING and (least == MISSING or values[k] < least):
            least = values[k]
    return least


@compiled
def _put_through_symbolic(facts, speakers, member, local, own_number, own, out, at):
    """Likelihoods by local alleles; those that the record does not name have its symbolic one's, or are MISSING."""
    record, first = speakers.records[member], speakers.at[member]
    alleles = speakers.at[member + 1] - first
    for k in range(local):
        own[k] = -1
    named, all_named = alleles - (alleles > 1 and facts.symbolic[record] != 0), True
    for k in range(alleles):
        number = speakers.numbers[first + k]
        if number >= 0:
            own[own_number[number]] = k
        all_named &= k >= named or number >= 0
    for k in range(local):
        if own[k] < 0 and named < alleles and all_named:
            own[k] = alleles - 1
    for high in range(local):
        for low in range(high + 1):
            known = own[low] >= 0 and own[high] >= 0
            value = facts.pl[1][facts.pl[0][record] + _place(own[low], own[high])] if known else MISSING
            out[at + _place(low, high)] = value


@compiled
def _whole_pl(facts, speakers, member):
    record, alleles = speakers.records[member], max(np.int64(2), speakers.at[member + 1] - speakers.at[member])
    return facts.pl[0][record + 1] - facts.pl[0][record] == alleles * (alleles + 1) // 2


@compiled
def _put_more_likelihoods(facts, speakers, members, among_used, local, own_number, own, out, at):
    """Those of the least sure hom-REF record by local alleles; False where records cannot be put together."""
    size, chosen = local * (local + 1) // 2, False
    for member in range(members):
        if (among_used and not speakers.used[member]) or not _whole_pl(facts, speakers, member):
            continue
        record = speakers.records[member]
        first, last = facts.pl[0][record], facts.pl[0][record + 1]
        if chosen and out[at] != MISSING:
            if out[at] != 0:
                return False
            margin, before = _margin(facts.pl[1], first, last), _margin(out, at, at + size)
            if facts.pl[1][first] != 0 or margin == MISSING or before == MISSING or margin >= before:
                continue
        _put_through_symbolic(facts, speakers, member, local, own_number, own, out, at)
        chosen = True
    return chosen


@compiled
def _put_mapped_likelihoods(facts, speakers, members, among_used, local, own_number, out, at):
    """The entries of genotypes whose alleles are at the site; False where two records have one."""
    for k in range(local * (local + 1) // 2):
        out[at + k] = MISSING
    for member in range(members):
        if (among_used and not speakers.used[member]) or not _whole_pl(facts, speakers, member):
            continue
        record, first = speakers.records[member], speakers.at[member]
        alleles, genotype = speakers.at[member + 1] - first, facts.pl[0][record]
        for high in range(max(alleles, np.int64(2))):
            for low in range(high + 1):
                # a record without an ALT: its second allele is the first ALT, as GLnexus has it
                one = speakers.numbers[first + low] if low < alleles else np.int64(1)
                other = speakers.numbers[first + high] if high < alleles else np.int64(1)
                value = facts.pl[1][genotype]
                genotype += 1
                if one >= 0 and other >= 0 and value != MISSING:
                    place = at + _place(own_number[one], own_number[other])
                    if out[place] != MISSING:
                        return False
                    out[place] = value
    return True


@compiled
def _put_likelihoods(facts, speakers, members, among_used, local, own_number, own, unsure, rules, out, at):
    """PL by local alleles; returns their number: 0 where they are missing. With more_PL, zeros instead."""
    size, known = local * (local + 1) // 2, False
    if not unsure and rules.more_pl:
        known = _put_more_likelihoods(facts, speakers, members, among_used, local, own_number, own, out, at)
    elif not unsure:
        known = _put_mapped_likelihoods(facts, speakers, members, among_used, local, own_number, out, at)
    zeros, others = 0, 0
    for k in range(at, at + size if known else at):
        zeros += out[k] == 0
        others += out[k] != 0 and out[k] != MISSING
    if not known or not zeros or not others:
        if rules.more_pl:
            for k in range(at, at + size):
                out[k] = 0
            return size
        if not known or zeros < 2:  # without more_PL, two zeros say something
            return 0
    if rules.more_pl:
        for k in range(at, at + size):
            if out[k] == MISSING:
                out[k] = UNKNOWN_PL
    return size


@compiled
def _put_local_alts(speakers, members, out, at):
    """The site's ALTs that the records have, ascending; returns how many."""
    count = 0
    for member in range(members):
        first, last = speakers.at[member], speakers.at[member + 1]
        for place in range(first, last):
            number = speakers.numbers[place] if last > first + 1 else np.int64(1)  # see _put_mapped_likelihoods
            k = count
            while k > 0 and out[at + k - 1] > number:
                k -= 1
            if number <= 0 or (k > 0 and out[at + k - 1] == number):
                continue
            for j in range(count, k, -1):
                out[at + j] = out[at + j - 1]
            out[at + k] = number
            count += 1
    return count


@compiled
def _room(cells, records):
    """(members of a cell at most, their alleles at most, sums over cells of: ALTs, local alleles, their genotypes)."""
    most, most_alleles, alts, alleles, genotypes = 1, 1, 0, 0, 0
    for cell in range(len(cells.sites)):
        own = 2
        for k in range(cells.at[cell], cells.at[cell + 1]):
            own += records.alts[0][cells.members[k] + 1] - records.alts[0][cells.members[k]]
        members = cells.at[cell + 1] - cells.at[cell]
        most, most_alleles = max(most, members), max(most_alleles, own + members)
        own += 1  # a record without an ALT counts as one of the first
        alts, alleles, genotypes = alts + own, alleles + own + 1, genotypes + (own + 1) * (own + 2) // 2
    return most, most_alleles, alts, alleles, genotypes


@compiled
def _line_up(sites, site, records, facts, cells, first, members, speakers):
    """The records of a cell, from `first` on, under its site."""
    speakers.at[0] = 0
    for k in range(members):
        record = cells.members[first + k]
        alts = records.alts[0][record + 1] - records.alts[0][record]
        speakers.records[k], speakers.gq[k], speakers.used[k] = record, facts.numbers[3 * record + 2], 0
        speakers.called[2 * k], speakers.called[2 * k + 1] = facts.called[2 * record], facts.called[2 * record + 1]
        at = speakers.at[k]
        speakers.numbers[at] = 0
        for alt in range(alts):
            speakers.numbers[at + 1 + alt] = allele_number(sites, site, records, record, alt)
        speakers.at[k + 1] = at + 1 + alts


@compiled
def _bare(pair):
    return pointer(pair[0]), pointer(pair[1])


@compiled
def _bare_facts(facts):
    return RecordFacts(
        pointer(facts.called),
        pointer(facts.haploid),
        pointer(facts.reference),
        pointer(facts.symbolic),
        pointer(facts.quals),
        pointer(facts.numbers),
        _bare(facts.ad),
        _bare(facts.sb),
        _bare(facts.pl),
        pointer(facts.deletions),
    )


@compiled
def _bare_rules(rules):
    return CallRules(
        rules.required_dp,
        rules.revise,
        rules.partial_data,
        rules.more_pl,
        rules.top_two,
        rules.calibrated,
        rules.snv,
        rules.indel,
        pointer(rules.variants_only),
        pointer(rules.sources),
    )


@compiled
def _put_strands(facts, speakers, members, among_used, unsure, out, at):
    """SB of the one record that has it."""
    strands, of = 0, np.int64(0)
    for member in range(members):
        record = speakers.records[member]
        first = facts.sb[0][record]
        if (speakers.used[member] != 0 or not among_used) and facts.sb[0][record + 1] - first == STRANDS:
            strands, of = strands + 1, first
    for k in range(STRANDS):
        out[at + k] = facts.sb[1][of + k] if strands == 1 and not unsure else MISSING


@compiled
def _translate_each(count, cells, sites, priors, records, facts, rules, speakers, own_number, own, out, spoke):
    """Write all but the lengths of the cells' lists to `out`; arrays are held by whoever calls this."""
    cells = SiteCells(pointer(cells.sites), pointer(cells.spanned), pointer(cells.at), pointer(cells.members))
    sites, records = bare_alleles(sites), bare_places(records)
    priors = RevisionPriors(pointer(priors.lost), pointer(priors.twice), pointer(priors.indels))
    facts, rules, own_number, own, spoke = (
        _bare_facts(facts),
        _bare_rules(rules),
        pointer(own_number),
        pointer(own),
        pointer(spoke),
    )
    speakers = Speakers(
        pointer(speakers.records),
        pointer(speakers.called),
        pointer(speakers.gq),
        pointer(speakers.at),
        pointer(speakers.numbers),
        pointer(speakers.used),
    )
    pairs, reasons, dp, gq, sb = (
        pointer(out.pairs.reshape(-1)),
        pointer(out.reasons.reshape(-1)),
        pointer(out.dp),
        pointer(out.gq),
        pointer(out.sb.reshape(-1)),
    )
    laa_at, laa = _bare(out.laa)
    lad_at, lad = _bare(out.lad)
    lpl_at, lpl = _bare(out.lpl)
    for cell in range(count):
        site, first = cells.sites[cell], cells.at[cell]
        members = cells.at[cell + 1] - first
        _line_up(sites, site, records, facts, cells, first, members, speakers)
        one, reason, other, other_reason, half_call = _outcome(
            sites, priors, site, cells.spanned[cell], records, facts, speakers, members, rules
        )
        if (one >= 0 and other < 0) or one > other:
            one, reason, other, other_reason = other, other_reason, one, reason
        pairs[2 * cell], pairs[2 * cell + 1] = one, other
        reasons[2 * cell], reasons[2 * cell + 1] = reason, other_reason
        nothing = reason == MISSING_DATA or reason == PARTIAL
        unsure = nothing or reason == UNPHASED or reason == OVERLAPPING
        unsure |= other_reason == UNPHASED or other_reason == OVERLAPPING
        if nothing:
            members = np.int64(0)
            speakers.at[0] = 0
        from_used = False
        for member in range(members):
            from_used |= speakers.used[member] != 0
        alts, all_alts = _put_local_alts(speakers, members, laa, laa_at[cell]), sites.alts[site + 1] - sites.alts[site]
        laa_at[cell + 1] = laa_at[cell] + alts
        local = 1 + alts + (all_alts > alts)
        own_number[0] = 0
        for k in range(alts):
            own_number[laa[laa_at[cell] + k]] = k + 1
        among = from_used and (rules.partial_data or rules.variants_only[DP] != 0)
        dp[cell], gq[cell] = _least_number(facts, speakers, members, rules.sources, 0, among), MISSING
        among = from_used and (rules.partial_data or rules.variants_only[GQ] != 0)
        if not unsure:
            gq[cell] = _least_number(facts, speakers, members, rules.sources, 3, among)
        among = from_used and (rules.partial_data or rules.variants_only[AD] != 0)
        lad_at[cell + 1] = lad_at[cell]
        if not nothing and (half_call or not unsure):
            _put_depths(facts, speakers, members, among, local, own_number, half_call, lad, lad_at[cell])
            lad_at[cell + 1] += local
        among, unsure = from_used and (rules.partial_data or rules.variants_only[PL] != 0), unsure or half_call
        at = lpl_at[cell]
        lpl_at[cell + 1] = at + _put_likelihoods(
            facts, speakers, members, among, local, own_number, own, unsure, rules, lpl, at
        )
        among = from_used and (rules.partial_data or rules.variants_only[SB] != 0)
        _put_strands(facts, speakers, members, among, unsure, sb, STRANDS * cell)
        among = from_used and (rules.partial_data or rules.variants_only[FT] != 0)
        for member in range(members):
            spoke[first + member] = speakers.used[member] != 0 or not among


@kernel()
def translate(cells, sites, priors, records, facts, rules):
    """The genotype of each cell, and what is lifted from its records: (CalledCells, which members speak: uint8).

    cells           SiteCells
    sites, records  RecordAlleles, RecordPlaces
    """
    count, most_sites = len(cells.sites), 2
    most, most_alleles, alts_room, ad_room, pl_room = _room(cells, records)
    for site in range(len(sites.alts) - 1):
        most_sites = max(most_sites, sites.alts[site + 1] - sites.alts[site] + 1)
    speakers = Speakers(
        np.empty(most, np.int64),
        np.empty(2 * most, np.int64),
        np.empty(most, np.int64),
        np.empty(most + 1, np.int64),
        np.empty(most_alleles, np.int64),
        np.empty(most, np.uint8),
    )
    own_number, own = np.zeros(most_sites, np.int64), np.empty(most_alleles + 3, np.int64)
    spoke = np.zeros(len(cells.members), np.uint8)
    out = CalledCells(
        np.empty((count, 2), np.int32),
        np.empty((count, 2), np.uint8),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty((count, STRANDS), np.int32),
        (np.zeros(count + 1, np.int64), np.empty(alts_room, np.int32)),
        (np.zeros(count + 1, np.int64), np.empty(ad_room, np.int32)),
        (np.zeros(count + 1, np.int64), np.empty(pl_room, np.int32)),
    )
    _translate_each(count, cells, sites, priors, records, facts, rules, speakers, own_number, own, out, spoke)
    return (
        CalledCells(
            out.pairs,
            out.reasons,
            out.dp,
            out.gq,
            out.sb,
            (out.laa[0], out.laa[1][: out.laa[0][-1]].copy()),
            (out.lad[0], out.lad[1][: out.lad[0][-1]].copy()),
            (out.lpl[0], out.lpl[1][: out.lpl[0][-1]].copy()),
        ),
        spoke,
    )
