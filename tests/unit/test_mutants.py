"""What the run of mutants takes for equivalent is there, and likely tests come first."""

from tests.support import mutants
from tests.support.mutants import ROOT, Mutant, mutants_of


def test_each_equivalent_mutant_is_one_of_the_tree():
    """A line that changed is decided about anew."""
    possible = {
        (mutant.file, text)
        for file in {file for file, _ in mutants.EQUIVALENT}
        for mutant in mutants_of(ROOT / file)
        for text in (mutant.change, mutant.text.strip())
    }
    assert mutants.EQUIVALENT.keys() <= possible


class Contexts:
    """Coverage's data of one file: who ran which line, and when."""

    def contexts_by_lineno(self, _: str) -> dict[int, list[str]]:
        return {
            1: [""],
            2: [
                "tests/properties/test_a.py::one|run",
                "tests/unit/gvcf/test_b.py::long|run",
                "tests/unit/gvcf/test_b.py::short|run",
                "tests/contracts/test_c.py::two|setup",
            ],
        }


LENGTHS = {
    "tests/properties/test_a.py::one": 1, "tests/properties/test_a.py": 1, "tests/unit/gvcf/test_b.py::long": 9,
    "tests/unit/gvcf/test_b.py::short": 2, "tests/unit/gvcf/test_b.py": 11, "tests/contracts/test_c.py": 5,
}  # fmt: skip


def test_tests_of_the_same_room_and_short_ones_come_first():
    def tests(line: int) -> list[str]:
        return mutants.tests_of(Mutant("genocloud/gvcf/rows.py", line, 0, "0", "1", ""), Contexts(), LENGTHS)

    assert tests(2) == [
        "tests/unit/gvcf/test_b.py::short", "tests/unit/gvcf/test_b.py::long", "tests/properties/test_a.py::one",
        "tests/contracts/test_c.py",
    ]  # fmt: skip
    assert tests(1) == [
        mutants.ARCHITECTURE, "tests/unit/gvcf/test_b.py", "tests/properties/test_a.py", "tests/contracts/test_c.py",
        mutants.WORKFLOW,
    ]  # fmt: skip


def test_slots_alone_make_no_mutant_that_counts():
    """They save memory; whether a dataclass is frozen, or takes keywords alone, is seen."""
    line = "@dataclass(frozen=True, slots=True)"
    made = [
        Mutant("genocloud/a.py", 1, line.index(word) + len(word), "True", "False", line)
        for word in ("frozen=", "slots=")
    ]
    assert [mutant.is_equivalent for mutant in made] == [False, True]
