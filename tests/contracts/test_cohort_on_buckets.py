"""A cohort's whole life in a bucket, and over a slow and faulty network: it holds then what it holds on disk."""

from pathlib import Path

import pytest

from genocloud import open_callset, open_cohort, pipeline, steps, storage
from genocloud.genotypes import Model
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.contracts.conftest import FAULTY
from tests.workflow.small_cohort import DATA, cut_gvcf

REFERENCE = str(DATA / "reference.fa")
PEOPLE = ("p07", "p08", "p09", "p10")
STORING = pipeline.IngestOptions(part_bp=300_000, window_bp=60_000, batch_size=2)


@pytest.fixture(scope="module")
def gvcfs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gvcfs")
    for name in PEOPLE:
        cut_gvcf(DATA / f"gvcf/{name}.g.vcf.gz", folder / f"{name}.g.vcf.gz")
    return folder


def upload(gvcfs: Path, url: str) -> None:
    store = storage.open_store(f"{url}/in")
    for name in PEOPLE:
        store.write(f"{name}.g.vcf.gz", (gvcfs / f"{name}.g.vcf.gz").read_bytes())
    rows = [f"{name}\t{name}.g.vcf.gz\n" for name in PEOPLE]
    store.write("three.map", "".join(rows[:3]).encode())
    store.write("four.map", "".join(rows[3:]).encode())


def call_everybody(url: str, scatter) -> None:
    stored_cohort = open_cohort(f"{url}/cohort")
    cut = pipeline.cut_genome(stored_cohort)
    steps.discover(stored_cohort, cut, scatter=scatter, progress=Silent())
    steps.genotype(stored_cohort, f"{url}/callset", model=Model(), cut=cut, scatter=scatter, progress=Silent())
    steps.export(f"{url}/callset", f"{url}/callset.vcf.gz", scatter=scatter, progress=Silent())


def live(url: str) -> list[int]:
    """All that may befall a cohort; how many objects were collected, and how many searched for who was erased."""
    cohort, silent = f"{url}/cohort", Silent()
    with open_scatter("threads:2") as scatter:
        steps.ingest(cohort, f"{url}/in/three.map", REFERENCE, options=STORING, scatter=scatter, progress=silent)
        call_everybody(url, scatter)
        steps.ingest(cohort, f"{url}/in/four.map", REFERENCE, options=STORING, scatter=scatter, progress=silent)
        call_everybody(url, scatter)
        steps.verify(f"{url}/callset", scatter=scatter, progress=silent)
        steps.rename(cohort, {"p07": "ann"})
        steps.remove(cohort, ["p08"])
        steps.compact(cohort, batch_size=10, scatter=scatter, progress=silent)
        steps.verify(cohort, scatter=scatter, progress=silent)
        collected = steps.collect(cohort, progress=silent, keep=1, older_than_hours=0)
        erased = steps.erase(cohort, "p09", callsets=[f"{url}/callset"], sure=True, scatter=scatter, progress=silent)
        assert erased.figures["callsets_that_hold_them"] == [storage.open_store(f"{url}/callset").url]
        steps.verify(cohort, scatter=scatter, progress=silent)
    return [sum(collected.balance["dropped"].values()), erased.balance["taken"]]


def contents(url: str) -> dict[str, bytes]:
    """All that was made; but the cohort's list of callsets is made of URLs."""
    store = storage.open_store(url)
    return {name: store.read(name) for name in store.list("c") if not name.startswith("cohort/callsets/")}


@pytest.fixture(scope="module")
def on_disk(gvcfs, tmp_path_factory):
    url = str(tmp_path_factory.mktemp("disk"))
    upload(gvcfs, url)
    return live(url), contents(url)


@pytest.mark.parametrize(
    "kind",
    [
        "gs",
        pytest.param("s3", marks=pytest.mark.slow),
        pytest.param("faulty_gs", marks=FAULTY),
        pytest.param("faulty_s3", marks=FAULTY),
    ],
)
def test_a_cohort_lives_in_a_bucket_as_on_disk(kind, request, gvcfs, on_disk):
    url = request.getfixturevalue(f"{kind}_url")
    upload(gvcfs, url)
    assert live(url) == on_disk[0]
    assert contents(url) == on_disk[1]
    assert open_callset(f"{url}/callset").samples == PEOPLE
    assert [batch.samples for batch in open_cohort(f"{url}/cohort").batches] == [("ann", "p10")]
    if kind.startswith("faulty"):
        met = request.getfixturevalue(f"{kind.removeprefix('faulty_')}_network").met
        assert len(met) > 4, "the network was sound"
