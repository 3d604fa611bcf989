"""Groups of gnomAD's table: none, nor what is left of one, nor any combination tells of few people."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from genocloud.errors import InputError
from genocloud.federation import Register
from genocloud.pipeline.gnomad.people import GroupSizes, admit_from, table_people
from genocloud.pipeline.gnomad.rows import frequency_groups
from tests.support.site_policies import write_policy


def labelled(folder: Path, **columns: str) -> tuple[str, list[str]]:
    """A table of labels, a letter a person (- for none), and the people's names."""
    (count,) = {len(values) for values in columns.values()}
    names = [f"s{number:03}" for number in range(count)]
    rows = zip(names, *(["" if each == "-" else each for each in values] for values in columns.values()), strict=True)
    path = folder / "labels.tsv"
    path.write_text("\n".join(["\t".join(["sample", *columns]), *("\t".join(row) for row in rows)]) + "\n")
    return str(path), names


def groups(folder: Path, least: int, **columns: str) -> dict[tuple[str, str], int]:
    url, names = labelled(folder, **columns)
    return frequency_groups(table_people(url, names, admit_from(least)).sizes)


def test_groups_are_in_gnomads_order_and_who_is_in_none_remains(tmp_path):
    sexes, ancestries = "F" * 6 + "M" * 6, "aaabbb" + "aaabb-"
    assert groups(tmp_path, 1, sex=sexes, gen_anc=ancestries) == {
        ("a", ""): 6, ("b", ""): 5, ("remaining", ""): 1, ("", "XX"): 6, ("", "XY"): 6,
        ("a", "XX"): 3, ("a", "XY"): 3, ("b", "XX"): 3, ("b", "XY"): 2, ("remaining", "XY"): 1,
    }  # fmt: skip


def test_a_group_of_one_is_not_released_nor_its_complement(tmp_path):
    assert groups(tmp_path, 3, gen_anc="aaaaaaaab") == {}
    assert groups(tmp_path, 3, gen_anc="aaaaaabbb") == {("a", ""): 6, ("b", ""): 3}
    assert groups(tmp_path, 3, gen_anc="aaaaaaaa-") == {}


def test_the_smallest_of_two_goes_with_who_is_too_few(tmp_path):
    assert groups(tmp_path, 3, gen_anc="aaaaabbbc") == {("a", ""): 5, ("remaining", ""): 4}


def test_where_one_sex_is_of_few_neither_is_released(tmp_path):
    assert groups(tmp_path, 3, sex="FFFFFFFM") == {}
    assert groups(tmp_path, 3, sex="FFFFFFF-") == {}
    assert groups(tmp_path, 3, sex="FFFFMMMM") == {("", "XX"): 4, ("", "XY"): 4}


def test_a_group_with_one_man_is_not_released(tmp_path):
    """His counts would be the group's less the women's."""
    assert groups(tmp_path, 3, sex="FFFFMMMM" + "FFFM", gen_anc="aaaaaaaa" + "bbbb") == {("", "XX"): 7, ("", "XY"): 5}
    assert ("b", "XY") in groups(tmp_path, 3, sex="FFFFMMMM" + "FFFMMM", gen_anc="aaaaaaaa" + "bbbbbb")


def test_a_bin_of_ages_with_few_people_has_none(tmp_path):
    url = tmp_path / "labels.tsv"
    ages = [31, 32, 33, 41, 42, 43, 79, 90]
    names = [f"s{number}" for number in range(len(ages))]
    url.write_text("sample\tage\n" + "".join(f"{name}\t{age}\n" for name, age in zip(names, ages, strict=True)))
    released = table_people(str(url), names, admit_from(3)).sizes.ages
    assert sum(released) in (3, 6)
    assert all(people in (0, 3) for people in released)
    assert len(names) - sum(released) >= 3
    assert sum(table_people(str(url), names, admit_from(1)).sizes.ages) == len(ages)


def tells_of_few(sets: list[frozenset[str]], least: int) -> bool:
    """Whether some combination with small whole numbers tells of fewer people than the minimum, and of somebody."""
    people = sorted(frozenset().union(*sets))
    rows = np.unique(
        np.array([[person in each for each in sets] for person in people], int), axis=0, return_counts=True
    )
    for factors in itertools.product((-1, 0, 1), repeat=len(sets)):
        if 0 < rows[1][rows[0] @ np.array(factors) != 0].sum() < least:
            return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_no_combination_of_what_is_released_tells_of_few(tmp_path, seed):
    """Labels by chance, twice over people of whom some came and went, by one register."""
    numbers, least, released = np.random.default_rng(seed), 4, []
    register = Register(write_policy(tmp_path / "p.yaml", "hospital", [f"{tmp_path}/s"], [], minimum_people=least))
    for count in (24, 25, 29):
        columns = {
            "sex": "".join(numbers.choice(list("FM-"), count, p=[0.5, 0.4, 0.1])),
            "gen_anc": "".join(numbers.choice(list("abc-"), count, p=[0.5, 0.3, 0.1, 0.1])),
        }
        url, names = labelled(tmp_path, **columns)

        def admit(sets, kept=released):
            try:
                register.admit(*([(f"file:{name}",) for name in each] for each in sets))
            except Exception:
                return False
            kept.extend(each for each in sets if each not in kept)
            return True

        table_people(url, names, admit)
    assert released
    assert not tells_of_few(released[:9], least)


def test_a_set_is_noted_only_with_all_that_are_released_with_it(tmp_path):
    register = Register(write_policy(tmp_path / "p.yaml", "hospital", [f"{tmp_path}/s"], [], minimum_people=4))
    people = [(f"file:{number}",) for number in range(12)]
    register.admit(people)
    before = len(register.entries())
    with pytest.raises(Exception, match="fewer than 4 people"):
        register.admit(people[:6], people[6:9])
    assert len(register.entries()) == before
    register.admit(people[:6], people[6:])
    assert len(register.entries()) == before + 2
    register.admit(people[:6], people[6:], people)
    assert len(register.entries()) == before + 2
    with pytest.raises(Exception, match="differ by fewer"):
        register.admit(people[:7])


def test_sizes_cross_and_add_up(tmp_path):
    url, names = labelled(tmp_path, sex="FFMM", gen_anc="abab")
    sizes = table_people(url, names, admit_from(1)).sizes
    assert GroupSizes.of(sizes.table()) == sizes
    other = table_people(None, ["x", "y"], admit_from(1)).sizes
    assert GroupSizes.of(other.table()) == other
    assert (sizes + other).everybody == 6
    assert (sizes + other).groups == sizes.groups == (other + sizes).groups


def test_labels_that_are_none_are_refused(tmp_path):
    for column, value in (("sex", "hen"), ("age", "old"), ("age", "-3"), ("age", "nan")):
        path = tmp_path / "labels.tsv"
        path.write_text(f"sample\t{column}\nann\t{value}\n")
        with pytest.raises(InputError, match=rf"labels\.tsv: sample ann has the {column} '{value}'"):
            table_people(str(path), ["ann"], admit_from(1))
