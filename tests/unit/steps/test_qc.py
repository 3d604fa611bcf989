"""genocloud qc: the folder that it writes, its receipt, and what it refuses."""

import json
import shutil
import subprocess
from dataclasses import replace

import pytest

import genocloud
from genocloud import sealing
from genocloud.cli import main
from genocloud.errors import UnreadableFile
from tests.conftest import DATA
from tests.support import dense_callset, small_callset
from tests.support.drawn_cohort import DrawnCohort, family

TABLES = {
    "samples",
    "sex",
    "pairs",
    "het",
    "components",
    "trios",
    "mendelian",
    "sites",
    "outliers",
    "batches",
    "flags",
    "alarms",
    "ancestry",
}


def run(callset, out, *words: str) -> int:
    return main(["qc", str(callset), str(out), "--scatter", "inline", "--quiet", *words])


def rows(path) -> list[dict[str, str]]:
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


@pytest.fixture(scope="module")
def checked(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("checked")
    options = ["--samples", str(DATA / "samples.tsv"), "--par", "chrX:1-12000", "--receipt", str(out / "qc.json")]
    assert run(made.callset, out, *options) == 0
    return out


def test_each_table_is_there_as_text_and_as_parquet(checked):
    assert {path.stem for path in checked.glob("*.parquet")} == TABLES
    for name in TABLES:
        with (checked / f"{name}.parquet").open("rb") as stream:
            table = sealing.reader(stream).read()
        assert len(rows(checked / f"{name}.tsv")) == table.num_rows


def test_the_receipt_balances_in_samples(checked):
    receipt = json.loads((checked / "qc.json").read_text())
    assert receipt["balance"] == {"unit": "samples", "taken": 8, "kept": 8, "dropped": {}}
    assert receipt["figures"]["set_sites_autosomes"] > 0
    assert all(str(checked) in name for name in receipt["outputs"])


def test_sexes_are_those_of_the_sheet(checked):
    sexes = rows(checked / "sex.tsv")
    assert [row["sex"] for row in sexes] == [row["sheet_sex"] for row in sexes]
    assert {row["karyotype"] for row in sexes} == {"XX", "XY"}
    assert rows(checked / "flags.tsv") == []


def test_a_sheet_with_another_sex_is_flagged(made, tmp_path):
    pedigree = tmp_path / "family.ped"
    pedigree.write_text("#fid iid father mother sex\nf1 p07 0 0 2 0\nf2 p08 0 0 0 0\n")
    assert run(made.callset, tmp_path / "out", "--pedigree", str(pedigree), "--par", "chrX:1-12000") == 0
    (flag,) = rows(tmp_path / "out" / "flags.tsv")
    assert (flag["sample"], flag["check"], flag["value"], flag["limit"]) == ("p07", "sex", "male", "female")


def test_python_writes_the_same(made, checked, tmp_path):
    genocloud.check_samples(made.callset, tmp_path, samples=DATA / "samples.tsv", par=["chrX:1-12000"], threads=2)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in checked.iterdir() if path.name != "qc.json")
    assert [name for name in names if (tmp_path / name).read_bytes() != (checked / name).read_bytes()] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [("f1 p07 0\n", "line 1 has 3 columns"), ("f p07 0 0 1\nf p07 0 0 1\n", "line 2 names p07 a second time")],
)
def test_a_bad_pedigree_is_named(made, tmp_path, text, problem):
    pedigree = tmp_path / "bad.ped"
    pedigree.write_text(text)
    with pytest.raises(UnreadableFile, match=problem):
        genocloud.check_samples(made.callset, tmp_path / "out", pedigree=pedigree, threads=1)
    assert run(made.callset, tmp_path / "out", "--pedigree", str(pedigree)) == 3


