"""Shards rendered straight away say what the stored callset says, whatever the cuts, the workers and the kills."""

import gzip
import importlib
from dataclasses import dataclass
from pathlib import Path

import pysam
import pytest

from genocloud import cohort, pipeline, steps
from genocloud.callset import open_callset
from genocloud.genotypes import Model
from genocloud.pipeline.callset_counts import count_callset
from genocloud.pipeline.genotyping import vcf_shards
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.sharding import ShardPlan
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA, sample_map
from tests.support import command_line


def records(vcf: Path) -> list[str]:
    return gzip.decompress(vcf.read_bytes()).decode().splitlines()


@dataclass
class Ingested:
    """A cohort with its sites discovered, and where its VCF goes."""

    stored_cohort: cohort.Cohort
    cut: ShardPlan
    folder: Path

    def render(self, name: str = "calls.vcf.gz", model: Model | None = None, choice: str = "threads:2"):
        parts = str(self.folder / "parts")
        with open_scatter(choice) as scatter:
            return vcf_shards.render(
                self.stored_cohort,
                str(self.folder / name),
                parts_url=parts,
                model=model or Model(),
                cut=self.cut,
                scatter=scatter,
                progress=Silent(),
            )


def ingested(folder: Path, gvcfs: list[Path], storing: pipeline.IngestOptions) -> Ingested:
    progress, url = Silent(), str(folder / "cohort")
    with open_scatter("threads:2") as scatter:
        steps.ingest(
            url,
            str(sample_map(folder, gvcfs)),
            str(DATA / "reference.fa"),
            options=storing,
            scatter=scatter,
            progress=progress,
        )
        stored_cohort = cohort.open_cohort(url)
        cut = pipeline.cut_genome(stored_cohort)
        steps.discover(stored_cohort, cut, scatter=scatter, progress=progress)
    return Ingested(stored_cohort, cut, folder)


