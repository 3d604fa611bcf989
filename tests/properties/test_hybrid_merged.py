"""GLnexus's model at several sites gives what it gives at one, value by value, and lets out declared sums alone."""

import gzip
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pysam
import pytest

from genocloud import callset, schema, steps
from genocloud.cohort import Layout
from genocloud.errors import GenocloudError
from genocloud.federation import messages
from genocloud.pipeline.chosen_model import NotOfTheModel
from genocloud.pipeline.genotyping.merged_shards import whole_regions
from genocloud.pipeline.hybrid import locations
from genocloud.pipeline.hybrid.clients import LocationClient
from genocloud.regions import Contig, Region
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.support.deepvariant_people import people
from tests.support.glnexus_runs import EVERY_FIELD
from tests.support.hybrid_studies import Study, differences, run_study, write_sheets
from tests.support.hybrid_wire import Wire, check

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"

STAY, SUM, LEAVE = "stays", "summaries", "may_leave"
SETTINGS = {"model": "glnexus", "window_bp": 13, "part_bp": 30, "batch_size": 2}
"""Windows so short that active regions begin and end in others."""


def study(folder: Path, counts: Mapping[str, int], seed: int, **more: Any) -> Study:
    """Random people of DeepVariant's, so many at each site."""
    names = {site: [f"{site}{number}" for number in range(count)] for site, count in counts.items()}
    made = Study(folder, names, SETTINGS | more)
    folder.mkdir(exist_ok=True)
    people(folder, seed, made.names)
    for name in made.names:
        made.gvcf(name).write_bytes(gzip.compress((folder / f"{name}.g.vcf").read_bytes(), 1))
    write_sheets(made)
    return made


def preset_of(folder: Path, preset: str) -> str:
    if preset.endswith(".yml"):
        (folder / preset).write_text(EVERY_FIELD)
        return str(folder / preset)
    return preset


def records(made: callset.Callset, out: Path) -> list[bytes]:
    steps.export(made.url, str(out), scatter=Inline(), progress=Silent())
    return [line for line in gzip.decompress(out.read_bytes()).splitlines() if not line.startswith(b"##")]


@pytest.mark.parametrize(
    ("seed", "preset", "counts", "policies", "coordinator"),
    [
        (0, "DeepVariantWGS", (3, 2), (STAY, STAY), "alpha"),
        (4, "every.yml", (2, 3), (STAY, STAY), "beta"),
        (2, "DeepVariant_unfiltered", (2, 1, 2), (SUM, STAY, LEAVE), "gamma"),
        pytest.param(1, "gatk_unfiltered", (0, 2, 2), (STAY, STAY, STAY), "alpha", marks=pytest.mark.slow),
        pytest.param(3, "every.yml", (1, 4), (LEAVE, SUM), "alpha", marks=pytest.mark.slow),
        (5, "DeepVariant_unfiltered", (3, 3), (LEAVE, LEAVE), "alpha"),
    ],
)
def test_several_sites_give_what_one_gives(
    tmp_path: Path, seed: int, preset: str, counts: Sequence[int], policies: Sequence[str], coordinator: str
) -> None:
    sites = ["alpha", "beta", "gamma"][: len(counts)]
    made = study(tmp_path / "study", dict(zip(sites, counts, strict=True)), seed, preset=preset_of(tmp_path, preset))
    config = made.config("run", dict(zip(sites, policies, strict=True)), coordinator)
    receipt = run_study(made, config)
    single = made.at_one_site()
    assert differences(made, "run", config, single) == []
    assert single.sites().num_rows > 5
    assert receipt.figures["model"] == f"glnexus {config.settings['preset']}"
    balance = receipt.balance
    assert (balance["unit"], balance["kept"]) == ("alleles", balance["taken"] - sum(balance["dropped"].values()))
    for site, count in zip(sites, counts, strict=True):
        if count:
            steps.verify(made.made("run", site).url, scatter=Inline(), progress=Silent())
    if set(policies) == {LEAVE}:
        both = (made.made("run", coordinator), tmp_path / "run.vcf.gz"), (single, tmp_path / "one.vcf.gz")
        assert records(*both[0]) == records(*both[1])


