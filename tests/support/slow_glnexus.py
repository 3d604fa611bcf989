"""GLnexus's genotyper, sample by sample and rule by rule: the slow twin of site_records and translated_calls."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from genocloud.glnexus.allele_evidence import called_pairs
from genocloud.glnexus.batch_calls import FAR_BP
from genocloud.glnexus.merge_rules import LiftedField, MergeRules
from genocloud.glnexus.unified_sites import Edit, UnifiedSite
from genocloud.schema import Blocks, Variants

MISSING_DATA, PARTIAL, NOT_CALLED, LOW_DEPTH = "M", "P", "I", "D"
LOST_DELETION, LOST, UNPHASED, OVERLAPPING, ALONE = "-", "L", "U", "O", "1"
FINE = "."
"""Reasons for no call (FORMAT/RNC)."""
UNKNOWN_PL = 990
"""A likelihood that more_PL has no data for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRecord:
    """A record of one sample's gVCF; `called`: its two alleles, -1 for none; a haploid one is the second."""

    start: int
    stop: int
    ref: str = ""
    alts: tuple[str, ...] = ()
    called: tuple[int, int]
    haploid: bool = False
    qual: float = 0.0
    filters: tuple[str, ...] = ()
    dp: int | None = None
    min_dp: int | None = None
    gq: int | None = None
    ad: tuple[int, ...] | None = None
    sb: tuple[int, ...] | None = None
    pl: tuple[int | None, ...] | None = None

    @property
    def reference(self) -> bool:
        """Whether it is a reference record: no ALT, or one that is symbolic."""
        return not self.alts or (len(self.alts) == 1 and symbolic(self.alts[0]))

    @property
    def whole_pl(self) -> bool:
        """Whether it has a likelihood for each diploid genotype of its alleles."""
        alleles = max(2, len(self.alts) + 1)
        return self.pl is not None and len(self.pl) == alleles * (alleles + 1) // 2

    def depth(self, allele: int) -> int:
        """Reads of an allele; of REF in a reference record, the smallest depth."""
        if self.reference:
            least = self.min_dp if self.min_dp is not None else self.dp
            return (least or 0) if allele == 0 else 0
        return self.ad[allele] if self.ad is not None and allele < len(self.ad) else 0


def symbolic(alt: str) -> bool:
    """Whether an ALT stands for no particular bases."""
    return len(alt) > 1 and alt[0] == "<" and alt[-1] == ">"


class _Mapped(NamedTuple):
    """A record under a site: `numbers` has the site's allele for each of its own, -1 for none."""

    record: SampleRecord
    numbers: tuple[int, ...]

    @property
    def called(self) -> tuple[int, int]:
        return self.record.called


@dataclass(frozen=True, slots=True)
class SiteCall:
    """What a site's line says of one sample, by all alleles of the site; None where a field is missing."""

    alleles: tuple[int, int]
    reasons: str
    values: dict[str, tuple[int | str | None, ...] | None] = field(default_factory=dict)


class _Half(NamedTuple):
    allele: int
    reason: str


@dataclass(frozen=True)
class _Outcome:
    """A genotype, the variant records that it came from, and whether it was put together of halves."""

    halves: tuple[_Half, _Half]
    used: tuple[_Mapped, ...] = ()
    half_call: bool = False


def _both(reason: str, half_call: bool = False) -> _Outcome:
    return _Outcome((_Half(-1, reason), _Half(-1, reason)), (), half_call)


def call_sample(site: UnifiedSite, records: Sequence[SampleRecord], rules: MergeRules) -> SiteCall:
    """Call one sample at a site from its records that overlap the site, or have one of its ALTs, sorted by start."""
    mapped = [_Mapped(record, _numbers(site, record)) for record in records]
    outcome, everything = _outcome(site, mapped, rules)
    first, second = outcome.halves
    if (first.allele >= 0 and second.allele < 0) or first.allele > second.allele:
        first, second = second, first
    values = {lifted.name: _lifted(lifted, site, outcome, everything, rules) for lifted in rules.liftover_fields}
    return SiteCall((first.allele, second.allele), first.reason + second.reason, values)


