"""Ancestry by the nearest known samples, as a loop finds them; nothing where nobody is known."""

import numpy as np
import pytest

from genocloud.qc.ancestry import LEAST_SHARE, NEAREST, OTHER, ancestry_table
from genocloud.qc.components import Components


def drawn(seed: int, unknown: int = 12) -> tuple[list[str], Components, dict[str, str]]:
    """Three groups of 30 with some in between, one label wrong."""
    chance = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    groups = np.repeat([0, 1, 2], 30)
    vectors = centres[groups] + chance.normal(0, 0.1, (90, 3))
    vectors = np.concatenate([vectors, [[0.5, 0.0, 0.0], [0.5, 0.02, 0.0]]])
    names = [f"s{number}" for number in range(len(vectors))]
    known = {names[row]: "ABC"[groups[row]] for row in range(90) if row % 30 >= unknown}
    known["s20"] = "C"  # it is an A
    return names, Components(values=np.array([9.0, 4.0, 0.01]), vectors=vectors), known


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("unknown", [12, 27])
def test_it_is_that_of_the_nearest(seed, unknown):
    names, components, known = drawn(seed, unknown)
    places = components.vectors * np.sqrt(components.values)
    sizes = [sum(label == group for label in known.values()) for group in "ABC"]
    count = max(1, min(NEAREST, min(sizes) - 1))
    for place, row in enumerate(ancestry_table(names, components, known).to_pylist()):
        others = [other for other in range(len(names)) if other != place and names[other] in known]
        others.sort(key=lambda other, place=place: float(((places[other] - places[place]) ** 2).sum()))
        labels = [known[names[other]] for other in others[:count]]
        most = max(labels.count(group) for group in "ABC") / count
        assert row["share"] == pytest.approx(most)
        assert row["known"] == known.get(names[place])
        best = next(group for group in "ABC" if labels.count(group) / count == most)
        assert row["ancestry"] == (best if most >= LEAST_SHARE else OTHER)


def test_groups_lie_apart_and_a_wrong_label_is_seen():
    names, components, known = drawn(1)
    said = [row["ancestry"] for row in ancestry_table(names, components, known).to_pylist()]
    assert said[:90] == ["A"] * 30 + ["B"] * 30 + ["C"] * 30


def test_without_labels_or_components_there_are_no_rows():
    names, components, known = drawn(1)
    assert ancestry_table(names, components, {}).num_rows == 0
    nothing = Components(values=np.zeros(0), vectors=np.zeros((len(names), 0)))
    assert ancestry_table(names, nothing, known).num_rows == 0
    (row,) = ancestry_table(["a"], Components(values=np.ones(1), vectors=np.ones((1, 1))), {"a": "A"}).to_pylist()
    assert row == {"sample": "a", "known": "A", "ancestry": OTHER, "share": 0.0}  # nobody else says so
