"""Two samples that have each other's kin and sex: a swap explains at once what each of their relatives shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from genocloud.qc.flags import Flag
from genocloud.qc.relatives import FEWEST_SITES, ExpectedKinship, differ
from genocloud.qc.tables import SamplePairs, SampleSexes

FEWEST_MISMATCHES = 2
"""A single mismatch between two samples does not say which of them is wrong."""

MOST_LEFT = 0.25
"""Of the mismatches of two samples, what may be left when they are exchanged."""

MOST_CANDIDATES = 300
"""With more samples in mismatches something else is wrong than a few swaps; they are not looked for."""


@dataclass(frozen=True, kw_only=True)
class _Cohort:
    """What is seen of pairs and sexes, and what is expected; both only where they are known."""

    seen: Mapping[tuple[str, str], str]
    kin: Mapping[str, frozenset[str]]
    sexes: Mapping[str, str]
    sheet: Mapping[str, str]
    expected: ExpectedKinship

    def mismatches(self, one: str, other: str, *, swapped: bool) -> int:
        """Of all pairs and sexes of two samples, if each has the other's name (`swapped`), or as they are."""
        genome = {one: other, other: one} if swapped else {}
        relatives = self.kin[one] | self.kin[other] | {one, other}
        count = sum(self._of_sex(name, genome.get(name, name)) for name in (one, other))
        for name, rest in ((one, relatives - {one}), (other, relatives - {one, other})):
            for relative in rest:
                pair = genome.get(name, name), genome.get(relative, relative)
                seen = self.seen.get((min(pair), max(pair)), "unrelated")
                expected = self.expected.of_pair(name, relative)[1]
                count += bool(expected) and differ(seen, expected)
        return count

    def _of_sex(self, name: str, genome: str) -> bool:
        known = {self.sheet[name], self.sexes[genome]}
        return "unknown" not in known and len(known) > 1


def find_swaps(pairs: SamplePairs, sexes: SampleSexes, expected: ExpectedKinship | None) -> list[tuple[str, str]]:
    """Pairs of samples whose mismatches vanish when they are exchanged, the most telling first; each sample once."""
    if expected is None:
        return []
    rows = [row for row in pairs.to_pylist() if row["NSNP"] >= FEWEST_SITES]
    sex_rows = sexes.to_pylist()
    seen = {(min(row["IID1"], row["IID2"]), max(row["IID1"], row["IID2"])): row["relationship"] for row in rows}
    kin: dict[str, set[str]] = {row["sample"]: set() for row in sex_rows}
    for one, other in seen:
        kin[one].add(other)
        kin[other].add(one)
    cohort = _Cohort(
        seen=seen,
        kin={name: frozenset(relatives) for name, relatives in kin.items()},
        sexes={row["sample"]: row["sex"] for row in sex_rows},
        sheet={row["sample"]: row["sheet_sex"] for row in sex_rows},
        expected=expected,
    )
    bad = {
        name
        for row in rows
        if row["expected"] and differ(row["relationship"], row["expected"])
        for name in (row["IID1"], row["IID2"])
    }
    bad |= {
        row["sample"]
        for row in sex_rows
        if "unknown" not in (row["sex"], row["sheet_sex"]) and row["sex"] != row["sheet_sex"]
    }
    if len(bad) > MOST_CANDIDATES:
        return []
    gains = []
    for one, other in combinations(sorted(bad), 2):
        before = cohort.mismatches(one, other, swapped=False)
        after = cohort.mismatches(one, other, swapped=True)
        if before >= FEWEST_MISMATCHES and after <= MOST_LEFT * before:
            gains.append((after - before, one, other))
    swaps: list[tuple[str, str]] = []
    for _, one, other in sorted(gains):
        if not {one, other} & {name for pair in swaps for name in pair}:
            swaps.append((one, other))
    return swaps


def swap_flags(swaps: list[tuple[str, str]]) -> Iterator[Flag]:
    """Both samples of each swap."""
    for pair in swaps:
        for sample, other in (pair, pair[::-1]):
            yield Flag(
                sample=sample,
                check="swap",
                value=f"fits in the place of {other}",
                limit="its own place in the pedigree and the sheet",
                advice="exchange the two names (genocloud rename), once the laboratory's record says so too",
            )
