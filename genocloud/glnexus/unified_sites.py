"""Alleles of many samples become sites: which are kept, which join at one site, which are lost to others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from genocloud.errors import InputError
from genocloud.glnexus.allele_evidence import ENOUGH
from genocloud.glnexus.merge_rules import MergeRules
from genocloud.schema import AlleleEvidence


class Edit(NamedTuple):
    """Bases start <= base < stop of the reference that an allele puts `dna` in place of; they sort as in GLnexus."""

    start: int
    stop: int
    dna: str

    def overlaps(self, start: int, stop: int) -> bool:
        """Whether it has a base in common with a range."""
        return self.stop > start and self.start < stop


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """An ALT without the bases that it shares with REF, and what is known of it over all ways to write it."""

    edit: Edit
    originals: tuple[Edit, ...]
    best: int
    sure: int
    copies: int
    filtered: bool

    @property
    def twice_sure(self) -> bool:
        """Whether the AQ of two carriers suffices where two have it."""
        return self.sure >= ENOUGH

    @property
    def common_first(self) -> tuple[int, int, int]:
        """Sorts by copies, then quality, both descending, then by how much the length changes."""
        return -self.copies, -self.best, abs(len(self.edit.dna) - (self.edit.stop - self.edit.start))

    @property
    def small_first(self) -> tuple[int, int, int]:
        return self.edit.stop - self.edit.start, -self.copies, -self.best

    def __add__(self, other: "_Candidate") -> "_Candidate":
        return replace(
            self,
            originals=tuple({*self.originals, *other.originals}),
            best=max(self.best, other.best),
            sure=self.sure + other.sure,
            copies=self.copies + other.copies,
            filtered=self.filtered and other.filtered,
        )


@dataclass(frozen=True, kw_only=True)
class UnifiedSite:
    """A site: its alleles over one range, and which alleles of records each stands for.

    normal     each ALT without shared bases
    lost       frequency of overlapping alleles that are not at the site, over all samples (float32)
    alone      the site says of one ALT, lost to others, who has it, and nothing of REF (MONOALLELIC)
    numbers    alleles as records write them, with the number of the site's allele that each is
    """

    start: int
    stop: int
    ref: str
    alts: tuple[str, ...]
    normal: tuple[Edit, ...]
    qualities: tuple[int, ...]
    frequencies: tuple[np.float32, ...]
    lost: np.float32
    alone: bool
    numbers: dict[Edit, int] = field(compare=False)

    @property
    def alleles(self) -> int:
        """Alleles with REF."""
        return len(self.alts) + 1

    @cached_property
    def reach(self) -> tuple[int, int]:
        """The range of all records that may have an allele of the site."""
        edits = self.numbers
        return min(edit.start for edit in edits), max(edit.stop for edit in edits)


@dataclass(frozen=True, kw_only=True)
class Unified:
    """The sites of a stretch in order, and where alleles begin that are at none: filtered out or lost."""

    sites: list[UnifiedSite]
    filtered: list[int]
    lost: list[int]


class ContradictoryRef(InputError):
    """Records that disagree on the reference's bases."""

    def __init__(self, start: int) -> None:
        self.start = start
        super().__init__(f"position {start + 1}: records have different REF bases there; use gVCFs of one reference")


def unify(evidence: AlleleEvidence, samples: int, rules: MergeRules) -> Unified:
    """The sites of ALLELE_EVIDENCE, which has whole active regions; `samples` of the cohort, called or not."""
    sites: list[UnifiedSite] = []
    alone: list[UnifiedSite] = []
    filtered: list[int] = []
    lost: list[int] = []
    for region in _regions(evidence):
        kept, single, failing, without = _unify_region(region, samples, rules)
        sites += kept
        alone += single
        filtered += [each.edit.start for each in failing]
        lost += [each.edit.start for each in without]
    sites = sorted([*sites, *alone], key=lambda site: (site.start, site.stop, site.alone))
    return Unified(sites=sites, filtered=filtered, lost=lost)


Row = tuple[int, str, str, bool, int, int, int]


def _regions(evidence: AlleleEvidence) -> Iterator[list[Row]]:
    """Active regions: alleles that overlap or touch, in a chain."""
    region: list[Row] = []
    stop = -1
    columns = ("start", "ref", "alt", "filtered", "copies", "quality", "sure")
    rows: Iterable[Row] = zip(*(evidence[name].to_pylist() for name in columns), strict=True)
    for row in rows:
        if region and row[0] > stop:
            yield region
            region = []
        stop = max(stop, row[0] + len(row[1])) if region else row[0] + len(row[1])
        region.append(row)
    if region:
        yield region


def _unify_region(
    region: list[Row], samples: int, rules: MergeRules
) -> tuple[list[UnifiedSite], list[UnifiedSite], list[_Candidate], list[_Candidate]]:
    """(sites, sites of one lost allele, alleles that are filtered out, lost alleles without a site)."""
    reference = _bases(region)
    first = region[0][0]
    alleles = _aligned(_minimal(region), reference, first)
    candidates = [_raised(each, rules) for each in alleles]
    passing = [each for each in candidates if _passes(each, rules)]
    groups, lost = _joined(passing, rules)
    failing = [each for each in candidates if not _passes(each, rules)]
    pruned = failing + lost
    sites = [
        _site(
            (start, stop),
            members,
            [each for each in pruned if each.edit.overlaps(start, stop)],
            reference[start - first : stop - first],
            samples,
        )
        for (start, stop), members in groups.items()
    ]
    alone = []
    if rules.monoallelic_sites_for_lost_alleles:
        for each in sorted(lost, key=lambda one: one.edit):
            start, stop, _ = each.edit
            site = _site((start, stop), [each], [], reference[start - first : stop - first], samples)
            alone.append(replace(site, alone=True))
    return sites, alone, failing, [] if rules.monoallelic_sites_for_lost_alleles else lost