def _outcome(site: UnifiedSite, mapped: Sequence[_Mapped], rules: MergeRules) -> tuple[_Outcome, Sequence[_Mapped]]:
    """The genotype, and the records that its fields come from where no variant record was used."""
    if not mapped:
        return _both(MISSING_DATA), ()
    if not rules.allow_partial_data and not _spanned(site, mapped):
        return _both(PARTIAL), ()
    everything = [
        each if each.record.reference or not rules.revise_genotypes else _revised(site, each, rules) for each in mapped
    ]
    blocks = [each for each in everything if each.record.reference]
    variants = [each for each in everything if not each.record.reference]
    if (not variants or not rules.allow_partial_data) and any(
        each.called != (0, 0) for each in blocks if not each.record.haploid
    ):
        return _both(NOT_CALLED, site.alone), everything
    least = min((each.record.depth(0) for each in blocks), default=-1)
    if site.alone:
        return _alone(variants, rules), everything
    return _translated(variants, least, rules), everything


def _numbers(site: UnifiedSite, record: SampleRecord) -> tuple[int, ...]:
    stop = record.stop
    return (0, *(site.numbers.get(Edit(record.start, stop, alt), -1) for alt in record.alts))


def _spanned(site: UnifiedSite, mapped: Iterable[_Mapped]) -> bool:
    """Whether records that follow one another without a gap reach over the whole site."""
    start = stop = None
    for record in sorted((each.record for each in mapped), key=lambda each: (each.start, each.stop)):
        if stop is None or record.start > stop:
            if start is not None and start <= site.start and (stop or 0) >= site.stop:
                return True
            start, stop = record.start, record.stop
        stop = max(stop, record.stop)
    return start is not None and stop is not None and start <= site.start and stop >= site.stop


def _revised(site: UnifiedSite, mapped: _Mapped, rules: MergeRules) -> _Mapped:
    """The record with the likeliest genotype once alleles that are not at the site, and rare hom-ALT, are unlikely."""
    record, numbers = mapped
    lost = not site.alone and any(each >= 0 and numbers[each] == -1 for each in record.called)
    homozygous = record.called[0] > 0 and record.called[0] == record.called[1]
    genotypes = len(numbers) * (len(numbers) + 1) // 2
    if not (lost or homozygous) or record.pl is None or len(record.pl) != genotypes:
        return mapped
    best, best_at, second, second_at = -math.inf, 0, -math.inf, 0
    for number, (one, other) in enumerate(_pairs(len(numbers))):
        value = record.pl[number]
        likelihood = -math.inf if value is None else value / (-10.0 * math.log10(math.exp(1.0)))
        likelihood += _prior(site, numbers[one], numbers[other], one == other and one > 0, rules)
        if likelihood > best:
            second, second_at, best, best_at = best, best_at, likelihood, number
        elif likelihood > second:
            second, second_at = likelihood, number
    if best_at == 0 and homozygous and not lost:  # hom-ALT never becomes hom-REF
        best_at = second_at
    gq = 99 if second == -math.inf else min(99, math.floor(10.0 * (best - second) / math.log(10.0) + 0.5))
    return _Mapped(replace(record, called=list(_pairs(len(numbers)))[best_at], gq=gq, haploid=False), numbers)


def _prior(site: UnifiedSite, one: int, other: int, homozygous: bool, rules: MergeRules) -> float:
    """ln of how likely a genotype is beforehand, in float32 as in GLnexus; 0 for all but lost and hom-ALT ones."""
    least = np.float32(rules.min_assumed_allele_frequency)
    if one == -1 or other == -1:
        prior = 0.0 if site.alone else float(np.log(max(site.lost, least)))
    elif homozygous:
        prior = float(np.log(max(site.frequencies[one - 1], least)))
    else:
        return 0.0
    indel = any(number > 0 and len(site.alts[number - 1]) != len(site.ref) for number in (one, other))
    weight = rules.indel_prior_calibration if indel else rules.snv_prior_calibration
    if rules.snv_prior_calibration == 1.0 == rules.indel_prior_calibration:
        return prior
    return min(0.0, float(np.float32(weight)) * prior)


