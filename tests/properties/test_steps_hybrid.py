"""A run over several sites gives the records of one over a single site, whatever the split and the policies."""

import gzip
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest

from genocloud import callset, cohort, pipeline, steps
from genocloud.errors import GenocloudError
from genocloud.federation.config import config_of
from genocloud.pipeline import memory_model
from genocloud.pipeline.chosen_model import chosen_model
from genocloud.pipeline.hybrid.clients import LocationClient
from genocloud.pipeline.intervals import intervals_of
from genocloud.pipeline.options import model_of
from genocloud.scatter.executors import Inline, open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA
from tests.support.decoded_callsets import decoded
from tests.support.local_hybrid import REFERENCE, SMALL, Hybrid


def single(
    folder: Path, split: Sequence[Sequence[Path]], options: Mapping[str, Any], sexes: Mapping[str, str] | None = None
) -> list[list[Any]]:
    """What one site gives, its samples in the same order: SITES, and genotypes by sample and place."""
    folder.mkdir(exist_ok=True)
    rows = [
        f"{person}\t{gvcf}\t{(sexes or {}).get(person, '')}\t{number}\n"
        for number, gvcfs in enumerate(split)
        for gvcf in gvcfs
        for person in [gvcf.name.removesuffix(".g.vcf.gz")]
    ]
    sheet = folder / "samples.tsv"
    sheet.write_text("".join(["sample\tgvcf\tsex\tbatch\n", *rows]))
    settings = config_of({"samples": str(sheet), "reference": REFERENCE, **options}).settings
    storing = pipeline.IngestOptions(
        part_bp=settings["part_bp"], window_bp=settings["window_bp"], batch_size=settings["batch_size"]
    )
    with open_scatter("threads:2") as scatter:
        reference = pipeline.read_reference(REFERENCE)
        for part in range(len(split)):
            chosen = folder / f"{part}.tsv"
            own = (row for row in rows if row.endswith(f"\t{part}\n"))
            chosen.write_text("".join(["sample\tgvcf\tsex\tbatch\n", *own]))
            if split[part]:
                steps.ingest(
                    str(folder / "cohort"), str(chosen), REFERENCE, options=storing, scatter=scatter, progress=Silent()
                )
        stored_cohort = cohort.open_cohort(str(folder / "cohort"))
        cut = pipeline.cut_genome(stored_cohort, targets=intervals_of(settings).targets(stored_cohort.contigs))
        steps.discover(stored_cohort, cut, scatter=scatter, progress=Silent(), reference=reference)
        dbsnp = settings["dbsnp"] or None
        steps.genotype(
            stored_cohort,
            str(folder / "callset"),
            model=chosen_model(stored_cohort, model_of(settings), settings["model"], settings["preset"]),
            cut=cut,
            scatter=scatter,
            progress=Silent(),
            dbsnp_url=dbsnp,
        )
    made = callset.open_callset(str(folder / "callset"))
    return [decoded(made.sites()).to_pylist(), decoded(made.genotypes()).to_pylist()]


def place_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["contig"], row["pos"], row["sample"]


def same(run: Hybrid, one: list[list[Any]]) -> None:
    assert run.sites() == one[0]
    assert one[0]
    assert sorted(run.genotypes(), key=place_of) == sorted(one[1], key=place_of)


def filter_everywhere(run: Hybrid) -> None:
    """Each site's callset takes the filters of everybody's, or comes to the same verdicts by its annotations alone."""
    options = pipeline.FilterOptions(presets=("hard",))
    steps.filter_callset(run.united, options=options, scatter=Inline(), progress=Silent())
    said = callset.open_callset(run.united).filters()
    for name, gvcfs in zip(run.names, run.split, strict=True):
        url = f"{run.store(name)}/callset"
        if not gvcfs or url == run.united:
            continue
        steps.take_filters(url, run.united)
        assert callset.open_callset(url).filters().equals(said)
        steps.filter_callset(url, options=options, scatter=Inline(), progress=Silent())
        assert callset.open_callset(url).filters().equals(said)


STAY, SUM, LEAVE = "stays", "summaries", "may_leave"
ALL_SITES = {"force_output_intervals": ["chr1:20,000-20,400"]}
SPECIFIC = {"annotation_group": ["StandardAnnotation", "AS_StandardAnnotation"]}
SOME = {"intervals": ["chr1:60,000-82,000", "chr2:1-20,000", "chrX:10,000-20,000"]}
FORCED = {"alleles": str(DATA / "truth.vcf.gz"), "intervals": ["chr1:60,000-82,000", "chrM"]}
INSIDE = {"intervals": ["chr1:14,500-15,200", "chr1:70,000-82,000"], "interval_padding": 3}


