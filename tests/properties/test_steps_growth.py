"""A callset that has grown, or lost samples, is the one that a single run makes: bit for bit, however it came about."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genocloud import callset, genotypes, pipeline, steps
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.callset_counts import count_callset
from genocloud.pipeline.genotyping import genotype_reuse
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.benchmarks.scale_cohort import ScaleCohort
from tests.conftest import DATA
from tests.support.decoded_callsets import counted_by_globs, tables
from tests.support.growing_cohort import Work

DEEPVARIANT = Model(name="deepvariant")
SPECIFIC = Model(annotation_groups=("StandardAnnotation", "AS_StandardAnnotation"))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> Work:
    return Work(tmp_path_factory.mktemp("full")).add(gvcfs[:6]).call()


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> Work:
    """Three samples, then one more, then the others: three versions of one callset."""
    work = Work(tmp_path_factory.mktemp("grown"))
    for some in (gvcfs[:3], gvcfs[3:4], gvcfs[4:6]):
        work.add(some).call()
    return work


def test_a_grown_callset_has_a_full_runs_tables(grown, full):
    assert tables(grown.callset) == tables(full.callset)


def test_a_grown_callset_is_exported_counted_and_cut_as_a_full_runs(grown, full):
    assert grown.records() == full.records()
    with open_scatter("inline") as scatter:
        counted = [count_callset(work.callset, scatter, Silent()) for work in (grown, full)]
    assert counted[0].to_json() == counted[1].to_json()
    samples = open_cohort(full.cohort).samples
    chosen = "chr1:14,000-52,000", [samples[-1], samples[0]]
    parts = [callset.open_callset(work.callset).genotypes(*chosen) for work in (grown, full)]
    assert parts[0].to_pylist() == parts[1].to_pylist()
    assert parts[0].num_rows


def test_a_grown_callset_of_deepvariants_gvcfs_is_that_of_a_full_run(tmp_path):
    people = sorted((DATA / "deepvariant").glob("*.g.vcf.gz"))
    work = Work(tmp_path / "grown", DEEPVARIANT).add(people[:2]).call()
    before = dict(_genotype_files(work))
    work.add(people[2:3]).call().add(people[3:]).call()
    full = Work(tmp_path / "full", DEEPVARIANT).add(people).call()
    assert tables(work.callset) == tables(full.callset)
    assert work.records() == full.records()
    assert any(dict(_genotype_files(work)).get(name) == data for name, data in before.items())


def test_globs_over_a_grown_callset_have_each_genotype_once(grown):
    stored_callset = callset.open_callset(grown.callset)
    assert sum(counted_by_globs(grown.callset).values()) == stored_callset.counts["genotypes"]


def test_a_grown_callset_and_its_cohort_are_sound(grown):
    with open_scatter("inline") as scatter:
        for url in (grown.callset, grown.cohort):
            steps.verify(url, scatter=scatter, progress=Silent())


def test_old_files_stay_beside_few_new_sites(tmp_path, gvcfs, full):
    """Added sites of a batch are in files of their own, so that what it has had is neither read whole nor written."""
    work = Work(tmp_path).add(gvcfs[:5]).call()
    before = dict(_genotype_files(work))
    after = dict(_genotype_files(work.add(gvcfs[5:6]).call()))
    stays = [name for name, data in before.items() if after.get(name) == data]
    assert len(stays) > len(before) / 2
    assert len(after) > len(before) + 2
    assert tables(work.callset) == tables(full.callset)


def test_files_of_people_who_were_there_lose_calls_at_sites_that_change_and_no_more(tmp_path):
    """Three growths in a row, in which sites come, go and get further ALTs."""
    grown, once = _of_scale_cohort(tmp_path / "grown", (60, 80, 100, 120)), _of_scale_cohort(tmp_path / "once", (120,))
    assert tables(grown[-1].callset) == tables(once[-1].callset)
    assert counted_by_globs(grown[-1].callset) == counted_by_globs(once[-1].callset)
    first, last = (dict(_genotype_files(work)) for work in (grown[0], grown[-1]))
    rows = {name: [len(pq.read_table(pa.BufferReader(each[name]))) for each in (first, last)] for name in first}
    assert all(first[name] == last[name] for name in first if name.startswith("reference"))
    assert sum(before > after for before, after in rows.values()) > 0
    assert not any(before < after for before, after in rows.values())


def _of_scale_cohort(folder: Path, counts: tuple[int, ...]) -> list[Work]:
    """Callsets of the first so many of the scale cohort's people, in batches of 20, each grown from the one before."""
    works = []
    for count in counts:
        if works:
            shutil.copytree(works[-1].folder, folder / str(count))
        works.append(Work(folder / str(count), choice="inline"))
        with open_scatter("inline") as scatter:
            stored = ScaleCohort(12_000).write(works[-1].cohort, count, scatter, 20)
            cut = pipeline.cut_genome(stored)
            steps.discover(stored, cut, scatter=scatter, progress=Silent())
            steps.genotype(
                stored, works[-1].callset, model=works[-1].model, cut=cut, scatter=scatter, progress=Silent()
            )
    return works


