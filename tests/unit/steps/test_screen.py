"""screen finds the faults that were planted and nothing else, and takes out who is to be taken out."""

import csv
import json
import sys
from pathlib import Path

import pytest

from genocloud import cohort, qc, schema, sealing, storage
from genocloud.errors import InputError, SettingError, StoreError, UnreadableFile
from genocloud.pipeline.intervals import Intervals
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.steps import ScreenOptions, screen
from tests.support.simulated_people import Person, Population, store

CLEAN = 20
FAULTS = (
    Person(name="some", genome=CLEAN, contamination=0.03, by=2),
    Person(name="much", genome=CLEAN + 1, copies_of_x=1, copies_of_y=1, contamination=0.08, by=5),
    Person(name="klinefelter", genome=CLEAN + 2, copies_of_x=2, copies_of_y=1),
    Person(name="shallow", genome=CLEAN + 3, depth=8),
    Person(name="again", genome=4, copies_of_x=1, copies_of_y=1),
    Person(name="torn", genome=CLEAN + 5, autosomes=[0]),
    Person(name="swapped", genome=CLEAN + 4, copies_of_x=1, copies_of_y=1),
)
SHEET = {"klinefelter": "male", "much": "male", "again": "male", "swapped": "female", "some": "female"}
EXPECTED = {
    ("some", "contamination"),
    ("much", "contamination"),
    ("much", "hom_alt_ref_share"),
    ("klinefelter", "karyotype"),
    ("shallow", "depth"),
    ("again", "duplicate"),
    ("torn", "covered"),
    ("swapped", "sex"),
}


def clean(number: int) -> Person:
    male = number % 2 == 0
    return Person(
        name=f"p{number:02}", genome=number, copies_of_x=2 - male, copies_of_y=int(male), depth=27 + number / 2
    )


class Study:
    """A simulated cohort, and the files that a screen of it takes."""

    def __init__(self, folder: Path, seed: int) -> None:
        population = Population.drawn(seed, CLEAN + 6)
        people = [clean(number) for number in range(CLEAN)]
        self.folder, self.out = folder, folder / "screen"
        self.cohort = store(folder, population, [people, FAULTS])
        self.frequencies, self.sheet = population.write_sites(folder), folder / "samples.tsv"
        sexes = {person.name: "male" if person.copies_of_y else "female" for person in people} | SHEET
        rows = "".join(f"{name}\t{name}.g.vcf\t{sexes.get(name, '')}\n" for name in self.cohort.samples)
        self.sheet.write_text("sample\tgvcf\tsex\n" + rows)

    def screen(self, out: str = "screen", **options):
        options = {"frequencies_url": self.frequencies, "sheet_url": str(self.sheet)} | options
        self.out = self.folder / out
        return screen(
            self.cohort.url, str(self.out), options=ScreenOptions(**options), scatter=Inline(), progress=Silent()
        )

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.out / f"{name}.tsv").open() as file:
            return list(csv.DictReader(file, delimiter="\t"))

    def table(self, name: str):
        with (self.out / f"{name}.parquet").open("rb") as file:
            return sealing.reader(file).read()


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return Study(tmp_path_factory.mktemp("study"), seed=1)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_planted_faults_are_flagged_and_nothing_else(tmp_path, seed):
    study = Study(tmp_path, seed)
    receipt = study.screen()
    flags = study.rows("flags")
    assert {(row["sample"], row["check"]) for row in flags} == EXPECTED
    samples = {row["sample"]: row for row in study.rows("samples")}
    # errors of the reads add 0.007; of much contamination some is lost, where hom-alt calls become het
    assert float(samples["some"]["contamination"]) == pytest.approx(0.037, abs=0.008)
    assert float(samples["much"]["contamination"]) == pytest.approx(0.07, abs=0.02)
    assert samples["klinefelter"]["sex"] == "XXY"
    assert samples["again"]["nearest"] == "p04"
    assert all(float(row["contamination"]) < 0.015 for name, row in samples.items() if name not in ("some", "much"))
    assert receipt.balance == {"unit": "samples", "taken": 27, "kept": 27, "dropped": {}}
    assert receipt.figures["flagged"] == 7