def _pairs(alleles: int) -> Iterator[tuple[int, int]]:
    return ((low, high) for high in range(alleles) for low in range(high + 1))


def _translated(variants: Sequence[_Mapped], least: int, rules: MergeRules) -> _Outcome:
    """The genotype at an ordinary site; `least`: the smallest depth of the reference records, -1 without any."""
    plain = [each for each in variants if each.called == (0, 0)]
    others = [each for each in variants if each.called != (0, 0)]
    for each in plain:
        least = each.record.depth(0) if least < 0 else min(least, each.record.depth(0))
    if not others:
        enough = least >= rules.required_dp or least < 0
        return _Outcome((_Half(0, FINE), _Half(0, FINE))) if enough else _both(LOW_DEPTH)
    if len(others) == 1:
        one = others[0]
        return _Outcome((_half(one, 0, least, rules), _half(one, 1, least, rules)), (one,))
    if max(each.record.start for each in others) >= min(each.record.stop for each in others):
        return _both(UNPHASED)
    if any(each.called[0] > 0 and each.called[1] > 0 for each in others):
        return _both(OVERLAPPING)
    usable = [
        (each, side)
        for each in others
        for side in (0, 1)
        if each.called[side] > 0 and each.numbers[each.called[side]] > 0
    ]
    if not usable:
        return _both(OVERLAPPING)
    usable.sort(key=lambda pair: -pair[0].record.qual)
    first, side = usable[0]
    half = _half(first, side, least, rules)
    if len(usable) == 2 or (rules.top_two_half_calls and len(usable) > 2):
        second, other_side = usable[1]
        return _Outcome((half, _half(second, other_side, least, rules)), (first, second), True)
    return _Outcome((half, _Half(-1, OVERLAPPING)), (first,), True)


def _half(mapped: _Mapped, side: int, least: int, rules: MergeRules) -> _Half:
    allele = mapped.called[side]
    if allele < 0:
        return _Half(-1, NOT_CALLED)
    if mapped.record.depth(allele) < rules.required_dp or 0 <= least < rules.required_dp:
        return _Half(-1, LOW_DEPTH)
    if mapped.numbers[allele] >= 0:
        return _Half(mapped.numbers[allele], FINE)
    record = mapped.record
    alt = record.alts[allele - 1]
    deletion = record.stop - record.start == len(record.ref) > len(alt) and record.ref.startswith(alt)
    return _Half(-1, LOST_DELETION if deletion else LOST)


def _alone(variants: Sequence[_Mapped], rules: MergeRules) -> _Outcome:
    """The genotype at a site of one lost ALT: only that ALT is ever called."""
    having = [each for each in variants for number in each.numbers[1:] if number == 1]
    if len(having) != 1:
        return _both(OVERLAPPING if having else ALONE, True)

    def half(allele: int) -> _Half:
        if allele < 0:
            return _Half(-1, NOT_CALLED)
        if having[0].numbers[allele] <= 0:
            return _Half(-1, ALONE)
        enough = having[0].record.depth(allele) >= rules.required_dp
        return _Half(1, FINE) if enough else _Half(-1, LOW_DEPTH)

    first, second = having[0].called
    return _Outcome((half(first), half(second)), (having[0],), True)