def test_multiqc_knows_the_files_by_their_contents(checked):
    """What MultiQC 1.35 looks for; tests/conformance/test_multiqc.py runs it on such a folder."""
    texts = {path.name: path.read_text() for path in checked.iterdir() if path.suffix not in (".parquet", ".json")}
    assert "This file was produced by bcftools stats" in texts["bcftools_stats.txt"]
    assert "## METRICS CLASS\tpicard.vcf.CollectVariantCallingMetrics$VariantCallingDetailMetrics" in next(
        text for name, text in texts.items() if name.endswith(".variant_calling_detail_metrics")
    )
    pairs, people = (
        next(text for name, text in texts.items() if name.endswith(f".somalier.{kind}.tsv"))
        for kind in ("pairs", "samples")
    )
    assert "hom_concordance" in pairs.splitlines()[0]
    assert people.startswith("#family_id\t")
    for text in (pairs, people):
        assert len({line.count("\t") for line in text.splitlines()}) == 1
    for kind, between in (("ped_check.csv", ","), ("sex_check.csv", ","), ("het_check.csv", ","), ("peddy.ped", "\t")):
        header, *lines = next(text for name, text in texts.items() if name.endswith(f".{kind}")).splitlines()
        assert {"sample_id", "sample_a"} & set(header.split(between))
        assert {line.count(between) for line in lines} <= {header.count(between)}
    sections = {path.name: json.loads(path.read_text()) for path in checked.glob("*_mqc.json")}
    assert {"sample_metrics_mqc.json", "components_mqc.json"} <= sections.keys()
    assert all(section["data"] and section["plot_type"] and section["id"] for section in sections.values())


def test_filters_of_the_callset_count(made, tmp_path):
    callset = tmp_path / "callset"
    shutil.copytree(made.callset, callset)
    assert run(callset, tmp_path / "before") == 0
    assert main(["filter", str(callset), "--filter", "mine=QD<1000", "--scatter", "inline", "--quiet"]) == 0
    assert run(callset, tmp_path / "after") == 0
    before, after = (rows(tmp_path / name / "sites.tsv") for name in ("before", "after"))
    assert len(after) < len(before)