def _bases(region: Sequence[Row]) -> str:
    """The reference under a region, as its records have it."""
    first = region[0][0]
    bases: list[str] = []
    for start, ref, *_ in region:
        known = bases[start - first : start - first + len(ref)]
        if ref[: len(known)] != "".join(known):
            raise ContradictoryRef(start)
        bases += ref[len(known) :]
    return "".join(bases)


def minimal(start: int, ref: str, alt: str) -> Edit:
    """An ALT without the bases that it shares with REF: from the right first, then from the left; one base stays."""
    right = left = 0
    shorter = min(len(ref), len(alt))
    while right < shorter - 1 and ref[-1 - right] == alt[-1 - right]:
        right += 1
    while left < shorter - right - 1 and ref[left] == alt[left]:
        left += 1
    return Edit(start + left, start + len(ref) - right, alt[left : len(alt) - right])


def _minimal(region: Sequence[Row]) -> dict[Edit, _Candidate]:
    candidates: dict[Edit, _Candidate] = {}
    for start, ref, alt, filtered, copies, quality, sure in region:
        edit = minimal(start, ref, alt)
        one = _Candidate(
            edit=edit,
            originals=(Edit(start, start + len(ref), alt),),
            best=quality,
            sure=sure,
            copies=copies,
            filtered=filtered,
        )
        candidates[edit] = candidates[edit] + one if edit in candidates else one
    return candidates


def _aligned(candidates: dict[Edit, _Candidate], reference: str, first: int) -> list[_Candidate]:
    """Indels that are the same in this region though placed apart, as one: at the leftmost place; sorted."""
    same: dict[str, _Candidate] = {}
    for edit in sorted(candidates):
        text = reference[: edit.start - first] + edit.dna + reference[edit.stop - first :]
        same[text] = same[text] + candidates[edit] if text in same else candidates[edit]
    return sorted(same.values(), key=lambda each: each.edit)


def _raised(candidate: _Candidate, rules: MergeRules) -> _Candidate:
    """An allele whose qualities suffice has a copy, or two, even if all its carriers' GQ are too low to count."""
    least = 0
    if rules.min_allele_copy_number > 0:
        least = 2 if candidate.twice_sure else 1 if candidate.best >= rules.min_AQ1 else 0
    return replace(candidate, copies=max(candidate.copies, least))


def _passes(candidate: _Candidate, rules: MergeRules) -> bool:
    good = candidate.best >= rules.min_AQ1 or candidate.twice_sure
    dropped = rules.drop_filtered and candidate.filtered
    return good and not dropped and candidate.copies >= rules.min_allele_copy_number


def _joined(
    candidates: Sequence[_Candidate], rules: MergeRules
) -> tuple[dict[tuple[int, int], list[_Candidate]], list[_Candidate]]:
    """(alleles by the range of their site, lost alleles): each in turn opens a site, joins one, or is lost.

    Ties are taken in the order of place and bases, where GLnexus's sort of more than 16 leaves them as they fall.
    """
    small = rules.preference == "small"
    sites: dict[tuple[int, int], list[_Candidate]] = {}
    lost = []
    for one in sorted(candidates, key=lambda each: each.small_first if small else each.common_first):
        near = [place for place in sites if one.edit.overlaps(*place)]
        if not near:
            sites[one.edit.start, one.edit.stop] = [one]
            continue
        members = sites[near[0]]
        apart = small and any(not one.edit.overlaps(each.edit.start, each.edit.stop) for each in members)
        full = rules.max_alleles_per_site > 1 and len(members) + 1 >= rules.max_alleles_per_site
        if len(near) > 1 or apart or full:
            lost.append(one)
            continue
        (start, stop), _ = near[0], sites.pop(near[0])
        sites[min(start, one.edit.start), max(stop, one.edit.stop)] = [*members, one]
    return dict(sorted(sites.items())), lost


def _site(
    place: tuple[int, int], members: Sequence[_Candidate], pruned: Sequence[_Candidate], ref: str, samples: int
) -> UnifiedSite:
    start, stop = place
    members = sorted(sorted(members, key=lambda each: each.edit), key=lambda each: each.common_first)
    alts = tuple(
        ref[: each.edit.start - start] + each.edit.dna + ref[len(ref) - (stop - each.edit.stop) :] for each in members
    )
    numbers = {original: number for number, each in enumerate(members, 1) for original in each.originals}
    for number, (alt, each) in enumerate(zip(alts, members, strict=True), 1):
        numbers[Edit(start, stop, alt)] = number
        numbers[each.edit] = number
    million, chromosomes = np.float32(1e6), np.float32(2 * samples)
    frequencies = [np.float32(each.copies) / chromosomes for each in members]
    lost = np.float32(sum(each.copies for each in pruned)) / chromosomes
    return UnifiedSite(
        start=start,
        stop=stop,
        ref=ref,
        alts=alts,
        normal=tuple(each.edit for each in members),
        qualities=tuple(each.best for each in members),
        frequencies=tuple(_round(each * million) / million for each in frequencies),
        lost=min(np.float32(np.ceil(lost * million) / million), np.float32(1)),
        alone=False,
        numbers={Edit(start, stop, ref): 0, **numbers},
    )


def _round(value: np.float32) -> np.float32:
    """To the nearest whole number, halves away from zero, as C does it."""
    return np.float32(np.floor(value + np.float32(0.5)))
