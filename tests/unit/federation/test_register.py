"""A site's register: no two answers, nor several together, tell of fewer people than the minimum; damage closes it."""

import itertools
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from genocloud.cli import main
from genocloud.federation import NoException, Register, RegisterExists, RegisterLost, TooFew
from genocloud.federation.subtraction import excess, hides_few, problem_of, rank
from tests.support.site_policies import write_policy

MINIMUM = 5


def people(*numbers: int) -> list[tuple[str, str]]:
    """People by number: what their files and their records are known by."""
    return [(f"file:{number}", f"records:{number}") for number in numbers]


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(write_policy(tmp_path / "p.yaml", "hospital", [f"{tmp_path}/store"], [], minimum_people=MINIMUM))


def refused(register: Register, whom: Sequence[tuple[str, ...]], why: str) -> TooFew:
    before = len(register.entries())
    with pytest.raises(TooFew, match=why) as caught:
        register.admit(whom)
    assert len(register.entries()) == before
    return caught.value


def test_few_people_are_refused_with_the_rule_and_the_way_on(register: Register) -> None:
    error = refused(register, people(*range(4)), "no sums leave it of fewer than 5 people")
    assert "wait until at least 5 people more come" in str(error)
    assert f"sign an exception: genocloud register POLICY --allow {error.code} --by NAME" in str(error)
    register.admit(people(*range(5)))


def test_one_who_comes_or_goes_is_refused(register: Register) -> None:
    register.admit(people(*range(10)))
    register.admit(people(*reversed(range(10))))  # the same people, again
    assert len(register.entries()) == 2
    refused(register, people(*range(11)), "differ by fewer than 5 from those of an earlier answer")
    refused(register, people(*range(9)), "differ by fewer than 5")
    refused(register, people(*range(14)), "differ by fewer than 5")
    refused(register, people(*range(1, 11)), "differ by fewer than 5")
    refused(register, people(*range(1, 30)), "differ by fewer than 5")  # one goes, though many come
    register.admit(people(*range(15)))


def test_growth_in_small_steps_is_compared_with_every_earlier_answer(register: Register) -> None:
    register.admit(people(*range(10)))
    register.admit(people(*range(20)))
    refused(register, people(*range(11)), "differ by fewer")
    refused(register, people(*range(19)), "differ by fewer")
    register.admit(people(*range(15)))


def test_one_person_many_times_is_one_person(register: Register) -> None:
    refused(register, people(*[1] * 20), "of fewer than 5 people")
    refused(register, [(f"file:{copy}", "records:1") for copy in range(20)], "of fewer than 5 people")


def test_a_file_made_anew_is_the_same_person(register: Register) -> None:
    """Compressed anew, headed anew, chosen by another name: the fingerprint is new, the records are the same."""
    register.admit(people(*range(10)))
    again = [(f"file:again{number}", f"records:{number}") for number in range(10)]
    register.admit(again)
    refused(register, [*again, *people(11)], "differ by fewer")
    changed = [(f"file:{number}", f"records:new{number}") for number in range(10)]
    refused(register, [*changed, *people(11)], "differ by fewer")


def test_several_answers_together_are_subtracted_too(register: Register) -> None:
    """D - C - B + A is the one person, though any two sets differ by many."""
    x, y, z, w = (list(range(start, start + 10)) for start in (0, 10, 20, 30))
    for whom in (x + y, x + z, y + w):
        register.admit(people(*whom))
    refused(register, people(*z, *w, 99), "with several earlier answers")
    register.admit(people(*z, *w))


def brute_force(sets: Sequence[frozenset[int]], minimum: int) -> bool:
    """Whether some combination with small whole numbers tells of fewer people than the minimum, and of somebody."""
    everybody = sorted(frozenset().union(*sets))
    for factors in itertools.product((-2, -1, 0, 1, 2), repeat=len(sets)):
        values = [sum(f for f, each in zip(factors, sets, strict=True) if person in each) for person in everybody]
        if 0 < sum(value != 0 for value in values) < minimum:
            return True
    return False