@pytest.mark.skipif(not (SHARED / "dv_cohort").exists(), reason="no shared data here (GENOCLOUD_SHARED)")
def test_two_sites_export_the_records_of_the_real_glnexus(tmp_path: Path) -> None:
    urls = sorted((SHARED / "dv_cohort").glob("*.g.vcf.gz"))
    names = [url.name.removesuffix(".g.vcf.gz") for url in urls]
    settings = {"model": "glnexus", "window_bp": 10_000, "batch_size": 5}
    made = Study(tmp_path, {"alpha": names[:7], "beta": names[7:]}, settings)
    (tmp_path / "ref.fa").write_bytes(gzip.decompress((SHARED / "dv_cohort/ref.fa.gz").read_bytes()))
    pysam.faidx(str(tmp_path / "ref.fa"))
    for name, url in zip(names, urls, strict=True):
        made.gvcf(name).write_bytes(url.read_bytes())
    write_sheets(made)
    run_study(made, made.config("run", dict.fromkeys(made.people, LEAVE), "beta"))
    real = gzip.decompress((SHARED / "dv_cohort/expected.glnexus-1.4.5.DeepVariantWGS.vcf.gz").read_bytes())
    expected = [line for line in real.splitlines() if not line.startswith(b"##")]
    assert records(made.made("run", "beta"), tmp_path / "out.vcf.gz") == expected


def test_intervals_leave_out_the_same_sites(tmp_path: Path) -> None:
    made = study(tmp_path, {"alpha": 2, "beta": 3}, 4, intervals=["chr1:12-30", "chr2:1-9"])
    config = made.config("run", dict.fromkeys(made.people, STAY), "alpha")
    run_study(made, config)
    assert differences(made, "run", config, made.at_one_site()) == []


def test_evidence_is_read_until_active_regions_are_whole() -> None:
    layout = Layout((Contig("chr1", 1_000_000),), 1_000_000, 1000)
    chain = [(start, "A" * 15_000) for start in range(310_000, 700_000, 14_000)]
    rows = [{"start": start, "ref": ref, "alt": "A", "filtered": False, "copies": 1, "quality": 9, "sure": 1}
            for start, ref in [(2_000, "AC"), *chain, (900_000, "AC")]]  # fmt: skip
    regions = []

    def observe(region: Region) -> schema.AlleleEvidence:
        regions.append(region)
        inside = [row for row in rows if row["start"] < region.end and row["start"] + len(row["ref"]) > region.start]
        return pa.Table.from_pylist(inside, schema.ALLELE_EVIDENCE)

    for start, end, expected in ((500_000, 501_000, rows[1:-1]), (2_001, 2_002, rows[:1]), (800_000, 801_000, [])):
        regions.clear()
        assert whole_regions(observe, layout, Region(0, start, end)).to_pylist() == expected
        assert len(regions) == (3 if len(expected) > 1 else 1)


def test_what_is_there_stays_and_a_killed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(tmp_path, {"alpha": 2, "beta": 2}, 2)
    config = made.config("run", dict.fromkeys(made.people, STAY), "alpha")
    submitted: list[str] = []
    submit = LocationClient.submit
    most = 4

    def killed(client: LocationClient, function: Any, *args: Any, **kwargs: Any) -> Any:
        submitted.append(function.__name__)
        if submitted.count("complete_merged") == most:
            raise KeyboardInterrupt
        return submit(client, function, *args, **kwargs)

    monkeypatch.setattr(LocationClient, "submit", killed)
    with pytest.raises(KeyboardInterrupt):
        run_study(made, config)
    most = 1000
    run_study(made, config)
    assert differences(made, "run", config, made.at_one_site()) == []
    submitted.clear()
    run_study(made, config)
    assert not {"local_evidence", "called_alts", "call_kept", "complete_merged"} & set(submitted)


def test_sums_and_maxima_leave_a_site_whose_data_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(tmp_path, {"alpha": 3, "beta": 3}, 4)
    wire, open_scatter = Wire(), locations.open_scatter
    monkeypatch.setattr(
        locations,
        "open_scatter",
        lambda choice: wire.scatter(choice) if choice in made.people else open_scatter(choice),
    )
    config = made.config("stays", dict.fromkeys(made.people, STAY), "alpha", beta="beta")
    run_study(made, config)
    check(wire, "beta", STAY, made.names, made.people["beta"], [str(made.gvcf(made.people["beta"][0]))])
    monkeypatch.setitem(messages.KINDS, "evidence", replace(messages.KINDS["evidence"], least="may_leave"))
    with pytest.raises(GenocloudError, match="evidence does not leave the site"):
        run_study(made, made.config("refused", dict.fromkeys(made.people, STAY), "alpha"))


def test_what_the_model_does_not_have_is_refused_before_any_work(tmp_path: Path) -> None:
    made = study(tmp_path, {"alpha": 1, "beta": 1}, 0, force_output_intervals=["chr1:1-9"])
    with pytest.raises(NotOfTheModel, match="glnexus: it has no force-output intervals"):
        run_study(made, made.config("run", dict.fromkeys(made.people, STAY), "alpha"))
    assert not list(tmp_path.glob("run/*/cohort"))
