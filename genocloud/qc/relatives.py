"""Pairs of samples: what kin they are by their genotypes, and by the pedigree."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from heapq import heapify, heappop, heappush
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genocloud.qc.flags import Flag
from genocloud.qc.kinship import CUTOFFS, KingCounts, relationship
from genocloud.qc.tables import PAIRS, SamplePairs, table_of

FEWEST_SITES = 500
"""Kinship of fewer sites is not judged: that of strangers is then off 0 by 0.03 and more."""


class Relative(Protocol):
    """A row of a pedigree; a parent that is not known is empty."""

    @property
    def sample(self) -> str:
        """The name."""

    @property
    def father(self) -> str:
        """The father's name."""

    @property
    def mother(self) -> str:
        """The mother's name."""


@dataclass(frozen=True, kw_only=True)
class ExpectedKinship:
    """What a pedigree says of its people.

    people       all names in it
    coefficient  the kinship of two of them
    children     pairs of a parent and a child, each sorted
    near         sorted pairs of people up to the second degree: parents, grandparents, siblings and those of parents
    """

    people: frozenset[str]
    coefficient: Callable[[str, str], float]
    children: frozenset[tuple[str, str]]
    near: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, pedigree: Sequence[Relative]) -> "ExpectedKinship":
        """By the recursion over parents: half of the kinship of each with the other's parents."""
        parents = {person.sample: (person.father, person.mother) for person in pedigree}
        order = _generations(parents)

        @cache
        def coefficient(one: str, other: str) -> float:
            if not one or not other:
                return 0.0
            if one == other:
                return 0.5 + coefficient(*sorted(parents.get(one, ("", "")))) / 2
            late, early = sorted((one, other), key=lambda name: (order.get(name, 0), name), reverse=True)
            return sum(coefficient(*sorted((parent, early))) for parent in parents.get(late, ("", ""))) / 2

        children = {_sorted(parent, name) for name, both in parents.items() for parent in both if parent}
        people = frozenset(parents) | {parent for both in parents.values() for parent in both if parent}
        return cls(people=people, coefficient=coefficient, children=frozenset(children), near=frozenset(_near(parents)))

    def of_pair(self, one: str, other: str) -> tuple[float, str]:
        """Kinship and relationship of two people; NaN and nothing where one is not of the pedigree."""
        if not {one, other} <= self.people:
            return np.nan, ""
        value = self.coefficient(*sorted((one, other)))
        if _sorted(one, other) in self.children:
            return value, "parent and child"
        return value, relationship(value, 1.0)


