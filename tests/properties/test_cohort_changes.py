"""Laws of change: after any changes, the rows in force are those that a plain list of people says."""

from uuid import uuid4

from hypothesis import example, given
from hypothesis import strategies as st

from genocloud import cohort, steps
from genocloud.cohort import erasing
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.storage import Store, open_store
from tests.support.cohort_people import ingest, rows_in_force
from tests.support.examples import examples

NAMES = "abcdefgh"
NAME, SHIFT = st.sampled_from(NAMES), st.integers(0, 400)
PEOPLE = st.dictionaries(NAME, SHIFT, min_size=1, max_size=3)
CHANGES = st.one_of(
    st.tuples(st.just("ingest"), PEOPLE),
    st.tuples(st.just("replace"), PEOPLE),
    st.tuples(st.just("remove"), st.sets(NAME, max_size=3)),
    st.tuples(st.just("rename"), st.dictionaries(NAME, NAME, max_size=3)),
    st.tuples(st.just("compact"), st.integers(1, 5)),
    st.tuples(st.just("erase"), NAME),
    st.tuples(st.just("collect"), st.integers(1, 3)),
)

Model = dict[str, int]
"""Whose rows (made from which number) are in force under which name; the order is that of the ranks."""


def allowed(model: Model, kind: str, what) -> bool:
    """Whether the change can be made; the others are refused (unit tests)."""
    if kind == "ingest":
        return not model.keys() & what.keys()
    if kind == "rename":
        renamed = [what.get(name, name) for name in model]
        return what.keys() <= model.keys() and len(set(renamed)) == len(renamed)
    return kind not in ("remove", "erase") or set(what) <= model.keys()


def expected(model: Model, kind: str, what) -> Model:
    """What plain Python makes of the change."""
    if kind in ("ingest", "replace"):
        return model | dict(sorted(what.items()))
    if kind in ("remove", "erase"):
        return {name: shift for name, shift in model.items() if name not in what}
    return {what.get(name, name): shift for name, shift in model.items()} if kind == "rename" else model


def change(store: Store, kind: str, what) -> None:
    """The same, done to the store."""
    match kind:
        case "ingest":
            ingest(store, what)
        case "replace":
            ingest(store, what, tuple(what))
        case "remove":
            cohort.remove(store, what)
        case "rename":
            cohort.rename(store, what)
        case "compact":
            steps.compact(store.url, batch_size=what, scatter=Inline(), progress=Silent())
        case "erase":
            steps.erase(store.url, what, callsets=(), sure=True, scatter=Inline(), progress=Silent())
        case "collect":
            steps.collect(store.url, progress=Silent(), keep=what, older_than_hours=0.0)


@examples(30)
@given(PEOPLE, st.lists(CHANGES, max_size=8))
@example({"b": 0}, [("ingest", {"a": 0}), ("compact", 3), ("erase", "a")])  # two people of equal files
@example(
    {"a": 0, "b": 0}, [("replace", {"b": 0}), ("rename", {"b": "c"}), ("replace", {"a": 1, "b": 0}), ("erase", "a")]
)
def test_rows_in_force_are_those_of_a_plain_list(first, changes):
    store = open_store(f"memory://{uuid4().hex}")
    model = dict(sorted(first.items()))
    ingest(store, first)
    for kind, what in changes:
        if allowed(model, kind, what):
            try:
                change(store, kind, what)
            except (cohort.KnownAsOther, erasing.SameFiles):
                continue  # the very batch is there, somebody in it under another name
            model = expected(model, kind, what)
    stored_cohort = cohort.open_cohort(store.url)
    assert stored_cohort.samples == tuple(model)
    assert {name: int(fingerprint, 16) for name, fingerprint in stored_cohort.fingerprints().items()} == model
    fresh = open_store(f"memory://{uuid4().hex}")
    for name, shift in model.items():
        ingest(fresh, {name: shift})
    if model:
        assert rows_in_force(stored_cohort) == rows_in_force(cohort.open_cohort(fresh.url))
    for version in cohort.versions(store):
        rows_in_force(cohort.open_cohort(store.url, version))
    steps.verify(store.url, scatter=Inline(), progress=Silent())