def _genotype_files(work: Work) -> Iterator[tuple[str, bytes]]:
    for folder in ("calls", "reference"):
        for path in Path(work.callset, folder).rglob("*.parquet"):
            yield str(path.relative_to(work.callset)), path.read_bytes()


@pytest.mark.slow
def test_only_new_sites_of_old_batches_are_called(tmp_path, gvcfs, monkeypatch):
    called: dict[str, int] = {}
    work = Work(tmp_path).add(gvcfs[:4]).call()
    before = {batch.id for batch in open_cohort(work.cohort).batches}
    call_batch = genotype_reuse.call_batch

    def counted(stored_cohort, batch, shard, settled, model, **cached):
        called[batch.id] = called.get(batch.id, 0) + settled.num_rows
        return call_batch(stored_cohort, batch, shard, settled, model, **cached)

    monkeypatch.setattr(genotype_reuse, "call_batch", counted)
    work.add(gvcfs[4:5]).call()
    sites = callset.open_callset(work.callset).counts["sites"]
    (new,) = called.keys() - before
    assert called[new] == sites
    assert all(0 < called[batch] < sites / 2 for batch in before)


def _with_allele_specific(folder: Path, gvcfs: list[Path]) -> Work:
    return Work(folder, SPECIFIC).add(gvcfs[:2]).call().add(gvcfs[2:4]).call()


def _with_force_output(folder: Path, gvcfs: list[Path]) -> Work:
    """Sites without carriers are written by keys of their own, until somebody carries their ALTs."""
    work = Work(folder, SPECIFIC, forced="chr1:14,000-22,000")
    return work.add(gvcfs[:3]).call().add(gvcfs[3:4]).call().add(gvcfs[4:5]).call()


def _often(folder: Path, gvcfs: list[Path]) -> Work:
    work = Work(folder).add(gvcfs[:4]).call()
    for gvcf in gvcfs[4:8]:
        work.add([gvcf]).call()
    return work


def _after_a_removal(folder: Path, gvcfs: list[Path]) -> Work:
    work = Work(folder).add(gvcfs[:3]).call()
    work.remove(open_cohort(work.cohort).samples[1]).call()
    return work.add(gvcfs[3:4]).add(gvcfs[1:2]).call()


def _after_most_have_gone(folder: Path, gvcfs: list[Path]) -> Work:
    """More batches change than stay: all are counted anew."""
    work = Work(folder).add(gvcfs[:3]).add(gvcfs[3:4]).call()
    for sample in open_cohort(work.cohort).samples[1:4]:
        work.remove(sample)
    return work.call()


def _on_dask(folder: Path, gvcfs: list[Path]) -> Work:
    work = Work(folder).add(gvcfs[:3]).call().add(gvcfs[3:4])
    work.choice = "local:processes=1,threads=2"
    return work.call()


@pytest.mark.slow
@pytest.mark.parametrize(
    "history", [_with_allele_specific, _with_force_output, _often, _after_a_removal, _after_most_have_gone, _on_dask]
)
def test_any_history_gives_what_its_samples_give_at_once(tmp_path, gvcfs, history: Callable[[Path, list[Path]], Work]):
    work = history(tmp_path / "grown", gvcfs)
    names = open_cohort(work.cohort).samples
    fresh = Work(tmp_path / "fresh", work.model)
    fresh.intervals = work.intervals
    by_name = {path.name.partition(".")[0]: path for path in gvcfs}
    for run in _runs(names):
        fresh.add([by_name[name] for name in run])
    fresh.call()
    assert open_cohort(fresh.cohort).samples == names
    assert tables(work.callset) == tables(fresh.callset)