@pytest.mark.parametrize(
    ("storing", "choice"),
    [
        (pipeline.IngestOptions(), "threads:3"),
        pytest.param(pipeline.IngestOptions(batch_size=3, window_bp=7_001), "inline", marks=pytest.mark.slow),
        (pipeline.IngestOptions(batch_size=3, window_bp=40_009), "inline"),
        pytest.param(
            pipeline.IngestOptions(batch_size=1, window_bp=50_000),
            "local:processes=2,threads=1",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_rendered_records_are_those_of_the_stored_callset(tmp_path, made, gvcfs, storing, choice):
    run = ingested(tmp_path, gvcfs, storing)
    statistics, receipt = run.render(choice=choice)
    assert records(tmp_path / "calls.vcf.gz") == records(made.vcf)
    with open_scatter("inline") as scatter:
        assert statistics.to_json() == count_callset(made.callset, scatter, Silent()).to_json()
    assert receipt.figures["genotypes"] == open_callset(made.callset).counts["genotypes"]


def test_equal_shards_give_equal_bytes_stored_or_not(tmp_path, made, gvcfs):
    ingested(tmp_path, gvcfs, pipeline.IngestOptions()).render()
    for suffix in ("", ".tbi"):
        assert Path(f"{tmp_path}/calls.vcf.gz{suffix}").read_bytes() == Path(f"{made.vcf}{suffix}").read_bytes()


def test_a_bcf_says_the_same(tmp_path, made, gvcfs):
    ingested(tmp_path, gvcfs, pipeline.IngestOptions()).render("calls.bcf")
    with pysam.VariantFile(str(tmp_path / "calls.bcf")) as ours, pysam.VariantFile(str(made.vcf)) as theirs:
        assert list(map(str, ours)) == list(map(str, theirs))


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_shards_that_are_missing(tmp_path, gvcfs, monkeypatch):
    run = ingested(tmp_path, gvcfs, pipeline.IngestOptions(window_bp=30_000))
    run.render()
    expected = (tmp_path / "calls.vcf.gz").read_bytes()
    finished = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert len(finished) == len(run.cut.owned) > 4
    write, called, made = vcf_shards.callset.write_part, vcf_shards._called, []

    def killed_at_the_third(store, name, *arguments, **named):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(name)
        return write(store, name, *arguments, **named)

    for path in (tmp_path / "parts").iterdir():
        path.unlink()
    (tmp_path / "calls.vcf.gz").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(vcf_shards.callset, "write_part", killed_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            run.render(choice="inline")
    assert not (tmp_path / "calls.vcf.gz").exists()
    again = []
    monkeypatch.setattr(vcf_shards, "_called", lambda *arguments: (again.append(arguments), called(*arguments))[1])
    run.render(choice="inline")
    assert len(again) == len(finished) - 2
    assert (tmp_path / "calls.vcf.gz").read_bytes() == expected


def test_parts_of_another_model_or_form_are_not_taken(tmp_path, gvcfs):
    run = ingested(tmp_path, gvcfs[:3], pipeline.IngestOptions())
    run.render()
    plain = records(tmp_path / "calls.vcf.gz")
    run.render("strict.vcf.gz", Model(stand_call_conf=300.0))
    assert len(records(tmp_path / "strict.vcf.gz")) < len(plain)
    run.render("calls.bcf")
    with pysam.VariantFile(str(tmp_path / "calls.bcf")) as file:
        assert len(list(file)) == sum(not line.startswith("#") for line in plain)


def test_a_part_that_was_cut_short_is_made_anew(tmp_path, gvcfs):
    run = ingested(tmp_path, gvcfs[:3], pipeline.IngestOptions())
    run.render()
    before = (tmp_path / "calls.vcf.gz").read_bytes()
    for part in (tmp_path / "parts").iterdir():
        part.write_bytes(part.read_bytes()[:-9])
    run.render()
    assert (tmp_path / "calls.vcf.gz").read_bytes() == before


def test_joint_by_way_of_a_callset_that_stays_gives_the_same_bytes(tmp_path, made, gvcfs):
    out, url = tmp_path / "out" / "calls.vcf.gz", str(tmp_path / "callset")
    plan = pipeline.JointOptions(
        listed=str(sample_map(tmp_path, gvcfs)),
        reference_url=str(DATA / "reference.fa"),
        out_url=str(out),
        callset_url=url,
    )
    summary, _ = steps.joint(plan, progress=Silent())
    assert out.read_bytes() == made.vcf.read_bytes()
    assert sorted(path.name for path in out.parent.iterdir()) == ["calls.vcf.gz", "calls.vcf.gz.tbi"]
    assert open_callset(url).counts == open_callset(made.callset).counts
    assert f"{open_callset(url).counts['sites']:,}" in summary


@pytest.mark.parametrize("options", [("--fields", "AD,DP"), ("--local-alleles",)], ids=lambda options: options[0])
def test_joint_and_export_write_the_same_with_the_same_fields(tmp_path, made, gvcfs, options):
    outs = [tmp_path / "joint.vcf.gz", tmp_path / "export.vcf.gz"]
    joint = "joint", sample_map(tmp_path, gvcfs), "-R", DATA / "reference.fa", "-o", outs[0]
    for words in (joint, ("export", made.callset, outs[1])):
        assert command_line.run(*words, "--quiet", *options) == 0
    assert records(outs[0]) == records(outs[1])
    assert records(outs[0]) != records(made.vcf)


@pytest.mark.slow
@pytest.mark.parametrize(
    "intervals",
    [Intervals(included=("chr1:1-9000",), force_output=("chr1:700-2500",)), Intervals(included=("chrM",), padding=0)],
)
def test_forced_sites_are_the_same_by_way_of_a_callset(tmp_path, gvcfs, intervals):
    sheet, outs = str(sample_map(tmp_path, gvcfs[:4])), [tmp_path / "one.vcf.gz", tmp_path / "other.vcf.gz"]
    for out, url in zip(outs, (None, str(tmp_path / "callset")), strict=True):
        plan = pipeline.JointOptions(
            listed=sheet,
            reference_url=str(DATA / "reference.fa"),
            out_url=str(out),
            intervals=intervals,
            callset_url=url,
        )
        steps.joint(plan, progress=Silent())
    assert records(outs[0]) == records(outs[1])
    assert len(records(outs[0])) > 60


@pytest.mark.parametrize(
    "choice", ["inline", "processes:2", pytest.param("local:processes=2,threads=1", marks=pytest.mark.slow)]
)
def test_an_export_has_equal_bytes_wherever_its_shards_are_rendered(tmp_path, made, choice):
    with open_scatter(choice) as scatter:
        receipt = steps.export(made.callset, str(tmp_path / "calls.vcf.gz"), scatter=scatter, progress=Silent())
    assert (tmp_path / "calls.vcf.gz").read_bytes() == made.vcf.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.vcf.gz", "calls.vcf.gz.tbi"]
    assert receipt.balance["kept"] == open_callset(made.callset).counts["sites"]


@pytest.mark.slow
def test_a_killed_export_goes_on_with_what_is_missing(tmp_path, made, monkeypatch):
    out, module = tmp_path / "calls.vcf.gz", importlib.import_module("genocloud.callset.vcf_export")
    with open_scatter("inline") as scatter:
        with monkeypatch.context() as patch:
            patch.setattr(module, "join_parts", lambda *_, **__: exit(9))
            with pytest.raises(SystemExit):
                steps.export(made.callset, str(out), scatter=scatter, progress=Silent())
        assert not out.exists()
        (tmp_path / "calls.vcf.gz.parts" / ".genocloud-draft-of-the-killed-run").write_bytes(b"half a part")
        monkeypatch.setattr(
            module, "stored_pieces", lambda *_, **__: pytest.fail("a finished shard was rendered again")
        )
        steps.export(made.callset, str(out), scatter=scatter, progress=Silent())
    assert out.read_bytes() == made.vcf.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.vcf.gz", "calls.vcf.gz.tbi"]


def test_an_export_of_intervals_has_just_the_records_inside(tmp_path, made):
    bed, out = tmp_path / "some.bed", tmp_path / "calls.vcf.gz"
    bed.write_text("chr1\t20000\t30000\nchr2\t0\t5000\n")
    with open_scatter("threads:2") as scatter:
        some = pipeline.ExportOptions(intervals=Intervals(included=(str(bed), "chr1:25000-40000", "chrM")))
        receipt = steps.export(made.callset, str(out), scatter=scatter, progress=Silent(), options=some)
    stored_callset = open_callset(made.callset)
    inside = [stored_callset.sites(region)["pos"].to_pylist() for region in ("chr1:20001-40000", "chr2:1-5000", "chrM")]
    rows = [line.split("\t") for line in records(out) if not line.startswith("#")]
    assert [int(line[1]) for line in rows] == [pos for positions in inside for pos in positions]
    assert set(map("\t".join, rows)) < set(records(made.vcf))
    assert receipt.balance["taken"] == len(rows)
    with pysam.TabixFile(str(out)) as indexed:
        assert indexed.contigs == ["chr1", "chr2", "chrM"]