def test_tables_have_their_declared_columns_and_somaliers_pairs(study):
    study.screen()
    for name, columns in (("samples", qc.SCREEN), ("contigs", qc.CONTIG_DEPTHS), ("flags", schema.FLAGS)):
        assert study.table(name).schema.equals(columns)
        assert list(study.rows(name)[0]) == columns.names
    pairs = study.rows("fingerprints.pairs")
    assert [(row["#sample_a"], row["sample_b"]) for row in pairs if float(row["relatedness"]) > 0.9] == [
        ("p04", "again")
    ]
    assert list(pairs[0])[-3:] == ["x_ibs0", "x_ibs2", "expected_relatedness"]
    assert study.table("fingerprints.pairs").num_rows == len(pairs)


def test_multiqc_has_sections_of_checks_samples_and_copies(study):
    study.screen()
    sections = {path.name: json.loads(path.read_text()) for path in study.out.glob("*_mqc.json")}
    assert {section["id"]: section["plot_type"] for section in sections.values()} == {
        "genocloud_checks_before_genotyping": "table",
        "genocloud_samples_before_genotyping": "table",
        "genocloud_copies_before_genotyping": "scatter",
    }
    copies = sections["copies_before_genotyping_mqc.json"]["data"]["klinefelter"]
    assert copies == pytest.approx({"x": 2, "y": 1}, abs=0.2)
    assert len(sections["checks_before_genotyping_mqc.json"]["data"]) == len(EXPECTED)
    assert sections["samples_before_genotyping_mqc.json"]["data"]["again"]["concordance"] > 0.95


def test_depths_of_contigs(study):
    study.screen()
    rows = {row["contig"]: row for row in study.rows("contigs") if row["sample"] == "p04"}
    assert set(rows) == {"chr1", "chr2", "chrX", "chrY", "chrM"}
    assert rows["chr1"]["bases"] == "45000000"
    depths = {contig: float(row["depth"]) for contig, row in rows.items()}
    assert depths == pytest.approx({"chr1": 29, "chr2": 29, "chrX": 14.5, "chrY": 14.5, "chrM": 900}, rel=0.1)
    assert int(rows["chrX"]["bases_over_20"]) < int(rows["chrX"]["bases_over_1"]) / 5


def test_a_second_run_reads_what_the_first_one_kept_and_writes_the_same_bytes(study, monkeypatch):
    study.screen("first")
    monkeypatch.setattr("genocloud.pipeline.screening.part_screening.rows_of_part", None)
    study.screen("second")
    for path in (study.folder / "first").iterdir():
        assert path.read_bytes() == (study.folder / "second" / path.name).read_bytes()


def test_batches_do_not_show_in_the_results(study):
    population = Population.drawn(9, 6)
    people = [Person(name=f"p{number}", genome=number, copies_of_y=number % 2) for number in range(6)]
    files = []
    for name, batches in (("one", [people]), ("three", [people[:1], people[1:4], people[4:]])):
        folder = study.folder / name
        folder.mkdir()
        chance = population.chance.bit_generator.state
        made = store(folder, population, batches)
        population.chance.bit_generator.state = chance
        options = ScreenOptions(frequencies_url=population.write_sites(folder))
        screen(made.url, str(folder / "out"), options=options, scatter=Inline(), progress=Silent())
        files.append({path.name: path.read_bytes() for path in (folder / "out").iterdir()})
    assert files[0] == files[1]


def test_without_files_what_they_say_is_empty_and_other_rules_hold(study):
    receipt = study.screen("plain", frequencies_url=None, sheet_url=None)
    samples = {row["sample"]: row for row in study.rows("samples")}
    assert {(row["contamination"], row["sheet"], row["nearest"]) for row in samples.values()} == {("", "", "")}
    assert receipt.figures["flags"] == {"hom_alt_ref_share": 1, "karyotype": 1, "depth": 1, "covered": 1}
    assert study.table("fingerprints.pairs").num_rows == 0
    for rule in ("contamination>0.03", "sex!=sheet", "concordance>0.95"):
        with pytest.raises(SettingError, match=f"{rule}.*nothing is known"):
            study.screen("plain", frequencies_url=None, sheet_url=None, quarantine=[rule])


