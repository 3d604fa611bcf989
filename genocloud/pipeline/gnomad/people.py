"""Which people are in which group of gnomAD's table: only groups of enough people, which leave enough out."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.errors import InputError
from genocloud.federation import problem_of
from genocloud.filters import AGE_BINS, age_bins
from genocloud.pipeline.people_groups import labels_of
from genocloud.samples import SEXES

Label = TypeVar("Label", str, int)
Group = tuple[str, str]
"""Genetic ancestry and sex, XX or XY; empty where a group is of all."""
People = frozenset[str]
Admit = Callable[[Sequence[People]], bool]
"""Says whether sums over each of some sets of people may be given, beside all those that it let be given before."""

REMAINING = "remaining"
"""gnomAD's name for who is in no genetic ancestry group."""
_SEXES = {"female": "XX", "male": "XY"}


@dataclass(frozen=True, kw_only=True)
class TablePeople:
    """The people of a callset, or of a location, in a table.

    everybody  their number
    groups     the people of each group whose counts may be given, in order
    ages       the bin of people's ages (filters.age_bins); who is not there has none
    folded     groups and age bins that are left out, by kind
    """

    everybody: int
    groups: Mapping[Group, People] = field(default_factory=dict)
    ages: Mapping[str, int] = field(default_factory=dict)
    folded: Mapping[str, int] = field(default_factory=dict)

    def mask(self, group: Group, samples: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of some samples are in a group."""
        return np.array([sample in self.groups[group] for sample in samples], np.bool_)

    def age_bins(self, samples: Sequence[str]) -> npt.NDArray[np.int32]:
        """The bin of each of some samples' ages, -1 where there is none."""
        return np.array([self.ages.get(sample, -1) for sample in samples], np.int32)

    @property
    def sizes(self) -> "GroupSizes":
        """How many they are."""
        bins = np.bincount([*self.ages.values()], minlength=AGE_BINS) if self.ages else np.zeros(AGE_BINS, np.int64)
        groups = {group: len(people) for group, people in self.groups.items()}
        return GroupSizes(everybody=self.everybody, groups=groups, ages=tuple(bins.tolist()))


@dataclass(frozen=True, kw_only=True)
class GroupSizes:
    """Numbers of people: of all, by group, by bin of age."""

    everybody: int
    groups: Mapping[Group, int]
    ages: tuple[int, ...]

    def __add__(self, more: "GroupSizes") -> "GroupSizes":
        groups = {each: self.groups.get(each, 0) + more.groups.get(each, 0) for each in {**self.groups, **more.groups}}
        ages = tuple(a + b for a, b in zip(self.ages, more.ages, strict=True))
        return GroupSizes(everybody=self.everybody + more.everybody, groups=in_order(groups), ages=ages)

    def table(self) -> schema.GnomadGroups:
        """GNOMAD_GROUPS."""
        rows = [("", "", -1, self.everybody), *((*group, -1, people) for group, people in self.groups.items())]
        rows += [("", "", age, people) for age, people in enumerate(self.ages) if people]
        return pa.table([list(column) for column in zip(*rows, strict=True)], schema.GNOMAD_GROUPS)

    @classmethod
    def of(cls, table: schema.GnomadGroups) -> "GroupSizes":
        """The reverse of `table`."""
        rows = [tuple(row.values()) for row in table.to_pylist()]
        ages = [0] * AGE_BINS
        for _, _, age, people in rows[1:]:
            if age >= 0:
                ages[age] = people
        groups = {(gen_anc, sex): people for gen_anc, sex, age, people in rows[1:] if age < 0}
        return cls(everybody=rows[0][3], groups=groups, ages=tuple(ages))


def in_order(groups: Mapping[Group, int]) -> dict[Group, int]:
    """As gnomAD has them: genetic ancestries, sexes, then both together."""
    return {group: groups[group] for group in sorted(groups, key=lambda each: (bool(each[1]) + bool(all(each)), each))}


def table_people(labels_url: str | None, samples: Sequence[str], admit: Admit) -> TablePeople:
    """The groups of some samples by columns `gen_anc`, `sex` and `age` of a table, those that it has.

    Where a sex is not admitted, sexes are left out; people of a genetic ancestry that is not, alone and by sex, are
    among the remaining ones; the largest are tried first. A bin of ages that is not admitted is left out.

    Raises InputError for a table without the column `sample`, without any of these people, or with a value that is no
    sex or no age.
    """
    labels = labels_of(labels_url, samples) if labels_url else {}
    sexes, ancestries, bins = _labelled(labels, labels_url or "")
    everybody = frozenset(samples)
    folded: dict[str, int] = {}
    groups: dict[Group, People] = {}
    if not admit([everybody]):
        return TablePeople(everybody=len(everybody))
    admitted_sexes = sexes if sexes and admit([*sexes.values()]) else {}
    groups |= {("", sex): people for sex, people in admitted_sexes.items()}
    folded["sexes"] = len(sexes) - len(admitted_sexes)
    folded["gen_ancs"] = 0
    for gen_anc, people in _largest_first(ancestries):
        by_sex = {(gen_anc, sex): people & of_sex for sex, of_sex in admitted_sexes.items() if people & of_sex}
        if admit([people, *by_sex.values()]):
            groups |= {(gen_anc, ""): people, **by_sex}
        else:
            folded["gen_ancs"] += 1
    kept = [(age, people) for age, people in _largest_first(bins) if admit([people])]
    folded["age_bins"] = len(bins) - len(kept)
    return TablePeople(
        everybody=len(everybody),
        groups={group: groups[group] for group in in_order(dict.fromkeys(groups, 0))},
        ages={sample: age for age, people in kept for sample in people},
        folded={kind: number for kind, number in folded.items() if number},
    )


def admit_from(least: int) -> Admit:
    """Admits sets of people from this number on, by the rules that a location's register has (federation)."""
    answered: list[People] = []

    def admit(sets: Sequence[People]) -> bool:
        if problem_of(sets, answered, least):
            return False
        answered.extend(each for each in dict.fromkeys(sets) if each not in answered)
        return True

    return admit


def _largest_first(groups: Mapping[Label, People]) -> list[tuple[Label, People]]:
    return sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))