def _runs(names: tuple[str, ...]) -> Iterator[list[str]]:
    """The names cut where their order, which one ingest would not give, begins anew."""
    run: list[str] = []
    for name in names:
        if run and name < run[-1]:
            yield run
            run = []
        run.append(name)
    yield run


def test_counts_are_kept_as_one_sum_of_each_shard(grown):
    """That of the last version; neither batches' counts nor earlier versions' sums take room."""
    totals = list(Path(grown.cohort, "derived").rglob("summed_counts/*.parquet"))
    assert totals
    assert {path.name.split(".")[-2] for path in totals} == {"all"}
    assert len({path.parent for path in totals}) == 1


def test_only_batches_that_changed_are_counted_anew(tmp_path, gvcfs, monkeypatch):
    """A removed sample's batch, of four, once as it was, which is taken off the sum, and once as it is."""
    counted: list[int] = []
    summarise = genotypes.summarise

    def noted(rows, alleles):
        counted.append(len(alleles))
        return summarise(rows, alleles)

    monkeypatch.setattr("genocloud.genotypes.summarise", noted)
    work = Work(tmp_path, choice="inline")
    for some in (gvcfs[:1], gvcfs[1:2], gvcfs[2:4], gvcfs[4:6]):
        work.add(some)
    work.call()
    sites = sum(counted) / 4
    counted.clear()
    work.remove(open_cohort(work.cohort).samples[2]).call()
    assert 1.5 * sites < sum(counted) < 2.5 * sites


def test_samples_of_a_damaged_batch_may_be_removed(tmp_path, gvcfs, full):
    """What they added to the sum cannot be taken off it: the others are counted anew."""
    work = Work(tmp_path).add(gvcfs[:6]).add(gvcfs[6:7]).call()
    batch = open_cohort(work.cohort).batches[-1]
    work.remove(batch.samples[0])
    for path in Path(work.cohort, "batches", batch.id).rglob("*.parquet"):
        path.write_bytes(b"damaged")
    assert tables(work.call().callset) == tables(full.callset)


@pytest.mark.slow
def test_a_callset_that_has_grown_too_often_is_written_anew(tmp_path, gvcfs, monkeypatch):
    monkeypatch.setattr("genocloud.callset.added_sites.LARGEST_SHARE", 1 << 40)
    work = Work(tmp_path)
    for some in (gvcfs[:2], gvcfs[2:3], gvcfs[3:4]):
        work.add(some).call()
    shards = callset.open_callset(work.callset).shards
    assert max(len(files) for shard in shards for files in shard.genotypes.values()) == 1
    assert tables(work.callset) == tables(Work(tmp_path / "fresh").add(gvcfs[:4]).call().callset)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("genocloud.callset.segments.write_genotypes", 4),
        ("genocloud.callset.added_sites.write_genotypes", 1),
        ("genocloud.callset.added_sites.write_shares", 0),
        ("genocloud.callset.added_sites.write_calls", 0),
        ("genocloud.callset.writing.complete_shard", 1),
    ],
)
def test_a_killed_update_is_no_callset_and_the_next_run_completes_it(tmp_path, gvcfs, full, monkeypatch, step, after):
    work = Work(tmp_path, choice="inline").add(gvcfs[:4]).call().add(gvcfs[4:6])
    _call_killed(work, monkeypatch, step, after)
    with pytest.raises(callset.NoCallset):
        callset.open_callset(work.callset)
    assert tables(work.call().callset) == tables(full.callset)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["write_total", "remove_earlier_totals"])
def test_sums_of_counts_are_whole_after_a_kill(tmp_path, gvcfs, full, monkeypatch, step):
    """In the second shard: the first has this version's sum already."""
    work = Work(tmp_path, choice="inline").add(gvcfs[:4]).call().add(gvcfs[4:6])
    _call_killed(work, monkeypatch, f"genocloud.pipeline.genotyping.summed_counts.{step}", 1)
    assert tables(work.call().callset) == tables(full.callset)
    test_counts_are_kept_as_one_sum_of_each_shard(work)


def _call_killed(work: Work, monkeypatch: pytest.MonkeyPatch, step: str, after: int) -> None:
    """Call, and be killed where a function of a module is called once more than `after` times."""
    left = [after]

    def killed(*arguments, **named):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    module, _, name = step.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    with monkeypatch.context() as patched:
        patched.setattr(step, killed)
        if name == "complete_shard":
            patched.setattr("genocloud.callset.complete_shard", killed, raising=False)
        with pytest.raises(KeyboardInterrupt):
            work.call()