@pytest.mark.parametrize(
    ("sizes", "policies", "options"),
    [
        pytest.param((3, 3), (STAY, STAY), {}, marks=pytest.mark.slow),
        ((1, 4), (LEAVE, SUM), SOME),
        pytest.param((1, 4), (LEAVE, SUM), {}, marks=pytest.mark.slow),
        pytest.param((2, 1, 3), (SUM, STAY, LEAVE), {}, marks=pytest.mark.slow),
        pytest.param((0, 2, 2), (STAY, STAY, STAY), {}, marks=pytest.mark.slow),
        pytest.param((2, 2), (STAY, LEAVE), ALL_SITES, marks=pytest.mark.slow),
        pytest.param((2, 3), (STAY, STAY), SPECIFIC, marks=pytest.mark.slow),
        pytest.param((2, 2), (STAY, STAY), INSIDE, marks=pytest.mark.slow),
        pytest.param((2, 2), (STAY, STAY), FORCED, marks=pytest.mark.slow),
        pytest.param((2, 2), (LEAVE, LEAVE), {**INSIDE, **ALL_SITES, **SPECIFIC}, marks=pytest.mark.slow),
    ],
)
def test_several_sites_give_what_one_gives(tmp_path, gvcfs, sizes, policies, options):
    ends = np.cumsum(sizes).tolist()
    split = [gvcfs[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    run = Hybrid(tmp_path / "hybrid", split, policies, options={**SMALL, **options})
    receipt = run.run()
    same(run, single(tmp_path / "single", split, run.options))
    assert receipt.balance["unit"] == "sites"
    filter_everywhere(run)
    if any(gvcfs and policy != LEAVE for gvcfs, policy in [*zip(split, policies, strict=True)][1:]):
        with pytest.raises(callset.GenotypesNotShared, match="stay there by its policy"):
            steps.qc(run.united, str(tmp_path / "qc"), options=steps.QcOptions(), scatter=Inline(), progress=Silent())
        assert not (tmp_path / "qc").exists() or not list((tmp_path / "qc").glob("*.tsv"))


@pytest.mark.parametrize("policies", [(STAY, STAY), pytest.param((SUM, SUM), marks=pytest.mark.slow), (LEAVE, LEAVE)])
def test_deepvariants_gvcfs_have_their_model_at_several_sites(tmp_path, policies):
    gvcfs = sorted((DATA / "deepvariant").glob("*.g.vcf.gz"))
    split = [gvcfs[:2], gvcfs[2:]]
    sexes = {"child": "male", "father": "male", "mother": "female", "p05": "male"}
    table = "".join(f"ref\t{gq}\t20\n" for gq in range(20, 100))
    (tmp_path / "gq.tsv").write_text(f"kind\tgq\tcalibrated\n{table}")
    own = {"gq_calibration": str(tmp_path / "gq.tsv"), "par": ["chrX:1-12000"]}
    run = Hybrid(tmp_path / "hybrid", split, policies, options={**SMALL, **SOME, **own}, sexes=sexes)
    figures = run.run().figures
    assert figures["model"] == "deepvariant"
    assert figures["sexes"] == {"male": 3, "female": 1, "unknown": 2}
    same(run, single(tmp_path / "single", split, run.options, sexes))
    of_x = [cell for cell in run.genotypes() if (cell["contig"], cell["sample"]) == ("chrX", "child")]
    assert {cell["GT"] for cell in of_x if cell["pos"] > 12_000} <= {"0", "1", "."}
    assert {len(cell["GT"]) for cell in of_x if cell["pos"] <= 12_000} <= {3}
    assert max(cell["GQ"] or 0 for cell in run.genotypes() if cell["GT"] in ("0/0", "0")) == 20
    if policies == (LEAVE, LEAVE):
        assert exported(run.united, tmp_path / "two.vcf.gz") == exported(
            str(tmp_path / "single" / "callset"), tmp_path / "one.vcf.gz"
        )


def exported(url: str, out: Path) -> bytes:
    """The records of a callset's VCF."""
    steps.export(url, str(out), scatter=Inline(), progress=Silent())
    return b"".join(line for line in gzip.decompress(out.read_bytes()).splitlines(True) if not line.startswith(b"##"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> list[list[Any]]:
    """Two and two samples at one site."""
    return single(tmp_path_factory.mktemp("plain"), [gvcfs[:2], gvcfs[2:4]], SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_goes_on_where_it_was(tmp_path, gvcfs, plain, monkeypatch, seed):
    run = Hybrid(tmp_path, [gvcfs[:2], gvcfs[2:4]], (STAY, STAY))
    submit, numbers = LocationClient.submit, np.random.default_rng(seed)
    left = 1
    for calls in sorted(numbers.integers(4, 120, 3).tolist()):
        left = calls

        def killed(*args, **kwargs):
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return submit(*args, **kwargs)

        with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
            patched.setattr(LocationClient, "submit", killed)
            run.run()
    run.run()
    same(run, plain)


@pytest.mark.slow
def test_what_is_there_stays(tmp_path, gvcfs, plain, monkeypatch):
    run = Hybrid(tmp_path, [gvcfs[:2], gvcfs[2:4]], (STAY, STAY))
    run.run()
    submitted: list[str] = []
    submit = LocationClient.submit

    def counted(client, function, *args, **kwargs):
        submitted.append(function.__name__)
        return submit(client, function, *args, **kwargs)

    monkeypatch.setattr(LocationClient, "submit", counted)
    run.run()
    assert not {"local_alleles", "start", "answer", "genotype_shard", "complete_shard"} & set(submitted)
    same(run, plain)


@pytest.mark.slow
def test_derived_tables_that_have_gone_at_a_site_are_made_again(tmp_path, gvcfs):
    run = Hybrid(tmp_path / "hybrid", [gvcfs[:2], gvcfs[2:4]], (STAY, STAY))
    run.run()
    rmtree(f"{run.store('beta')}/cohort/derived")
    run.options = {**SMALL, "stand_call_conf": 50.0}
    run.run()
    assert run.sites() == single(tmp_path / "single", run.split, run.options)[0]


def test_one_store_under_two_names_is_refused(tmp_path, gvcfs):
    run = Hybrid(tmp_path, [gvcfs[:1], gvcfs[1:2]], (STAY, STAY))
    (tmp_path / "alpha").mkdir()
    (tmp_path / "beta").symlink_to(tmp_path / "alpha")
    with pytest.raises(
        GenocloudError, match=r"site (alpha|beta): .*: the store of the site (alpha|beta), .* a store of its own"
    ):
        run.run()
    assert not (tmp_path / "alpha/cohort").exists()


@pytest.mark.slow
def test_a_site_that_grows(tmp_path, gvcfs):
    split = [gvcfs[:2], gvcfs[2:4]]
    run = Hybrid(tmp_path / "hybrid", split, (STAY, SUM))
    run.run()
    run.split = [gvcfs[:2], gvcfs[2:5]]
    run.run()
    assert run.sites() == single(tmp_path / "single", run.split, SMALL)[0]
    for name in run.names:
        with open_scatter("inline") as scatter:
            steps.verify(f"{run.store(name)}/callset", scatter=scatter, progress=Silent())


@pytest.mark.slow
def test_heavy_shards_are_cut_alike_everywhere(tmp_path, gvcfs, plain, monkeypatch):
    monkeypatch.setattr(memory_model, "GROUP_COPIES", 0)
    monkeypatch.setattr(memory_model, "SHARD_BYTES", 200_000)
    run = Hybrid(tmp_path, [gvcfs[:2], gvcfs[2:4]], (STAY, STAY))
    receipt = run.run()
    same(run, plain)
    assert receipt.figures["shards"] > 12


@pytest.mark.slow
def test_dask_workers_give_the_same(tmp_path, gvcfs, plain):
    workers = "local:processes=1,threads=2"
    run = Hybrid(tmp_path, [gvcfs[:2], gvcfs[2:4]], (STAY, LEAVE), workers=workers, coordinator=1)
    run.run()
    same(run, plain)


@pytest.mark.slow
def test_stores_in_memory_give_the_same(tmp_path, gvcfs, plain):
    run = Hybrid(tmp_path, [gvcfs[:2], gvcfs[2:4]], (SUM, LEAVE), stores="memory://test_steps_hybrid")
    run.run()
    same(run, plain)


@pytest.mark.slow
def test_a_callset_of_sites_that_let_genotypes_leave_is_exported_whole(tmp_path, gvcfs, plain):
    run = Hybrid(tmp_path, [gvcfs[:2], gvcfs[2:4]], (LEAVE, LEAVE))
    run.run()
    out = tmp_path / "out.vcf.gz"
    with open_scatter("inline") as scatter:
        receipt = steps.export(run.united, str(out), scatter=scatter, progress=Silent())
    assert receipt.balance["kept"] == len(plain[0])