def _labelled(
    labels: Mapping[str, Mapping[str, str]], url: str
) -> tuple[dict[str, People], dict[str, People], dict[int, People]]:
    """People by sex, by genetic ancestry and by bin of age, as far as they are labelled."""
    by: tuple[defaultdict[str, set[str]], ...] = (defaultdict(set), defaultdict(set))
    years: dict[str, float] = {}
    for sample, row in labels.items():
        if sex := _sex(row.get("sex", ""), sample, url):
            by[0][sex].add(sample)
        if (gen_anc := row.get("gen_anc", "")) and gen_anc != REMAINING:
            by[1][gen_anc].add(sample)
        if text := row.get("age", ""):
            years[sample] = _age(text, sample, url)
    ages: defaultdict[int, set[str]] = defaultdict(set)
    for sample, age in zip(years, age_bins(np.array([*years.values()], float)).tolist(), strict=True):
        ages[age].add(sample)
    sexes, ancestries = ({name: frozenset(people) for name, people in sorted(each.items())} for each in by)
    return sexes, ancestries, {age: frozenset(people) for age, people in ages.items()}


def _sex(text: str, sample: str, url: str) -> str:
    if text in _SEXES.values():
        return text
    known = SEXES.get(text.lower())
    if known is None:
        raise InputError(f"{url}: sample {sample} has the sex {text!r}; write XX, XY, female, male or nothing")
    return _SEXES.get(known, "")


def _age(text: str, sample: str, url: str) -> float:
    try:
        age = float(text)
    except ValueError:
        age = float("nan")
    if not 0 <= age < 200:
        raise InputError(f"{url}: sample {sample} has the age {text!r}; write years, or nothing")
    return age
