"""The workflow with all its inputs, stores and outputs in a bucket of a real server: the records of a run on disk."""

import re
from pathlib import Path

import pytest
import yaml

from genocloud import open_callset, storage
from tests.workflow.small_cohort import DATA, ROOT, cut_gvcf, snakemake, write_cohort

pytestmark = [pytest.mark.workflow, pytest.mark.buckets, pytest.mark.timeout(1200)]


def upload(folder: Path, url: str) -> None:
    store = storage.open_store(url)
    for file in folder.rglob("*"):
        if file.is_file() and file.name != "config.yaml":
            store.write(file.relative_to(folder).as_posix(), file.read_bytes())


def write_config(folder: Path, url: str, before: dict) -> None:
    """The config of a run of which nothing lies on this machine but receipts and the gVCFs of called samples."""
    places = {"samples": f"{url}/in/samples.tsv", "reference": f"{url}/in/reference.fa"}
    places |= {"cohort": f"{url}/out/cohort", "callset": f"{url}/out/callset"}
    places |= {"pedigree": f"{url}/in/pedigree.ped"} if "pedigree" in before else {}
    places |= {"vcf": f"{url}/out/callset.vcf.gz", "report": f"{url}/out/report.html"}
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(before | places))


def run(folder: Path) -> str:
    done = snakemake(folder)
    assert done.code == 0, done.said
    return done.said


def contents(url: str) -> dict[str, bytes]:
    """What the callset holds and what was exported from it."""
    store = storage.open_store(url)
    names = [name for name in store.list("callset") if ".parts/" not in name]
    return {name: store.read(name) for name in names}


def ran(said: str) -> set[str]:
    """The rules that a run had to do, from Snakemake's table of jobs."""
    return set(re.findall(r"^([a-z_]+) +\d+$", said, re.M)) - {"total", "all"}


@pytest.fixture(params=["gs", "s3"])
def url(request):
    return request.getfixturevalue(f"{request.param}_url").replace(" ", "-")


@pytest.fixture(scope="session")
def demo_on_disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config |= {name: str(ROOT / config[name]) for name in ("samples", "reference", "pedigree")}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    run(folder)
    return folder, config


def test_the_demo(url, demo_on_disk, tmp_path):
    on_disk, config = demo_on_disk
    upload(DATA, f"{url}/in")
    write_config(tmp_path / "run", url, config)
    run(tmp_path / "run")
    assert contents(f"{url}/out") == contents(str(on_disk / "results"))
    assert storage.open_store(f"{url}/out").size("report.html") > 100_000
    assert open_callset(f"{url}/out/callset").samples == open_callset(str(on_disk / "results/callset")).samples
    on_this_machine = [file for file in (tmp_path / "run/results").glob("*") if file.is_file()]
    assert on_this_machine == []


@pytest.fixture
def small(url, tmp_path):
    write_cohort(tmp_path / "small")
    for index in ("", ".fai"):
        (tmp_path / f"small/reference.fa{index}").write_bytes((DATA / f"reference.fa{index}").read_bytes())
    upload(tmp_path / "small", f"{url}/in")
    write_config(tmp_path / "run", url, yaml.safe_load((tmp_path / "small/config.yaml").read_text()))
    return tmp_path / "run"


def test_what_has_gone_or_changed_in_a_bucket_is_seen(url, small, tmp_path):
    assert {"inputs", "call", "ingest", "genotype", "export", "report"} <= ran(run(small))
    outputs = contents(f"{url}/out")
    assert ran(run(small)) == set()

    store = storage.open_store(url)
    store.delete("out/callset.vcf.gz")
    said = run(small)
    assert "out/callset.vcf.gz is not what results/export/export.json vouches for" in said
    assert ran(said) == {"export", "report"}
    assert contents(f"{url}/out") == outputs

    cut_gvcf(DATA / "gvcf/p10.g.vcf.gz", tmp_path / "p10.g.vcf.gz")
    store.write("in/p10.g.vcf.gz", (tmp_path / "p10.g.vcf.gz").read_bytes())
    store.write("in/samples.tsv", store.read("in/samples.tsv") + b"p10\tp10.g.vcf.gz\t\tfemale\n")
    assert "call" not in ran(run(small))
    assert open_callset(f"{url}/out/callset").samples == ("p04", "p07", "p08", "p09", "p10")

    cut_gvcf(DATA / "gvcf/p08.g.vcf.gz", tmp_path / "p08.g.vcf.gz", bases=6_000)
    store.write("in/p08.g.vcf.gz", (tmp_path / "p08.g.vcf.gz").read_bytes())
    assert {"ingest", "genotype", "export"} <= ran(run(small))
    later = open_callset(f"{url}/out/callset").genotypes("chr2:6,501-12,000", ["p08"])
    assert set(later["GT"].to_pylist()) == {"./."}


def test_files_that_are_not_in_the_bucket_are_reported_before_any_job(url, small):
    store = storage.open_store(url)
    store.delete("in/p08.g.vcf.gz")
    done = snakemake(small)
    assert (done.code, "Traceback" in done.said, len(done.ours)) == (3, False, 1), done.said
    assert f"sample p08: no file {url}/in/p08.g.vcf.gz" in done.ours[0]
    assert not (small / "results").exists()
