"""Groups of a callset's people by columns of a table, and which are too small to be written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genocloud import storage
from genocloud.errors import InputError, SettingError, UnreadableFile, did_you_mean

_LABEL = re.compile(r"(?!adj$)[A-Za-z0-9.]+")
"""What a key of INFO can end in, other than the end of adj's keys."""


@dataclass(frozen=True, kw_only=True)
class GroupOptions:
    """Which groups there are.

    labels_url  a table with tabs between and a header; its column `sample` names people; a sample sheet is one
    columns     each makes a group of every value; names with commas between: of every combination
    least       people of the smallest group that is written
    """

    labels_url: str | None = None
    columns: tuple[str, ...] = ()
    least: int = 1

    def __post_init__(self) -> None:
        if bool(self.columns) != bool(self.labels_url):
            raise SettingError("groups need both a table of labels and the columns to group by (--labels, --by)")


@dataclass(frozen=True, kw_only=True)
class PeopleGroups:
    """The groups' people by name; `` is everybody. `suppressed`: groups of too few people, and their numbers."""

    members: Mapping[str, frozenset[str]]
    suppressed: Mapping[str, int]


def people_groups(options: GroupOptions, samples: Sequence[str]) -> PeopleGroups:
    """The groups of some samples. Raises InputError where the table has no such column, or nobody of them."""
    members: dict[str, frozenset[str]] = {"": frozenset(samples)}
    suppressed: dict[str, int] = {}
    labels = labels_of(options.labels_url, samples) if options.labels_url else {}
    for column in options.columns:
        groups = _grouped(labels, column.split(","), options.labels_url or "")
        kept, small = _large_enough(groups, len(samples), options.least)
        for name in groups.keys() & (members.keys() | suppressed.keys()):
            raise InputError(f"{options.labels_url}: two columns have a group {name}; name their values apart")
        members |= kept
        suppressed |= {name: len(groups[name]) for name in small}
    return PeopleGroups(members=members, suppressed=suppressed)


def _large_enough(
    groups: Mapping[str, frozenset[str]], everybody: int, least: int
) -> tuple[dict[str, frozenset[str]], list[str]]:
    """(Groups to write, those to leave out): what all of a column's groups lack to everybody is large enough, too."""
    kept = sorted(groups, key=lambda name: (len(groups[name]), name))
    small = [name for name in kept if len(groups[name]) < least]
    kept = kept[len(small) :]
    while kept and 0 < everybody - sum(len(groups[name]) for name in kept) < least:
        small.append(kept.pop(0))
    return {name: groups[name] for name in sorted(kept)}, small


def _grouped(labels: Mapping[str, Mapping[str, str]], columns: Sequence[str], url: str) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    known = next(iter(labels.values()))
    for column in columns:
        if column not in known:
            raise InputError(f"{url}: no column {column}; it has {', '.join(known)}{did_you_mean(column, list(known))}")
    for sample, row in labels.items():
        values = [row[column] for column in columns]
        if all(values):
            for column, value in zip(columns, values, strict=True):
                if _LABEL.fullmatch(value) is None:
                    problem = f"{value!r} in the column {column}, of sample {sample}, cannot be part of a key of INFO"
                    raise InputError(f"{url}: {problem}; use letters, digits and dots, but not adj alone")
            groups.setdefault("_".join(values), set()).add(sample)
    return {name: frozenset(people) for name, people in groups.items()}


def labels_of(url: str, samples: Iterable[str]) -> dict[str, dict[str, str]]:
    """The rows of those of the samples that a table with tabs between, a header and a column `sample` has.

    Raises InputError, also where it has none of them, or UnreadableFile.
    """
    with storage.open_file(url) as file:
        try:
            lines = file.read().decode().splitlines()
        except UnicodeDecodeError as error:
            raise UnreadableFile(url, f"byte {error.start:,} is not UTF-8", "give a table of labels as text") from error
    header = lines[0].lstrip("#").split("\t") if lines else []
    if "sample" not in header:
        raise InputError(f"{url}, line 1: no column `sample`; give a table with a header and tabs between")
    wanted, rows = set(samples), {}
    for line in lines[1:]:
        row = dict(zip(header, [*line.split("\t"), *[""] * len(header)], strict=False))
        if row["sample"] in wanted:
            rows[row["sample"]] = row
    if not rows:
        raise InputError(f"{url}: none of the callset's samples is there; check the column `sample`")
    return rows
