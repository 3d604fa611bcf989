"""A callset does not depend on how the work was cut: batches, windows, parts, workers, one ingest or several."""

import importlib
from pathlib import Path

import pytest

from genocloud import pipeline, steps
from genocloud.callset import open_callset
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.receipts import Unbalanced
from genocloud.scatter.progress import Silent
from tests.conftest import DATA, make_callset, sample_map
from tests.support.decoded_callsets import records, tables


@pytest.mark.parametrize(
    ("storing", "choice"),
    [
        pytest.param(pipeline.IngestOptions(batch_size=1), "inline", marks=pytest.mark.slow),
        pytest.param(pipeline.IngestOptions(batch_size=3, window_bp=7_001), "threads:2", marks=pytest.mark.slow),
        (pipeline.IngestOptions(batch_size=3, window_bp=40_009), "threads:2"),
        pytest.param(
            pipeline.IngestOptions(batch_size=5, part_bp=1_000_000, window_bp=50_000),
            "local:processes=2,threads=1",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_cuts_and_workers_do_not_change_a_value(tmp_path, made, gvcfs, storing, choice):
    other = make_callset(tmp_path, [sample_map(tmp_path, gvcfs)], storing, choice)
    assert records(other.vcf) == records(made.vcf)
    assert tables(other.callset) == tables(made.callset)


def test_samples_that_come_later_give_what_one_ingest_gives(tmp_path, made, gvcfs):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    sheets = [sample_map(folder, chosen) for folder, chosen in zip(folders, (gvcfs[:5], gvcfs[5:]), strict=True)]
    grown = make_callset(tmp_path, sheets, pipeline.IngestOptions())
    assert records(grown.vcf) == records(made.vcf)


@pytest.mark.slow
def test_a_sample_whose_file_has_changed_takes_its_own_place(tmp_path, gvcfs):
    """p09 is called anew (here: becomes p14's file); the outcome is that of a cohort that never held the old one."""
    folders = [tmp_path / name for name in ("before", "after", "grown", "fresh")]
    for folder in folders:
        folder.mkdir()
    before, after, grown, fresh = folders
    old = sample_map(before, gvcfs[:4])
    new = after / "samples.map"
    new.write_text(old.read_text().replace(str(gvcfs[2]), str(gvcfs[7])))
    complete = pipeline.IngestOptions(complete=True, batch_size=2)
    assert records(make_callset(grown, [old, new], complete).vcf) == records(make_callset(fresh, [new], complete).vcf)
    back = make_callset(grown, [old], complete)
    assert records(back.vcf) == records(make_callset(before, [old], complete).vcf)


def files(folder: str) -> dict[Path, bytes]:
    """The bytes of a store's objects; where a cohort's callsets lie is no artifact."""
    paths = {path.relative_to(folder): path for path in Path(folder).rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if name.parts[0] != "callsets"}


def test_equal_inputs_give_equal_bytes(tmp_path, made, gvcfs):
    again = make_callset(tmp_path, [sample_map(tmp_path, gvcfs)], pipeline.IngestOptions())
    for one, other in ((made.cohort, again.cohort), (made.callset, again.callset)):
        assert files(one) == files(other)
    assert again.vcf.read_bytes() == made.vcf.read_bytes()


@pytest.mark.parametrize(
    "regions",
    [
        ["chr1:20001-30000"],
        ["chr1:507", "chr1:508-2113", "chrX:30,503-40,000", "chrM"],
        ["chr1:14354", "chr1:14397-14598"],
    ],
)
def test_regions_give_just_the_whole_genomes_records(tmp_path, made, gvcfs, regions):
    out = tmp_path / "part.vcf.gz"
    plan = pipeline.JointOptions(
        listed=str(sample_map(tmp_path, gvcfs)),
        reference_url=str(DATA / "reference.fa"),
        out_url=str(out),
        intervals=pipeline.Intervals(included=tuple(regions)),
        threads=2,
    )
    steps.joint(plan, progress=Silent())
    stored_callset = open_callset(made.callset)
    inside = [(row["contig"], row["pos"]) for region in regions for row in stored_callset.sites(region).to_pylist()]
    header = [line for line in records(made.vcf) if line.startswith("#")]
    wanted = {f"{contig}\t{pos}\t" for contig, pos in inside}
    expected = [line for line in records(made.vcf) if any(line.startswith(place) for place in wanted)]
    assert records(out) == header + expected
    assert expected


def test_a_killed_runs_folder_serves_other_regions_and_a_shorter_sheet(tmp_path, made, gvcfs, monkeypatch):
    """What an unfinished run has left is used as far as it fits, and no further."""
    out, reference = tmp_path / "part.vcf.gz", str(DATA / "reference.fa")
    module = importlib.import_module("genocloud.steps.joint")
    with monkeypatch.context() as killed:
        killed.setattr(module.callset, "join_parts", lambda *_: exit(9))
        with pytest.raises(SystemExit):
            steps.joint(
                pipeline.JointOptions(
                    listed=str(sample_map(tmp_path, gvcfs)),
                    reference_url=reference,
                    out_url=str(out),
                    intervals=pipeline.Intervals(included=("chr1:1-20000",)),
                ),
                progress=Silent(),
            )
    plan = pipeline.JointOptions(
        listed=str(sample_map(tmp_path, gvcfs)),
        reference_url=reference,
        out_url=str(out),
        intervals=pipeline.Intervals(included=("chr1:1-60000",)),
    )
    with monkeypatch.context() as killed:
        killed.setattr(module.WorkFolder, "remove", lambda _: exit(9))
        with pytest.raises(SystemExit):
            steps.joint(plan, progress=Silent())
    wanted = open_callset(made.callset).sites("chr1:1-60000").num_rows
    assert sum(not line.startswith("#") for line in records(out)) == wanted
    few = pipeline.JointOptions(
        listed=str(sample_map(tmp_path, gvcfs[:2])),
        reference_url=reference,
        out_url=str(out),
        intervals=pipeline.Intervals(included=("chr1:1-20000",)),
    )
    _, receipt = steps.joint(few, progress=Silent())
    assert receipt.figures["samples"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.vcf.gz", "part.vcf.gz.tbi", "samples.map"]


def test_a_site_that_annotation_loses_is_noticed(tmp_path, gvcfs, monkeypatch):
    module = importlib.import_module("genocloud.pipeline.genotyping.shard_completion")
    annotate = module.genotypes.annotate
    monkeypatch.setattr(
        module.genotypes, "annotate", lambda *arguments: (annotate(*arguments)[0][:-1], annotate(*arguments)[1])
    )
    with pytest.raises(Unbalanced):
        make_callset(tmp_path, [sample_map(tmp_path, gvcfs[:2])], pipeline.IngestOptions(), "inline")


def test_a_fused_run_leaves_the_vcf_and_its_index_alone(tmp_path, made, gvcfs):
    out = tmp_path / "out" / "calls.vcf.gz"
    plan = pipeline.JointOptions(
        listed=str(sample_map(tmp_path, gvcfs)), reference_url=str(DATA / "reference.fa"), out_url=str(out), threads=2
    )
    summary, receipt = steps.joint(plan, progress=Silent())
    assert out.read_bytes() == made.vcf.read_bytes()
    assert sorted(path.name for path in out.parent.iterdir()) == ["calls.vcf.gz", "calls.vcf.gz.tbi"]
    assert receipt.balance["kept"] == len(open_callset(made.callset).sites())
    assert str(out) in summary


def test_a_region_without_a_site_gives_a_vcf_without_a_record(tmp_path, gvcfs):
    out = tmp_path / "none.vcf.gz"
    samples = sample_map(tmp_path, gvcfs[:2])
    plan = pipeline.JointOptions(
        listed=str(samples),
        reference_url=str(DATA / "reference.fa"),
        out_url=str(out),
        intervals=Intervals(included=("chrY:1-900",)),
    )
    _, receipt = steps.joint(plan, progress=Silent())
    assert receipt.balance == {"unit": "sites", "taken": 0, "kept": 0, "dropped": {}}
    assert all(line.startswith("#") for line in records(out))