@pytest.mark.parametrize("seed", range(60))
def test_no_combination_of_what_is_admitted_tells_of_few(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    blocks = [frozenset(range(10 * n, 10 * n + int(numbers.integers(1, 9)))) for n in range(6)]
    admitted: list[frozenset[int]] = []
    for _ in range(12):
        whom = frozenset().union(*(block for block in blocks if numbers.random() < 0.5))
        if problem_of([whom], admitted, 4) is None and whom not in admitted and len(admitted) < 5:
            admitted.append(whom)
    assert admitted
    assert not brute_force(admitted, 4)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_shown_to_hide_few_does(seed: int) -> None:
    """Groups, and bins of something else, across each other: most meet in fewer people than the minimum."""
    numbers, minimum = np.random.default_rng(seed), 4
    people = range(int(numbers.integers(10, 60)))
    first, second = (numbers.integers(0, count, len(people)) for count in (3, 3))
    sets = [frozenset(people)] + [
        frozenset(np.flatnonzero(each == value).tolist()) for each in (first, second) for value in range(2)
    ]
    if hides_few(sets, minimum):
        assert not brute_force(sets, minimum)
    assert not hides_few([*sets, frozenset(list(people)[:3])], minimum)
    assert not hides_few([frozenset(people), frozenset(list(people)[3:])], minimum)


def test_bins_across_groups_are_admitted_though_they_meet_in_few() -> None:
    group, other = frozenset(range(40)), frozenset(range(40, 80))
    bins = [frozenset(person for person in range(80) if person % 16 == value) for value in range(16)]
    sets = [group | other, group, other, *bins]
    assert excess(sets, 4) > 0  # each bin has two or three of a group
    assert hides_few(sets, 4)


def test_rank_is_that_of_linear_algebra() -> None:
    numbers = np.random.default_rng(1)
    for _ in range(50):
        matrix = numbers.integers(0, 2, numbers.integers(1, 7, 2))
        assert rank([tuple(map(int, row)) for row in matrix]) == np.linalg.matrix_rank(matrix)
    assert rank([]) == 0
    assert excess([], 5) == 0


def test_an_exception_is_signed_for_one_set_and_logged(
    register: Register, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register.admit(people(*range(10)))
    code = refused(register, people(*range(11)), "differ by fewer").code
    policy = str(tmp_path / "p.yaml")
    words = ["register", policy, "--allow", code, "--by", "A. Owner", "--reason", "the person agreed"]
    with pytest.raises(SystemExit):
        main(words[:4])
    assert main(words) == 0
    register.admit(people(*range(11)))
    refused(register, people(*range(12)), "differ by fewer")
    assert main(["register", policy]) == 0
    output = capsys.readouterr().out
    assert f"allowed   by A. Owner, code {code}, reason the person agreed" in output
    assert "answered  11 people" in output
    with pytest.raises(NoException, match="is no code of a refusal"):
        register.allow("all", "A. Owner", "why not")


def test_a_register_that_is_gone_or_damaged_opens_no_door(register: Register) -> None:
    register.admit(people(*range(10)))
    register.admit(people(*range(20)))
    folder = Path(register.policy.register)
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    _, second, third = sorted(kept)

    def closed(why: str) -> None:
        for whom in (people(*range(10)), people(*range(11)), people(*range(100, 200))):
            with pytest.raises(RegisterLost, match=why) as caught:
                register.admit(whom)
            assert caught.value.exit_code == 4
        for path, data in kept.items():
            path.write_bytes(data)
        register.admit(people(*range(10)))

    for path in kept:
        path.unlink()
    closed("is not there, so that nothing leaves; restore it from a backup")
    second.unlink()
    closed("is not whole")
    third.unlink()
    closed("has lost entries, or is another one than before")
    for path in kept:
        for place in range(0, len(kept[path]), 97):
            data = bytearray(kept[path])
            data[place] ^= 4
            path.write_bytes(data)
            with pytest.raises(RegisterLost):
                register.admit(people(*range(11)))
            path.write_bytes(kept[path])
    second.write_bytes(b"")
    closed("damaged")
    mark = Path(register.policy.stores[0], "register.json")
    mark.write_text("{}")
    with pytest.raises(RegisterLost, match="cannot be compared"):
        register.admit(people(*range(10)))


def test_only_its_owner_begins_a_register(register: Register, tmp_path: Path) -> None:
    register.admit(people(*range(10)))
    with pytest.raises(RegisterExists):
        register.start("A. Owner")
    folder = Path(register.policy.register)
    folder.rename(tmp_path / "old")
    with pytest.raises(RegisterLost):
        register.admit(people(*range(11)))
    assert main(["register", str(tmp_path / "p.yaml"), "--start", "--by", "A. Owner"]) == 0
    register.admit(people(*range(11)))


def test_of_several_coordinators_at_once_one_comes_first(register: Register) -> None:
    """Sets that are each fine, and tell of one person together: never more than one of them is answered for."""
    outcomes: list[str] = []

    def ask(count: int) -> None:
        try:
            Register(register.policy).admit(people(*range(count)))
            outcomes.append("answered")
        except TooFew:
            outcomes.append("refused")

    threads = [threading.Thread(target=ask, args=(count,)) for count in range(10, 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["answered", *["refused"] * 4]
    assert len(register.entries()) == 2


@pytest.mark.parametrize("seed", range(5))
def test_a_register_in_memory_answers_as_one_that_is_read_each_time(tmp_path: Path, seed: int) -> None:
    """Also where others answer in between, and people are known by what two others are known by."""
    numbers = np.random.default_rng(seed)
    folders = tmp_path / "kept", tmp_path / "opened"
    for folder in folders:
        folder.mkdir()
    policies = [
        write_policy(each / "p.yaml", "hospital", [f"{each}/store"], [], minimum_people=MINIMUM) for each in folders
    ]
    kept = Register(policies[0])
    for _ in range(12):
        sets = [
            [
                (f"file:{person}", f"records:{numbers.integers(0, 60) if numbers.random() < 0.02 else person}")
                for person in range(int(start), int(start) + int(length))
            ]
            for start, length in numbers.integers((0, 3), (30, 25), (int(numbers.integers(1, 4)), 2))
        ]
        other = Register(policies[0]) if numbers.random() < 0.3 else kept
        outcomes = []
        for register in (other, Register(policies[1])):
            try:
                register.admit(*sets)
                outcomes.append("")
            except TooFew as error:
                outcomes.append(error.problem)
        assert outcomes[0] == outcomes[1]
        assert len(kept.check()) == len(Register(policies[1]).check())


def test_no_person_can_be_identified_from_the_register_without_its_key(register: Register) -> None:
    register.admit(people(*range(10)))
    text = sorted(Path(register.policy.register).iterdir())[1].read_text()
    assert "file:" not in text
    assert len(json.loads(text)["people"]) == 10
