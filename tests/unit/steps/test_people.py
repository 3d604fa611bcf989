"""Samples as the command line lists them: a sheet, or gVCFs by name; and a cohort that joint keeps and grows."""

import gzip
import json
from pathlib import Path

import pytest

from genocloud import open_cohort, pipeline
from genocloud.cli import main
from genocloud.pipeline.sample_list import COMMAND_LINE, People, SampleTwice, read_people
from genocloud.samples import read_sheet
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA, sample_map

REFERENCE = str(DATA / "reference.fa")
REGION = ("-L", "chr1:1-20000", "--quiet")


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def people_of(*urls: Path | str) -> People:
    with open_scatter("inline") as scatter:
        return read_people(pipeline.sheet_or_gvcfs([str(url) for url in urls]), scatter, Silent())


def gvcf_of(path: Path, *names: str) -> Path:
    """A gVCF without records of samples with these names."""
    columns = "\t".join(["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t"), *names])
    text = f"##fileformat=VCFv4.2\n##contig=<ID=chr1,length=60000>\n{columns}\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_gvcfs_by_name_give_the_same_vcf_as_a_sheet(tmp_path, gvcfs):
    """In any order, with their indexes among them as `gvcf/*` lists these, and with -R for --reference."""
    by_sheet, by_name = tmp_path / "sheet.vcf.gz", tmp_path / "name.vcf.gz"
    few = gvcfs[:3]
    assert run("joint", sample_map(tmp_path, few), "--reference", REFERENCE, "-o", by_sheet, *REGION) == 0
    listed = [few[2], few[0], Path(f"{few[0]}.tbi"), few[1]]
    assert run("joint", *listed, "-R", REFERENCE, "-o", by_name, *REGION) == 0
    assert by_name.read_bytes() == by_sheet.read_bytes()


def test_one_file_is_distinguished_from_a_sheet_by_how_it_begins(tmp_path, gvcfs):
    plain = gvcf_of(tmp_path / "odd.tsv", "ann")
    assert [sample.sample for sample in people_of(plain).samples] == ["ann"]
    assert people_of(gvcfs[0]).source == COMMAND_LINE
    sheet = sample_map(tmp_path, gvcfs[:1])
    assert people_of(sheet) == People(str(sheet), read_sheet(str(sheet)))


def test_everybody_in_a_gvcf_of_several_takes_part(tmp_path):
    two = gvcf_of(tmp_path / "two.g.vcf.gz", "bob", "ann")
    named = [(one.sample, one.gvcf, one.name_in_gvcf) for one in people_of(two).samples]
    assert named == [("bob", str(two), "bob"), ("ann", str(two), "ann")]


def test_a_name_twice_names_both_files(tmp_path, capsys):
    one, other = gvcf_of(tmp_path / "1.g.vcf", "ann"), gvcf_of(tmp_path / "2.g.vcf", "ann")
    with pytest.raises(SampleTwice) as raised:
        people_of(one, other)
    assert raised.value.files == (str(one), str(other))
    assert run("ingest", tmp_path / "cohort", one, one, "-R", REFERENCE, "--quiet") == 3
    assert f"sample ann is in {one} twice; leave one out" in capsys.readouterr().err


def test_what_is_no_gvcf_among_gvcfs_is_refused(tmp_path, gvcfs, capsys):
    sheet = sample_map(tmp_path, gvcfs[:1])
    assert run("inputs", gvcfs[0], sheet, "-R", REFERENCE, "--quiet") == 3
    assert capsys.readouterr().err.endswith("name gVCFs only, or a single sample sheet\n")
    assert run("inputs", tmp_path / "nowhere.g.vcf.gz", "-R", REFERENCE, "--quiet") == 3
    assert "nowhere.g.vcf.gz" in capsys.readouterr().err


def test_a_name_that_cannot_be_kept_names_the_way_out(tmp_path, capsys):
    assert run("inputs", gvcf_of(tmp_path / "1.g.vcf", "../ann"), "-R", REFERENCE, "--quiet") == 3
    assert "name_in_gvcf" in capsys.readouterr().err