def test_depth_counts_in_intervals_alone(study):
    study.screen("inside", intervals=Intervals(included=("chr1:1-1000000", "chrX:101-200", "chrM")))
    rows = {row["contig"]: row["bases"] for row in study.rows("contigs") if row["sample"] == "p00"}
    assert rows == {"chr1": "1000000", "chrX": "100", "chrM": "16569"}
    assert {row["sex"] for row in study.rows("samples")} <= {"XX", "", "ambiguous"}


def test_who_fails_a_rule_is_taken_out_and_the_receipt_balances(tmp_path):
    study = Study(tmp_path, seed=4)
    receipt = study.screen(flag=["depth<15"], quarantine=["contamination>0.05", "sex!=sheet", "sex=XXY"])
    assert receipt.figures["quarantined"] == ["klinefelter", "much", "swapped"]
    assert receipt.balance == {"unit": "samples", "taken": 27, "kept": 24, "dropped": {"quarantined": 3}}
    assert {row["sample"] for row in study.rows("flags")} == {"klinefelter", "much", "swapped", "shallow"}
    now = cohort.open_cohort(study.cohort.url)
    assert set(study.cohort.samples) - set(now.samples) == {"klinefelter", "much", "swapped"}
    assert now.version == receipt.figures["cohort_version"] == study.cohort.version + 1
    assert cohort.open_cohort(study.cohort.url, study.cohort.version).samples == study.cohort.samples
    assert (study.out / "checks_before_genotyping_mqc.json").exists()
    again = study.screen(flag=["depth<1"], quarantine=["contamination>0.05", "sex!=sheet", "sex=XXY"])
    assert again.figures["quarantined"] == []
    assert not (study.out / "checks_before_genotyping_mqc.json").exists(), "nobody fails a check any more"
    assert cohort.open_cohort(study.cohort.url).version == now.version


def test_rules_that_everybody_fails_are_refused(study):
    with pytest.raises(SettingError, match="every sample fails one of depth<1000"):
        study.screen("all", quarantine=["depth<1000"])
    assert len(study.rows("flags")) >= 27
    assert cohort.open_cohort(study.cohort.url).version == study.cohort.version


def test_a_file_without_frequencies_is_refused(study, tmp_path):
    text = (study.folder / "sites.vcf.gz").read_bytes()
    with pytest.raises(UnreadableFile):
        study.screen(frequencies_url=str(tmp_path / "none.vcf.gz"))
    (tmp_path / "sites.vcf.gz").write_bytes(text)
    with pytest.raises(UnreadableFile, match="index"):
        study.screen(frequencies_url=str(tmp_path / "sites.vcf.gz"))


def test_a_sheet_of_other_people_is_refused(study, tmp_path):
    (tmp_path / "other.tsv").write_text("sample\tgvcf\tsex\neve\teve.g.vcf.gz\tfemale\n")
    with pytest.raises(InputError, match="none of its samples"):
        study.screen(sheet_url=str(tmp_path / "other.tsv"))


def test_damage_of_a_kept_table_is_named(study):
    study.screen()
    stored = storage.open_store(study.cohort.url)
    kept = {name: stored.read(name) for name in stored.list("derived/") if "/screen-" in name}
    try:
        for name, data in kept.items():
            stored.write(name, data[:100] + bytes([data[100] ^ 1]) + data[101:])
        with pytest.raises(StoreError, match="damaged"):
            study.screen()
    finally:
        for name, data in kept.items():
            stored.write(name, data)


def test_samples_that_another_run_adds_or_removes_meanwhile_do_not_upset_the_balance(tmp_path, monkeypatch):
    population = Population.drawn(5, 3)
    people = [Person(name=f"p{number}", genome=number, depth=30 - 10 * number) for number in range(3)]
    made = store(tmp_path, population, [people[:1], people[1:]])

    def meanwhile(*arguments):
        cohort.remove(storage.open_store(made.url), {"p0"})
        return qc.PAIRS.empty_table()

    monkeypatch.setattr(sys.modules["genocloud.steps.screen"], "compare", meanwhile)  # the name is the function's, too
    options = ScreenOptions(quarantine=["depth<15"])
    receipt = screen(made.url, str(tmp_path / "out"), options=options, scatter=Inline(), progress=Silent())
    dropped = {"quarantined": 1, "removed meanwhile by another run": 1}
    assert receipt.balance == {"unit": "samples", "taken": 3, "kept": 1, "dropped": dropped}
    assert cohort.open_cohort(made.url).samples == ("p1",)