@pytest.mark.skipif(not shutil.which("plink2"), reason="plink2 is not on the PATH")
def test_plink2_has_the_same_kinship_of_the_exported_callset(made, tmp_path):
    assert run(made.callset, tmp_path / "out", "--min-kinship", "-9", "--par", "chrX:1-12000") == 0
    autosomal = [row for row in rows(tmp_path / "out" / "sites.tsv") if row["contig"] in ("chr1", "chr2")]
    bed = tmp_path / "sites.bed1"
    bed.write_text("".join(f"{row['contig']}\t{row['pos']}\t{row['pos']}\n" for row in autosomal))
    table = ["--make-king-table", "counts", "cols=id,nsnp,hethet,ibs0,ibs1,kinship", "--het", "--bad-freqs"]
    command = ["plink2", "--vcf", str(made.vcf), "--extract", "bed1", str(bed), "--chr", "1,2", *table]
    command += ["--threads", "1", "--out", str(tmp_path / "plink")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # IID1 is the later sample there, and yet HET1_HOM2 counts where the earlier one is heterozygous.
    theirs = {
        (row["IID2"], row["#IID1"]): [
            row[name] for name in ("NSNP", "HETHET", "IBS0", "HET1_HOM2", "HET2_HOM1", "KINSHIP")
        ]
        for row in rows(tmp_path / "plink.kin0")
    }
    ours = {
        (row["IID1"], row["IID2"]): [
            row[name] for name in ("NSNP", "HETHET", "IBS0", "HET1HOM2", "HET2HOM1", "KINSHIP")
        ]
        for row in rows(tmp_path / "out" / "pairs.tsv")
    }
    assert theirs.keys() == ours.keys()
    for pair, counts in theirs.items():
        assert [int(count) for count in ours[pair][:5]] == [int(count) for count in counts[:5]]
        assert float(ours[pair][5]) == pytest.approx(float(counts[5]), abs=1e-5)
    het = {row["#IID"]: row for row in rows(tmp_path / "plink.het")}
    for row in rows(tmp_path / "out" / "het.tsv"):
        assert int(row["O(HOM)"]) == int(het[row["IID"]]["O(HOM)"])
        assert float(row["F"]) == pytest.approx(float(het[row["IID"]]["F"]), abs=1e-4)


def test_each_sample_has_its_batch_site_and_caller(made, tmp_path):
    """The caller is that of its gVCF, which `genotype` took from the cohort; the site is the sheet's."""
    named = {name: f"at {name}" for name in genocloud.open_callset(made.callset).samples[:2]}
    lines = ["sample\tgvcf\tsite", *(f"{name}\t{name}.g.vcf.gz\t{site}" for name, site in named.items())]
    (tmp_path / "sheet.tsv").write_text("\n".join(lines) + "\n")
    assert run(made.callset, tmp_path / "out", "--samples", str(tmp_path / "sheet.tsv")) == 0
    own = {row["sample"]: row for row in rows(tmp_path / "out" / "samples.tsv")}
    assert {row["caller"] for row in own.values()} == {"gatk"}
    assert {name: row["site"] for name, row in own.items() if row["site"]} == named
    assert all(row["batch"] for row in own.values())


def test_batches_and_workers_do_not_show(tmp_path):
    people = [person for number in range(4) for person in family(f"F{number:02}", 4 * number, "b0")]
    cut = [replace(person, batch=f"b{number % 3}") for number, person in enumerate(people)]
    folders = []
    for name, members, where in (("one", people, "inline"), ("three", cut, "threads:2")):
        DrawnCohort.drawn(7, members).write(str(tmp_path / name / "callset"))
        assert (
            main(["qc", str(tmp_path / name / "callset"), str(tmp_path / name / "out"), "--scatter", where, "--quiet"])
            == 0
        )
        folders.append(tmp_path / name / "out")
    names = [
        path.name for path in folders[0].iterdir() if "samples" not in path.name and "sample_metrics" not in path.name
    ]
    assert [name for name in names if (folders[0] / name).read_bytes() != (folders[1] / name).read_bytes()] == []


def test_a_callset_of_version_3_has_the_same_tables(tmp_path):
    dense = dense_callset.write(str(tmp_path / "dense"))
    sparse = small_callset.write(str(tmp_path / "sparse"))
    assert dense.samples == sparse.samples
    for name in ("dense", "sparse"):
        assert run(tmp_path / name, tmp_path / f"{name}.out") == 0
    for name in ("sex.tsv", "pairs.tsv", "bcftools_stats.txt", "sites.tsv"):
        assert (tmp_path / "dense.out" / name).read_text() == (tmp_path / "sparse.out" / name).read_text()


def test_what_an_earlier_run_showed_does_not_stay(made, tmp_path):
    """The sites are too few for the first run, so that there is an alarm."""
    assert run(made.callset, tmp_path, "--set-sites", "100") == 0
    assert (tmp_path / "cohort_alarms_mqc.json").exists()
    assert run(made.callset, tmp_path) == 0
    assert rows(tmp_path / "alarms.tsv") == []
    assert not (tmp_path / "cohort_alarms_mqc.json").exists()


def test_ancestry_is_that_of_the_nearest_who_are_known(made, tmp_path, capsys):
    names = genocloud.open_callset(made.callset).samples
    known, bare = tmp_path / "known.tsv", tmp_path / "bare.tsv"
    known.write_text(
        "sample\tancestry\n" + "".join(f"{name}\t{'AB'[row % 2]}\n" for row, name in enumerate(names[:-1]))
    )
    bare.write_text("sample\tsex\n" + "".join(f"{name}\tmale\n" for name in names))
    words = ["qc", str(made.callset), str(tmp_path / "qc"), "--scatter", "inline", "-q", "--ancestry"]
    assert main([*words, str(known)]) == 0
    header, *rows = [line.split("\t") for line in (tmp_path / "qc/ancestry.tsv").read_text().splitlines()]
    assert header == ["sample", "known", "ancestry", "share"]
    assert [row[0] for row in rows] == list(names)
    assert rows[-1][1] == ""
    assert {row[2] for row in rows} <= {"A", "B", "other"}
    assert main([*words, str(bare)]) == 3
    assert "no column `ancestry`" in capsys.readouterr().err