def test_a_kept_cohort_grows_and_is_genotyped_whole(tmp_path, gvcfs, capsys):
    """Three people, then one more by name: the VCF and the callset are those of all four at once."""
    whole, grown, callset, cohort = (tmp_path / name for name in ("whole.vcf.gz", "grown.vcf.gz", "callset", "cohort"))
    base = "-R", REFERENCE, *REGION
    assert run("joint", *gvcfs[:4], "-o", whole, *base) == 0
    keeping = "-o", grown, "--cohort", cohort, "--callset", callset, *base
    assert run("joint", sample_map(tmp_path, gvcfs[:3]), *keeping) == 0
    assert run("joint", gvcfs[3], *keeping) == 0
    assert str(cohort) in capsys.readouterr().err
    assert grown.read_bytes() == whole.read_bytes()
    assert [len(open_cohort(str(cohort), version).samples) for version in (1, 2)] == [3, 4]
    assert not grown.with_name("grown.vcf.gz.work").exists()
    again = tmp_path / "again.vcf.gz"
    assert run("joint", "--cohort", cohort, "-o", again, *base, "--receipt", tmp_path / "again.json") == 0
    assert again.read_bytes() == whole.read_bytes()
    inputs = json.loads((tmp_path / "again.json").read_text())["inputs"]
    assert inputs.keys() == {"cohort, version 2"}


def test_a_kept_cohort_loses_no_sample(tmp_path, gvcfs, capsys):
    """Other content under a known name is refused, unless --replace says so; another reference always is."""
    cohort, base = tmp_path / "cohort", ("-o", tmp_path / "a.vcf.gz", *REGION)
    command_line = "--cohort", cohort, *base
    assert run("joint", gvcfs[0], gvcfs[1], "-R", REFERENCE, *command_line) == 0
    before = open_cohort(str(cohort)).fingerprints()
    other = tmp_path / "other.g.vcf.gz"
    text = gzip.decompress(gvcfs[0].read_bytes()).replace(b":99:", b":98:")
    other.write_bytes(gzip.compress(text))
    assert run("joint", other, "-R", REFERENCE, *command_line) == 3
    assert "--replace" in capsys.readouterr().err
    assert open_cohort(str(cohort)).fingerprints() == before
    assert run("joint", other, "-R", REFERENCE, *command_line, "--replace") == 0
    after = open_cohort(str(cohort)).fingerprints()
    assert [name for name in after if after[name] != before[name]] == [gvcfs[0].name.partition(".")[0]]
    longer = tmp_path / "longer.fa"
    longer.write_bytes(Path(REFERENCE).read_bytes())
    Path(f"{longer}.fai").write_text(Path(f"{REFERENCE}.fai").read_text() + "chrZ\t4\t0\t4\t5\n")
    assert run("joint", gvcfs[2], "-R", longer, *command_line) == 3
    assert open_cohort(str(cohort)).fingerprints() == after


def test_a_cohort_in_the_place_of_an_output_is_refused(tmp_path, gvcfs, capsys):
    out = tmp_path / "a.vcf.gz"
    command_line = "joint", gvcfs[0], "-R", REFERENCE, "-o", out, *REGION
    for place in (out, f"{out}.work/cohort", f"{tmp_path}/x/../a.vcf.gz"):
        assert run(*command_line, "--cohort", place) == 5
        assert "the place of an output" in capsys.readouterr().err
    assert run(*command_line, "--callset", tmp_path / "callset") == 0
    before = sorted((tmp_path / "callset").rglob("*"))
    assert run(*command_line, "--cohort", tmp_path / "callset") == 4
    assert "a callset is here, not a cohort" in capsys.readouterr().err
    assert sorted((tmp_path / "callset").rglob("*")) == before
    assert run("joint", "-R", REFERENCE, "-o", out, "--cohort", tmp_path / "none", *REGION) == 4
    assert "no cohort is here" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("--replace", "a.g.vcf.gz")])
def test_too_little_is_a_usage_error(tmp_path, capsys, words):
    with pytest.raises(SystemExit) as ended:
        run("joint", "-R", REFERENCE, "-o", tmp_path / "a.vcf.gz", *words)
    assert ended.value.code == 2
    assert ("--cohort" if words else "sample sheet, or gVCFs") in capsys.readouterr().err
