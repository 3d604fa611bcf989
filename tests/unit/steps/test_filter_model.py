"""genocloud filter with resources: scores of a model, from the callset itself, whatever the shards and workers."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pysam
import pytest

import genocloud
from genocloud import callset
from genocloud.cli import main
from genocloud.pipeline.filtering import model_training
from tests.support import small_callset
from tests.support.model_callset import LABELS, build, write_known


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model")
    whole = build(str(made / "whole"), ())
    write_known(whole, made / "known.vcf")
    return made


def run(url: str | Path, *words: str) -> int:
    return main(["filter", str(url), *words, "-q"])


@pytest.mark.parametrize("scatter", ["threads:1", "processes:2"])
def test_scores_do_not_depend_on_shards_or_workers(folder, scatter):
    known = str(folder / "known.vcf.gz")
    assert run(folder / "whole", "--resource", LABELS, known) == 0
    cut = folder / f"cut-{scatter[0]}"
    build(str(cut), (200_000, 200_010, 600_000))
    assert run(cut, "--resource", LABELS, known, "--scatter", scatter) == 0
    said, other = (genocloud.open_callset(url).filters() for url in (folder / "whole", cut))
    assert said.equals(other)
    assert len(set(said["SCORE"].to_pylist())) > 50


def test_the_filters_are_what_the_sensitivities_say(folder):
    high = ["-f", "high=AS_CALIBRATION_SENSITIVITY >= 0.9"]
    assert run(folder / "whole", "--resource", LABELS, str(folder / "known.vcf.gz"), "--preset", "vets", *high) == 0
    made = genocloud.open_callset(folder / "whole")
    limits, counted = {"high_CALIBRATION_SENSITIVITY_SNP": 0.997, "high_CALIBRATION_SENSITIVITY_INDEL": 0.99}, 0
    for row, site in zip(made.filters().to_pylist(), made.sites().to_pylist(), strict=True):
        by_alt = zip(site["alts"], row["AS_FilterStatus"], row["AS_CALIBRATION_SENSITIVITY"], strict=True)
        for alt, status, sensitivity in by_alt:
            is_indel = alt != "*" and len(alt) != len(site["ref"])
            names = {
                name for name, limit in limits.items() if (sensitivity or 0) > limit and ("INDEL" in name) == is_indel
            }
            names |= {"high"} if (sensitivity or 0) >= 0.9 else set()
            assert set(status.split("&")) - {"LowQual", "PASS"} == names
            counted += bool(names)
        scores = [each for each in row["AS_SCORE"] if each is not None]
        assert row["SCORE"] == (max(scores) if scores else None)
    assert counted > 5


def test_labels_are_those_of_the_resources_that_know_the_site(folder):
    """LowQual sites get none by their own filter, filtered records of a resource give none."""
    words = ["--resource", "a,training=true", str(folder / "known.vcf.gz")]
    assert run(folder / "whole", *words, "-f", "low=SCORE < -0.7", "-an", "QD", "-an", "FS") == 0
    labels = genocloud.open_callset(folder / "whole").filters()["labels"].to_pylist()
    for number, each in enumerate(labels):
        assert set(each) == ({"training"} if number % 2 == 0 and number % 10 else {None}), number


def test_without_calibration_there_is_a_score_and_no_sensitivity(folder):
    words = ["--resource", "a,training=true", str(folder / "known.vcf.gz")]
    assert run(folder / "whole", *words, "-f", "low=SCORE < -0.5", "-an", "QD", "-an", "FS") == 0
    said = genocloud.open_callset(folder / "whole").filters()
    assert pc.all(pc.is_null(said["CALIBRATION_SENSITIVITY"])).as_py()
    scores = np.array([np.nan if each is None else each for each in said["SCORE"].to_pylist()])
    low = np.array(["low" in text.split(";") for text in said["filter"].to_pylist()])
    assert low.tolist() == (scores < -0.5).tolist()


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["--preset", "vets"], 5, "AS_CALIBRATION_SENSITIVITY"),
        (["-f", "long=REPEAT > 5"], 5, "name it (--reference FASTA)"),
        (["--resource", "a,training=true", "KNOWN", "-an", "REPEAT"], 5, "name it (--reference FASTA)"),
        (["-f", "long=REPEAT > 5", "-R", "no/such.fa"], 3, "no/such.fa"),
        (["--resource", "a,training", "KNOWN"], 5, "write NAME,training=true"),
        (["--resource", "a,training=true", "KNOWN", "--trained-on"], 5, "give one of them"),
        (["--trained-on", "QDD < 2"], 5, "did you mean QD?"),
        (["--trained-on", "QUAL < 0"], 3, "is true of fewer than two"),
        (["--resource", "a,training=true", "no/such.vcf.gz"], 3, "no/such.vcf.gz"),
        (["--resource", "a,training=true", "OTHER"], 3, "none of its contigs"),
        (["--resource", "a,calibration=true", "KNOWN"], 5, "no resource (a) has training=true"),
        (["--resource", "a,training=true", "ELSEWHERE"], 3, "no variant there is one of the callset's"),
        (["--resource", "a,training=true", "KNOWN", "-an", "QDD"], 5, "did you mean QD?"),
    ],
)
def test_what_cannot_be_trained_is_refused(folder, tmp_path, capsys, words, code, problem):
    places, url = {"KNOWN": str(folder / "known.vcf.gz")}, str(folder / "whole")
    for name, contig in (("OTHER", "z"), ("ELSEWHERE", genocloud.open_callset(url).contigs[0].name)):
        vcf = tmp_path / f"{name}.vcf"
        columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
        vcf.write_text(f"##fileformat=VCFv4.2\n##contig=<ID={contig}>\n{columns}\n{contig}\t1\t.\tA\tC\t.\t.\t.\n")
        places[name] = pysam.tabix_index(str(vcf), preset="vcf", force=True)
    before = small_callset.contents(url)
    assert run(url, *(places.get(word, word) for word in words)) == code
    assert problem in capsys.readouterr().err
    assert small_callset.contents(url) == before


def test_a_type_without_training_variants_has_no_scores(folder, tmp_path, caplog):
    """And a warning says so."""
    made = genocloud.open_callset(folder / "whole")
    path = tmp_path / "snps.vcf"
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=chr1>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    sites = made.sites(columns=["pos", "ref", "alts"]).to_pylist()
    lines += [
        f"chr1\t{row['pos']}\t.\t{row['ref']}\t{','.join(row['alts'])}\t.\t.\t."
        for row in sites
        if all(len(alt) == len(row["ref"]) for alt in row["alts"])
    ]
    path.write_text("\n".join(lines) + "\n")
    known = str(pysam.tabix_index(str(path), preset="vcf", force=True))
    assert run(folder / "whole", "--resource", LABELS, known, "-an", "QD", "-an", "FS") == 0
    assert "INDEL: 0 variants to train on" in caplog.text
    scored = [each is not None for each in made.filters()["SCORE"].to_pylist()]
    snps = [all(len(alt) == len(row["ref"]) for alt in row["alts"]) for row in sites]
    low = [each == "LowQual" for each in made.sites()["filter"].to_pylist()]
    assert scored == [snp and not filtered for snp, filtered in zip(snps, low, strict=True)]


def test_a_model_is_trained_on_the_callsets_own_alleles(folder, tmp_path):
    """At even positions; calibrated at odd ones; what is trained on is told by genotypes, regions, annotations."""
    bed, receipt = tmp_path / "some.bed", tmp_path / "receipt.json"
    bed.write_text("chr1\t0\t500000\n")
    words = ["--trained-on", "HALF && N_MISSING < 2 && QUAL > 0", "--regions", f"HALF={bed}", "-an", "QD", "-an", "FS"]
    high = ["-f", "high=CALIBRATION_SENSITIVITY > 0.9", "--receipt", str(receipt)]
    assert run(folder / "whole", *words, *high) == 0
    made = genocloud.open_callset(folder / "whole")
    missing = Counter(row["pos"] for row in made.genotypes(columns=["pos", "GT"]).to_pylist() if "." in row["GT"])
    trained = Counter()
    for row, site in zip(made.filters().to_pylist(), made.sites().to_pylist(), strict=True):
        good = site["pos"] <= 500_000 and missing[site["pos"]] < 2 and (site["qual"] or 0) > 0
        label = ("training", "calibration")[site["pos"] % 2] if good else None
        assert set(row["labels"]) == {label}
        if label and site["filter"] is None:
            snp = all(len(alt) == len(site["ref"]) for alt in site["alts"])
            trained["SNP" if snp else "INDEL", label] += 1
    counts = json.loads(receipt.read_text())["figures"]["model"]
    assert {(kind, label): count for kind, each in counts.items() for label, count in each.items() if count} == trained
    other = folder / "cut-own"
    build(str(other), (200_000, 600_000))
    assert run(other, *words, *high) == 0
    assert made.filters().equals(genocloud.open_callset(other).filters())


def test_of_many_sites_some_train_the_model_wherever_shards_end(folder, tmp_path, monkeypatch):
    words, counts = ["--trained-on", "QUAL > 0", "-an", "QD", "-an", "FS"], {}
    build(str(folder / "cut-drawn"), (200_000, 600_000))
    for most, name in ((200, "whole"), (80, "whole"), (80, "cut-drawn")):
        monkeypatch.setattr(model_training, "MOST_SITES", most)
        assert run(folder / name, *words, "--receipt", str(tmp_path / "receipt.json")) == 0
        figures = json.loads((tmp_path / "receipt.json").read_text())["figures"]["model"]
        counts[most, name] = sum(count for each in figures.values() for count in each.values())
    assert 0.3 < counts[80, "whole"] / counts[200, "whole"] < 0.7
    assert counts[80, "whole"] == counts[80, "cut-drawn"]
    one, other = (genocloud.open_callset(folder / name).filters() for name in ("whole", "cut-drawn"))
    assert one.equals(other)


def test_the_receipt_counts_changes_by_verdict(folder, tmp_path):
    receipt = tmp_path / "receipt.json"
    assert run(folder / "whole", "-f", "low=QUAL < 100", "--receipt", str(receipt)) == 0
    made, expected = genocloud.open_callset(folder / "whole"), Counter()
    for row, site in zip(made.filters().to_pylist(), made.sites().to_pylist(), strict=True):
        for alt, copies, status in zip(site["alts"], site["AC"] or [0] * 9, row["AS_FilterStatus"], strict=False):
            verdict = "PASS" if status == "PASS" else "filtered"
            if len(site["ref"]) == len(alt) == 1 and alt != "*":
                is_transition = {site["ref"], alt} in ({"A", "G"}, {"C", "T"})
                expected[verdict, "transitions" if is_transition else "transversions"] += 1
            expected[verdict, "singletons"] += copies == 1 and alt != "*"
    changes = json.loads(receipt.read_text())["figures"]["changes"]
    said = {(one, two): count for one, each in changes.items() for two, count in each.items() if "zygous" not in two}
    assert said == +expected


@pytest.mark.parametrize("scatter", ["threads:1", "processes:2"])
def test_sums_over_genotypes_are_features(folder, tmp_path, scatter):
    """Whatever the shards; the receipt says with which scikit-learn, and nothing else of them stays."""
    receipt = tmp_path / "receipt.json"
    words = ["--resource", LABELS, str(folder / "known.vcf.gz"), "--receipt", str(receipt)]
    assert run(folder / "whole", *words) == 0
    made = genocloud.open_callset(folder / "whole")
    plain = made.filters()["AS_SCORE"].to_pylist()
    assert run(folder / "whole", *words, "-an", "cohort") == 0
    said = made.filters()
    assert said["AS_SCORE"].to_pylist() != plain
    assert json.loads(receipt.read_text())["figures"]["scikit-learn"] == version("scikit-learn")
    other = folder / f"cut-sums-{scatter[0]}"
    build(str(other), (200_000, 600_000))
    assert run(other, *words, "-an", "cohort", "--scatter", scatter) == 0
    assert genocloud.open_callset(other).filters().equals(said)
    assert not list(other.rglob("filter_sums/*/*"))


DIES = """
import os, sys
from genocloud import callset
from genocloud.cli import main
from genocloud.filters import vets
setattr({module}, "{name}", lambda *_: os.kill(os.getpid(), 9))
main(["filter", *sys.argv[1:], "-q"])
"""


@pytest.mark.parametrize(("module", "name"), [("vets", "train"), ("callset", "publish_filters")])
def test_what_a_killed_run_leaves_goes_with_the_next(folder, tmp_path, module, name):
    """kill -9: sums lie in a folder of their own, beside the callset's tables."""
    url = shutil.copytree(folder / "whole", tmp_path / "callset")
    assert run(url, "-f", "low=QUAL < 50") == 0
    tables, said = set(url.glob("filters/*/*.parquet")), genocloud.open_callset(url).filters()
    words = [str(url), "--resource", LABELS, str(folder / "known.vcf.gz"), "-an", "cohort", "--scatter", "inline"]
    ended = subprocess.run([sys.executable, "-c", DIES.format(module=module, name=name), *words], check=False)
    assert ended.returncode == -9
    assert len(list(url.glob("filter_sums/*/*.parquet"))) == len(genocloud.open_callset(url).shards)
    assert (set(url.glob("filters/*/*.parquet")) == tables) == (name == "train")
    assert genocloud.open_callset(url).filters().equals(said)
    assert run(url, "-f", "low=QUAL < 50") == 0
    assert not list(url.rglob("filter_sums/*/*"))
    assert set(url.glob("filters/*/*.parquet")) == tables