def _lifted(
    lifted: LiftedField, site: UnifiedSite, outcome: _Outcome, everything: Sequence[_Mapped], rules: MergeRules
) -> tuple[int | str | None, ...] | None:
    """A field's values, or None where it is missing or would mislead."""
    reasons = {half.reason for half in outcome.halves}
    nothing = bool(reasons & {MISSING_DATA, PARTIAL})
    doubtful = nothing or bool(reasons & {UNPHASED, OVERLAPPING})
    from_variants = bool(outcome.used) and (rules.allow_partial_data or lifted.variants_only)
    records = outcome.used if from_variants else everything
    if lifted.name == "PL":
        likelihoods = None if doubtful or outcome.half_call else _likelihoods(site, records, rules)
        if likelihoods is None and rules.more_PL:
            return (0,) * (site.alleles * (site.alleles + 1) // 2)
        return likelihoods
    if lifted.name == "FT":
        words = sorted({word for each in records for word in each.record.filters})
        return None if nothing or not words else (";".join(words),)
    if nothing or (doubtful and lifted.name != "DP" and not (lifted.name == "AD" and outcome.half_call)):
        return None
    if lifted.name == "AD":
        depths = _depths(site, records)
        return (None, *depths[1:]) if outcome.half_call else depths
    if lifted.name == "SB":
        strands = [each.record.sb for each in records if each.record.sb is not None]
        return None if outcome.half_call or len(strands) != 1 else strands[0]
    known = [value for each in records if (value := _number(lifted, each.record)) is not None]
    return (min(known),) if known else None


def _number(lifted: LiftedField, record: SampleRecord) -> int | None:
    values = {"MIN_DP": record.min_dp, "DP": record.dp, "GQ": record.gq}
    return next((values[source] for source in lifted.sources if values.get(source) is not None), None)


def _depths(site: UnifiedSite, records: Iterable[_Mapped]) -> tuple[int | None, ...]:
    """AD: of each allele the smallest over the records, 0 where none says; reference records speak for REF."""
    depths: list[int | None] = [None] * site.alleles
    for record, numbers in records:
        ad = record.ad if record.ad is not None else () if record.min_dp is None else (record.min_dp,)
        for number, depth in zip(numbers, ad, strict=False):
            if number >= 0:
                known = depths[number]
                depths[number] = depth if known is None else min(known, depth)
    return tuple(depth or 0 for depth in depths)


def _likelihoods(site: UnifiedSite, records: Iterable[_Mapped], rules: MergeRules) -> tuple[int | None, ...] | None:
    """PL by the site's alleles; None where the records say nothing, or cannot be put together."""
    known = [each for each in records if each.record.whole_pl]
    values = _more_likelihoods(site, known) if rules.more_PL else _mapped_likelihoods(site, known)
    if values is None or 0 not in values or all(value in (0, None) for value in values):
        zeros = 0 if values is None or rules.more_PL else values.count(0)
        if zeros < 2:  # without more_PL, two zeros say something
            return None
    return tuple(UNKNOWN_PL if value is None and rules.more_PL else value for value in values or ())


def _mapped_likelihoods(site: UnifiedSite, records: Sequence[_Mapped]) -> list[int | None] | None:
    """The entries of genotypes whose alleles are at the site; None where two records have one."""
    values: list[int | None] = [None] * (site.alleles * (site.alleles + 1) // 2)
    for record, numbers in records:
        if len(numbers) == 1:  # a block without an ALT: its second allele is the first ALT, as GLnexus has it
            numbers = (0, 1)
        for pl, (one, other) in zip(record.pl or (), _pairs(len(numbers)), strict=False):
            low, high = sorted((numbers[one], numbers[other]))
            if low >= 0 and pl is not None:
                if values[_place(low, high)] is not None:
                    return None
                values[_place(low, high)] = pl
    return values


def _more_likelihoods(site: UnifiedSite, records: Sequence[_Mapped]) -> list[int | None] | None:
    """Those of the least sure hom-ref record; ALTs that it does not name have its symbolic allele's."""
    chosen: list[int | None] | None = None
    for each in records:
        pl = each.record.pl or ()
        if chosen is not None and chosen[0] is not None:
            if chosen[0] != 0:
                return None
            margin, before = (min((v for v in of[1:] if v is not None), default=None) for of in (pl, chosen))
            if pl[0] != 0 or margin is None or before is None or margin >= before:
                continue
        chosen = _through_symbolic(site, each)
    return chosen


def _through_symbolic(site: UnifiedSite, mapped: _Mapped) -> list[int | None]:
    record, numbers = mapped
    own = [-1] * site.alleles
    for place, number in enumerate(numbers):
        if number >= 0:
            own[number] = place
    last = len(numbers) - 1
    named = numbers[:-1] if record.alts and symbolic(record.alts[-1]) else numbers
    if len(named) < len(numbers) and min(named) >= 0:
        own = [last if place == -1 else place for place in own]
    values: list[int | None] = []
    for low, high in _pairs(site.alleles):
        a, b = sorted((own[low], own[high]))
        values.append((record.pl or ())[_place(a, b)] if a >= 0 else None)
    return values


def _place(low: int, high: int) -> int:
    return high * (high + 1) // 2 + low


def variant_records(variants: Variants) -> list[tuple[int, int, SampleRecord]]:
    """(sample, where the record is cut short, record) of each row."""
    out = []
    for row, (first, second) in zip(variants.to_pylist(), called_pairs(variants).tolist(), strict=True):
        record = SampleRecord(
            start=row["start"],
            stop=max(row["start"] + len(row["ref"]), row["stop"]),
            ref=row["ref"],
            alts=tuple(row["alts"]),
            called=(first, second),
            haploid=len(row["gt"]) == 1,
            qual=row["qual"] or 0.0,
            filters=tuple(word for word in (row["filter"] or "").split(";") if word not in ("", "PASS")),
            dp=row["dp"],
            min_dp=row["min_dp"],
            gq=row["gq"],
            ad=None if row["ad"] is None else tuple(depth or 0 for depth in row["ad"]),
            sb=None if row["sb"] is None else tuple(row["sb"]),
            pl=None if row["pl"] is None else tuple(row["pl"]),
        )
        out.append((row["sample"], row["stop"], record))
    return out


def block_records(blocks: Blocks) -> list[tuple[int, int, SampleRecord]]:
    """The like of blocks, whichever symbolic ALT their files have."""
    out = []
    for row in blocks.to_pylist():
        haploid, called = row["ploidy"] == 1, row["called"]
        pl = row["pl0"], row["pl1"], row["pl2"]
        record = SampleRecord(
            start=row["start"],
            stop=row["stop"],
            alts=("<*>",),
            called=(-1 if haploid or not called else 0, 0 if called else -1),
            haploid=haploid,
            dp=row["dp"],
            gq=row["gq"],
            min_dp=row["min_dp"],
            pl=None if haploid or None in pl else pl,
        )
        out.append((row["sample"], row["stop"], record))
    return out


def is_at(site: UnifiedSite, record: SampleRecord, cut: int) -> bool:
    """Whether a record overlaps a site, or has one of its ALTs beside it."""
    over = record.stop > site.start and record.start < site.stop
    near = record.start >= min(site.reach[0], site.start) - FAR_BP or cut > site.start
    return (over and near) or any(Edit(record.start, record.stop, alt) in site.numbers for alt in record.alts)


def call_all(
    sites: Sequence[UnifiedSite], variants: Variants, blocks: Blocks, samples: int, rules: MergeRules
) -> list[list[SiteCall]]:
    """The call of each sample at each site."""
    everything = variant_records(variants) + block_records(blocks)
    everything.sort(key=lambda each: (each[0], each[2].start))
    return [
        [
            call_sample(
                site,
                [record for owner, cut, record in everything if owner == sample and is_at(site, record, cut)],
                rules,
            )
            for sample in range(samples)
        ]
        for site in sites
    ]


def sample_text(cell: SiteCall, kept: Sequence[int], rules: MergeRules) -> str:
    """One sample's column, by the kept alleles of the site."""
    places = {allele: place for place, allele in enumerate(kept)}
    gt = "/".join("." if allele < 0 else str(places[allele]) for allele in cell.alleles)
    words = [gt]
    for lifted in rules.liftover_fields:
        values = cell.values[lifted.name]
        if values is not None and lifted.name == "AD":
            values = tuple(values[allele] for allele in kept)
        elif values is not None and lifted.name == "PL":
            values = tuple(values[high * (high + 1) // 2 + low] for high in kept for low in kept if low <= high)
        if values is None:
            words.append(".,.,.,." if lifted.name == "SB" else ".")
        else:
            words.append(",".join("." if value is None else str(value) for value in values))
    return ":".join([*words, cell.reasons])


def columns(cells: Sequence[SiteCall], alleles: int, rules: MergeRules) -> list[str] | None:
    """The samples' columns of a site, by the alleles that are written; None if no ALT is."""
    called = {allele for cell in cells for allele in cell.alleles}
    kept = [each for each in range(alleles) if each == 0 or each in called or not rules.trim_uncalled_alleles]
    return [sample_text(cell, kept, rules) for cell in cells] if len(kept) > 1 else None