def _generations(parents: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """How many generations are above each person; a person who is an ancestor of their own ends the count."""
    depths: dict[str, int] = {}

    def depth(name: str, below: frozenset[str]) -> int:
        if name not in depths:
            above = [each for each in parents.get(name, ()) if each and each not in below]
            depths[name] = max((depth(each, below | {name}) + 1 for each in above), default=0)
        return depths[name]

    for name in parents:
        depth(name, frozenset([name]))
    return depths


def _near(parents: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Pairs of people up to the second degree."""
    children: dict[str, list[str]] = {}
    for name, both in parents.items():
        for parent in filter(None, both):
            children.setdefault(parent, []).append(name)
    for name, both in parents.items():
        above = [parent for parent in both if parent]
        further = [grand for parent in above for grand in parents.get(parent, ()) if grand]
        for relative in {*above, *further, *(child for each in (*above, *further) for child in children[each])} - {
            name
        }:
            yield _sorted(name, relative)


def _sorted(one: str, other: str) -> tuple[str, str]:
    return min(one, other), max(one, other)


def sample_pairs(
    samples: Sequence[str], pairs: KingCounts, expected: ExpectedKinship | None, ibs0: float
) -> SamplePairs:
    """The table PAIRS; ibs0: the share of sites without a common allele that unrelated people have."""
    names = [(samples[one], samples[other]) for one, other in zip(pairs.first, pairs.second, strict=True)]
    ratios = pairs.ibs0 / np.maximum(pairs.sites * ibs0, 1e-9)
    of_pedigree = [expected.of_pair(*pair) if expected else (np.nan, "") for pair in names]
    columns = {
        "IID1": [one for one, _ in names],
        "IID2": [other for _, other in names],
        "NSNP": pairs.sites,
        "HETHET": pairs.hethet,
        "IBS0": pairs.ibs0,
        "KINSHIP": pairs.kinship,
        "IBS2": pairs.ibs2,
        "HET1HOM2": pairs.het1hom2,
        "HET2HOM1": pairs.het2hom1,
        "HOMALTS": pairs.homalts,
        "relationship": [relationship(*each) for each in zip(pairs.kinship.tolist(), ratios.tolist(), strict=True)],
        "expected_kinship": [value for value, _ in of_pedigree],
        "expected": [name or None for _, name in of_pedigree],
    }
    return table_of(columns, PAIRS)


def unrelated(samples: int, pairs: KingCounts) -> npt.NDArray[np.bool_]:
    """(samples,) whether each is of a set without relatives up to the second degree.

    Who has most relatives in the set leaves it first, of several the last one; with few sites all stay.
    """
    out = np.ones(samples, np.bool_)
    kin = (pairs.kinship >= CUTOFFS["second degree"]) & (pairs.sites >= FEWEST_SITES)
    relatives: dict[int, set[int]] = {}
    for one, other in zip(pairs.first[kin].tolist(), pairs.second[kin].tolist(), strict=True):
        relatives.setdefault(one, set()).add(other)
        relatives.setdefault(other, set()).add(one)
    queue = [(-len(kin_of), -sample) for sample, kin_of in relatives.items()]
    heapify(queue)
    while queue:
        count, sample = (-value for value in heappop(queue))
        if not out[sample] or count != len(relatives[sample]) or not count:
            continue  # it has fewer relatives by now, and stands there again for these
        out[sample] = False
        for other in relatives[sample]:
            relatives[other].discard(sample)
            heappush(queue, (-len(relatives[other]), -other))
    return out


DEGREES = (*CUTOFFS, "unrelated")


def kinship_flags(pairs: SamplePairs, explained: Set[str] = frozenset()) -> Iterator[Flag]:
    """Duplicates, and people whose kinship is another than the pedigree's.

    Flagged are pairs where either says first degree and the other another one; parents that are siblings; and, of
    people without such a pair, any that are two degrees apart, as of distant kin the degree is no sharp thing.
    `explained`: samples whose mismatches are not.
    """
    rows = [
        row for row in pairs.to_pylist() if row["NSNP"] >= FEWEST_SITES and not {row["IID1"], row["IID2"]} & explained
    ]
    duplicates = [row for row in rows if row["relationship"] == "duplicate" != row["expected"]]
    others = [row for row in rows if row not in duplicates and row["expected"]]
    wrong = [row for row in others if differ(row["relationship"], row["expected"])]
    near = [row for row in wrong if "first degree" in map(_degree, (row["relationship"], row["expected"]))]
    people = {row[name] for row in (*duplicates, *near) for name in ("IID1", "IID2")}
    distant = [row for row in wrong if row not in near and not {row["IID1"], row["IID2"]} & people]
    for row in duplicates:
        for sample, other in ((row["IID1"], row["IID2"]), (row["IID2"], row["IID1"])):
            yield Flag(sample=sample, check="duplicate", value=other, limit="no other sample", advice=_DUPLICATE)
    for row in (*near, *distant):
        expected = row["expected"]
        advice = _UNLISTED if expected == "unrelated" else _NOT_KIN
        for sample, other in ((row["IID1"], row["IID2"]), (row["IID2"], row["IID1"])):
            value = f"{row['relationship']} of {other} ({row['KINSHIP'] or 0:.3f})"
            yield Flag(sample=sample, check="kinship", value=value, limit=expected, advice=advice)


_DUPLICATE = (
    "one person's sample under two names, or twins: keep one of them (genocloud remove), or say so in the study"
)
_UNLISTED = "correct the pedigree, or look for a swap; leave one of the two out where people must not be related"
_NOT_KIN = "look for a swap of one of the two, then correct the pedigree"


def differ(seen: str, expected: str) -> bool:
    """Whether two relationships cannot both be: see `kinship_flags`."""
    degrees = [DEGREES.index(_degree(name)) for name in (seen, expected)]
    first = DEGREES.index("first degree")
    if degrees[0] == degrees[1]:
        return seen != expected and "parent and child" in (seen, expected) and degrees[0] == first
    return first in degrees or abs(degrees[0] - degrees[1]) > 1


def _degree(name: str) -> str:
    return "first degree" if name in ("parent and child", "siblings") else name
