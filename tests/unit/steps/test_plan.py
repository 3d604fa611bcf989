"""A plan of the test data: counts that follow from the files; the table; bad tables before any measuring."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from random import Random

import pytest

from genocloud import pipeline, regions, steps
from genocloud.cli import main
from genocloud.cohort import Layout, open_cohort
from genocloud.costs.prices import BadPrices
from genocloud.costs.rates import default_rates
from genocloud.costs.synthetic import SyntheticCohort
from genocloud.federation.config import config_of
from genocloud.pipeline.planning import trial_rates
from genocloud.pipeline.planning.location_prices import check_prices
from genocloud.pipeline.planning.trial_files import write_synthetic
from genocloud.pipeline.planning.whole_genomes import genome_sites, table
from genocloud.pipeline.planning.workload import NothingToSample, _windows_of, sample_gvcfs
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import cut_genome
from genocloud.report.planned import compare
from genocloud.report.stages import group_receipts
from genocloud.samples import Sample
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.shipped_files import PRICES
from genocloud.steps.plan import plan_of
from tests.conftest import sample_map
from tests.support.plan_rates import RATES as PLAIN
from tests.support.short_contigs import make_tigs, write_person, write_reference

calibrate = import_module("genocloud.steps.calibrate")  # the package's attribute is the function

DATA = Path(__file__).resolve().parents[3] / "test_data"
REFERENCE = str(DATA / "reference.fa")
LAYOUT = Layout(read_reference(REFERENCE).contigs, 100_000, 50_000)
SHARES = {"one": 1e8, "batch": 0.5, "merged": 0.5}
CUT = ("ingest", "discover", "estimate", "estimate kept", "call", "render")
COSTS = PLAIN.costs | {f"memory {step}": SHARES for step in CUT}
RATES = replace(PLAIN, costs=COSTS | {"bytes row": {"variants": 200.0, "blocks": 40.0}})


@pytest.fixture
def sheet(tmp_path) -> Path:
    """The eight people of the test data who come as gVCFs."""
    path = tmp_path / "samples.tsv"
    files = sorted((DATA / "gvcf").glob("*.g.vcf.gz"))
    rows = [f"{file.name.removesuffix('.g.vcf.gz')}\t{file}\t{'ab'[i % 2]}\n" for i, file in enumerate(files)]
    path.write_text("sample\tgvcf\tsite\n" + "".join(rows))
    return path


def people(count: int) -> list[Sample]:
    files = sorted((DATA / "gvcf").glob("*.g.vcf.gz"))
    return [Sample(sample=file.name, gvcf=str(file)) for file in files][:count]


def test_files_are_counted_as_they_are():
    sampled = sample_gvcfs("sheet", people(8), LAYOUT)
    one = sample_gvcfs("sheet", people(1), LAYOUT)
    assert sampled.people == 8
    assert sampled.sites_of(8) == sum(sampled.carriers.values()) > one.sites_of(1)
    assert sampled.sites_of(4) < sampled.sites_of(8) < sampled.sites_of(16) < 2 * sampled.sites_of(8)
    assert sampled.shards > 1


def test_nothing_to_sample_is_said():
    with pytest.raises(NothingToSample, match="none of its gVCFs can be read here"):
        sample_gvcfs("sheet", [Sample(sample="a", gvcf="/nowhere/a.g.vcf.gz")], LAYOUT)


def test_a_plan_before_and_after_ingest_knows_the_records(sheet, tmp_path):
    settings = {"samples": str(sheet), "reference": REFERENCE, "cohort": str(tmp_path / "cohort")}
    before = plan_of(config_of(settings), rates=RATES, width=2)
    storing = pipeline.IngestOptions()
    receipt = steps.ingest(
        str(tmp_path / "cohort"), str(sheet), REFERENCE, options=storing, scatter=Inline(), progress=Silent()
    )
    after = plan_of(config_of(settings), rates=RATES, width=2)
    records = receipt.balance["taken"]
    assert after.configured.lines[0].core_seconds == pytest.approx(records * 1e-6)
    assert before.configured.lines[0].core_seconds == pytest.approx(records * 1e-6, rel=0.01)
    assert before.people == after.people == 8


def test_sites_share_the_people(sheet):
    prices = {"a": "onprem.yaml", "b": "google.yaml"}
    site = {
        name: {"store": f"/{name}", "workers": "threads:4", "policy": "stays", "prices": prices[name]} for name in "ab"
    }
    settings = {"samples": str(sheet), "reference": REFERENCE, "sites": site, "coordinator": "a"}
    made = plan_of(config_of(settings), rates=RATES, width=2)
    assert made.configured.widths == {"a": 4, "b": 4}
    assert {line.site for line in made.configured.lines} == {"a", "b"}
    assert len(made.others) == 2
    content = json.loads(made.to_json())
    assert content["people"] == 8
    assert content["configured"]["crossing_bytes"] > 0
    assert "coordinates" in content["suggested"]


def test_two_currencies_are_refused(sheet, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text((PRICES / "aws.yaml").read_text().replace("USD", "EUR"))
    site = {
        name: {"store": f"/{name}", "workers": "threads:4", "policy": "stays", "prices": table}
        for name, table in (("a", "onprem.yaml"), ("b", str(other)))
    }
    settings = {"samples": str(sheet), "reference": REFERENCE, "sites": site, "coordinator": "a"}
    with pytest.raises(BadPrices, match="that of site a has USD"):
        check_prices(config_of(settings))


def test_a_wrong_table_ends_the_command_before_it_measures(sheet, tmp_path, capsys):
    (tmp_path / "p.yaml").write_text("core_hour: cheap\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        f"samples: {sheet}\nreference: {REFERENCE}\ncoordinator: a\nsites:\n"
        "  a: {store: /a, workers: 'threads:1', policy: stays, prices: p.yaml}\n"
    )
    assert main(["plan", str(config), "--rates", str(tmp_path / "rates")]) == 5
    assert "p.yaml" in capsys.readouterr().err
    assert not (tmp_path / "rates").exists()


def test_the_command_counts_by_the_shipped_rates_and_measures_nothing(sheet, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(calibrate, "measure", None)
    config, out = tmp_path / "config.yaml", tmp_path / "plan.json"
    config.write_text(f"samples: {sheet}\nreference: {REFERENCE}\n")
    assert main(["plan", str(config), "-q", "--rates", str(tmp_path / "rates"), "-o", str(out)]) == 0
    text = capsys.readouterr().out
    assert "8 people" in text
    shipped = default_rates()
    assert f"Rates: shipped with genocloud, of {shipped.measured} ({shipped.machine}); --calibrate measures" in text
    assert json.loads(out.read_text())["rates"]["origin"] == "shipped with genocloud"
    assert not (tmp_path / "rates").exists()
    assert main(["plan", "--table", "-q", "--rates", str(tmp_path / "rates")]) == 0
    assert capsys.readouterr().out.count("\n| ") == 16


def test_calibrated_rates_are_kept_and_named(sheet, tmp_path, capsys, caplog, monkeypatch):
    """Of steps that all take twice the shipped core-seconds, everything but memory and bytes is doubled."""
    shipped = default_rates()
    costs = {f"seconds {step}": {"one": 1.0} for step in calibrate.RUNS}
    monkeypatch.setattr(trial_rates, "default_rates", lambda: replace(shipped, costs=shipped.costs | costs))
    monkeypatch.setattr(calibrate, "compile_kernels", lambda *_: None)
    monkeypatch.setattr(calibrate, "load_ingest", lambda: None)
    monkeypatch.setattr(calibrate, "write_synthetic", lambda *_: 1)
    took = dict.fromkeys(calibrate.RUNS, 2.0) | {"render": 4.0, "call": 4.0}
    receipts = [(step, Receipt(step, cpu_seconds=seconds)) for step, seconds in took.items()]
    receipts[0][1].balance = receipts[1][1].balance = {"taken": 1}
    receipts[1][1].figures = {"sites": 1}
    monkeypatch.setattr(calibrate, "rounds_until", lambda *_: iter(receipts))
    rates = ["--rates", str(tmp_path / "rates")]
    assert main(["plan", "--calibrate", "-q", *rates]) == 0
    assert "about 60 s" in caplog.text
    config = tmp_path / "config.yaml"
    config.write_text(f"samples: {sheet}\nreference: {REFERENCE}\n")
    capsys.readouterr()
    assert main(["plan", str(config), "-q", "-o", str(tmp_path / "plan.json"), *rates]) == 0
    assert "Rates: measured on this machine, of 20" in capsys.readouterr().out
    kept = json.loads((tmp_path / "plan.json").read_text())["rates"]["costs"]
    assert all(kept[name]["one"] == 2.0 for name in costs)
    assert kept["seconds start"] == {what: 2 * cost for what, cost in shipped.costs["seconds start"].items()}
    assert all(kept[name] == shipped.costs[name] for name in kept if not name.startswith("seconds "))


def test_measuring_ends_with_its_time(monkeypatch):
    """No step begins after the deadline but the two that tell what the trial holds; no round that would pass it."""
    now = [0.0]
    monkeypatch.setattr(trial_rates.time, "monotonic", lambda: now[0])

    def receipts(_number):
        for step in calibrate.RUNS:
            now[0] += 10.0
            yield step, None

    def steps_until(deadline: float) -> list[str]:
        now[0] = 0.0
        return [step for step, _ in trial_rates.rounds_until(deadline, receipts)]

    assert steps_until(5) == ["ingest", "discover"]
    assert steps_until(35) == list(calibrate.RUNS[:4])
    assert steps_until(139) == list(calibrate.RUNS)
    assert steps_until(140) == 2 * list(calibrate.RUNS)


def test_short_contigs_share_windows():
    """3,000 contigs of 300 bases with a site each: as many shards as the cohort would have, not one a contig."""
    layout = Layout(tuple(regions.Contig(f"c{number}", 300) for number in range(3000)), 10_000_000, 30_000)
    everywhere = {(contig, 10) for contig in range(3000)}
    assert _windows_of(layout, everywhere) == {(part.name, i) for part in layout.parts() for i in range(30)}
    assert len(_windows_of(layout, {(0, 10), (99, 299), (100, 0), (2999, 299)})) == 3


def test_a_plan_has_the_shards_that_a_run_has(sheet, tmp_path):
    settings = {"samples": str(sheet), "reference": REFERENCE, "cohort": str(tmp_path / "cohort"), "window_bp": 20_000}
    planned = plan_of(config_of(settings), rates=RATES, width=2).configured.lines
    steps.ingest(
        str(tmp_path / "cohort"),
        str(sheet),
        REFERENCE,
        options=pipeline.IngestOptions(window_bp=20_000),
        scatter=Inline(),
        progress=Silent(),
    )
    shards = cut_genome(open_cohort(str(tmp_path / "cohort"))).owned
    assert next(line.tasks for line in planned if line.step == "discover") == len(shards)


def test_windows_of_whole_contigs_share_the_shards_that_a_run_has(tmp_path):
    random = Random(11)
    tigs = make_tigs(random, 20)
    reference = str(write_reference(tmp_path, tigs))
    sheet = str(sample_map(tmp_path, [write_person(random, tmp_path, f"p{number}", tigs) for number in range(4)]))
    settings = {"samples": sheet, "reference": reference, "cohort": str(tmp_path / "cohort"), "window_bp": 900}
    planned = plan_of(config_of(settings), rates=RATES, width=2).configured.lines
    options = pipeline.IngestOptions(window_bp=900)
    steps.ingest(str(tmp_path / "cohort"), sheet, reference, options=options, scatter=Inline(), progress=Silent())
    source = open_cohort(str(tmp_path / "cohort"))
    shards, windows = (
        len(cut_genome(source).owned),
        sum(len(source.layout.windows(each)) for each in source.layout.parts()),
    )
    assert next(line.tasks for line in planned if line.step == "discover") == shards < windows


@pytest.mark.parametrize(("limit", "jobs"), [(1_000_000_000, 6), (0, 15)], ids=["small: one job a step", "five parts"])
def test_jobs_of_a_small_cohort_are_not_cut_into_parts(sheet, limit, jobs):
    settings = {"samples": str(sheet), "reference": REFERENCE, "part_bp": 10_000, "small_cohort_bytes": limit}
    start = plan_of(config_of(settings), rates=RATES, width=2).configured.lines[-1]
    assert (start.step, start.tasks) == ("start", jobs)
    clusters = 0 if limit else 11
    assert start.core_seconds == pytest.approx(3.0 + jobs * 0.75 + clusters * 2.0)


ANNOTATIONS, GENOTYPES = "filter", "filter genotypes"


@pytest.mark.parametrize(
    ("filters", "rate"),
    [
        ({"presets": ["hard"]}, ANNOTATIONS),
        ({"expressions": {"low": "QUAL < 10"}, "presets": ["adj"]}, GENOTYPES),
        ({"expressions": {"few": "N_HQ < 10"}}, GENOTYPES),
        ({"trained_on": "AC > 1", "annotations": ["QD"]}, ANNOTATIONS),
        ({"trained_on": "AC > 1", "annotations": ["cohort"]}, GENOTYPES),
        ({"trained_on": "AC_adj > 1"}, GENOTYPES),
    ],
)
def test_checks_that_the_config_asks_for_have_lines(sheet, filters, rate):
    plain = {"samples": str(sheet), "reference": REFERENCE}
    without = plan_of(config_of(plain), rates=RATES, width=2).configured.lines
    rates = replace(
        RATES, costs=RATES.costs | {f"seconds {ANNOTATIONS}": {"one": 7.0}, f"seconds {GENOTYPES}": {"one": 9.0}}
    )
    settings = plain | {"screen": True, "qc": True, "filter": filters}
    lines = {line.step: line for line in plan_of(config_of(settings), rates=rates, width=2).configured.lines}
    assert lines.keys() - {line.step for line in without} == {"screen", "filter", "qc"}
    assert lines["filter"].core_seconds == {ANNOTATIONS: 7.0, GENOTYPES: 9.0}[rate]
    assert lines["start"].tasks == without[-1].tasks + 3


def test_the_coordinator_filters_and_checks(sheet):
    sites = {name: {"store": f"/{name}", "workers": "threads:1", "policy": "stays"} for name in "ab"}
    settings = {
        "samples": str(sheet),
        "reference": REFERENCE,
        "qc": True,
        "screen": True,
        "filter": {"presets": ["gvs"]},
    }
    plan = plan_of(config_of(settings | {"sites": sites, "coordinator": "b"}), rates=RATES, width=2)
    lines = [(line.site, line.step) for line in plan.configured.lines]
    assert {site for site, step in lines if step == "screen"} == {"a", "b"}
    assert [site for site, step in lines if step in ("filter", "qc")] == ["b", "b"]


def test_the_table_grows_with_people():
    rows = [row.split(" | ") for row in table(RATES).splitlines() if row.startswith("| 1")]
    hours = [float(row[2].replace(",", "")) for row in rows]
    assert len(rows) == 15
    for row in range(5):
        assert hours[row] < hours[row + 5] < hours[row + 10]
    assert ["VCF" in row[1] for row in rows] == [False, False, False, False, True] * 3
    assert ["checks" in row[1] for row in rows] == [False, False, False, True, False] * 3
    assert genome_sites(3_202) == 125e6
    assert genome_sites(150_119) == pytest.approx(644e6)


def test_planned_is_set_beside_what_was_taken(sheet):
    plan = json.loads(
        plan_of(config_of({"samples": str(sheet), "reference": REFERENCE}), rates=RATES, width=2).to_json()
    )
    receipt = {"step": "ingest", "cpu_seconds": 2.0, "peak_memory_bytes": 5, "figures": {"bytes_stored": 7}}
    receipts = {"ingest/ingest.json": receipt, "ingest/part.json": receipt}
    rows = {(row.step, row.what): row for row in compare(plan, group_receipts(receipts), receipts)}
    assert rows["ingest", "core time"].taken == 4.0
    assert rows["ingest", "stored"].taken == 7
    assert rows["ingest", "core time"].planned == pytest.approx(plan["configured"]["lines"][0]["core_seconds"])


def test_an_invented_cohort_is_read_by_the_real_steps(tmp_path):
    assert write_synthetic(SyntheticCohort(3, 20_000), tmp_path) > 1000
    files = str(tmp_path / "samples.map"), str(tmp_path / "reference.fa")
    receipt = steps.ingest(
        str(tmp_path / "cohort"), *files, options=pipeline.IngestOptions(), scatter=Inline(), progress=Silent()
    )
    assert receipt.balance["taken"] == receipt.balance["kept"] > 100