def test_genotypes_are_read_once(folder, monkeypatch):
    reads = []
    batches = callset.Callset.batches
    monkeypatch.setattr(
        callset.Callset, "batches", lambda self, shard, *words: reads.append(shard.name) or batches(self, shard, *words)
    )
    words = ["--trained-on", "N_MISSING < 2", "-an", "AB", "-an", "QD", "-f", "few=N_HQ = 0", "--scatter", "threads:1"]
    assert run(folder / "whole", *words) == 0
    assert sorted(reads) == sorted(shard.name for shard in genocloud.open_callset(folder / "whole").shards)


def test_a_model_that_cannot_be_trained_leaves_the_callset_as_it_was(folder):
    before = small_callset.contents(str(folder / "whole"))
    assert run(folder / "whole", "--trained-on", "N_MISSING < 0", "-an", "AB") == 3
    assert small_callset.contents(str(folder / "whole")) == before


def test_genotypes_are_counted_by_tranche(folder, tmp_path):
    receipt = tmp_path / "receipt.json"
    known = ["--resource", LABELS, str(folder / "known.vcf.gz"), "-an", "cohort", "--receipt", str(receipt)]
    assert run(folder / "whole", *known) == 0
    made, expected = genocloud.open_callset(folder / "whole"), Counter()
    rows = {row["pos"]: row for row in made.filters().to_pylist()}
    alts = {row["pos"]: row["alts"] for row in made.sites().to_pylist()}
    for row in made.genotypes(columns=["pos", "GT"]).to_pylist():
        called = row["GT"].replace("|", "/").split("/")
        for allele in {int(each) for each in called if each not in (".", "0")}:
            if len(called) == 2 and "." not in called and alts[row["pos"]][allele - 1] != "*":
                which = "homozygous" if len(set(called)) == 1 else "heterozygous"
                value = rows[row["pos"]]["AS_CALIBRATION_SENSITIVITY"][allele - 1]
                passes = rows[row["pos"]]["AS_FilterStatus"][allele - 1] == "PASS"
                expected["PASS" if passes else "filtered", which] += 1
                if value is not None:
                    ends = [0, 0.9, 0.99, 0.997, 1]
                    place = sum(value > end for end in ends[1:-1])
                    expected[f"sensitivity {ends[place]:g} to {ends[place + 1]:g}", which] += 1
    changes = json.loads(receipt.read_text())["figures"]["changes"]
    counted = {(one, two): count for one, each in changes.items() for two, count in each.items() if "zygous" in two}
    assert counted == expected
    assert len(expected) > 4
