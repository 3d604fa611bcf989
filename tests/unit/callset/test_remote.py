"""A callset whose genotypes lie at several sites is read, exported, checked and counted as if they lay at one."""

import gzip
import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genocloud import callset, pipeline, schema, steps, storage
from genocloud.callset import GenotypesNotShared, RemoteGenotypes, RemoteUnreachable, UnknownSite
from genocloud.cli import main
from genocloud.pipeline.callset_counts import count_callset, site_totals
from genocloud.pipeline.callset_registry import register, registered, registered_elsewhere
from genocloud.report.statistics import Statistics
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.steps.verify import Damaged
from tests.support import callset_tables as make
from tests.support.small_callset import BATCHES, SHARDS, contents, shard_tables, write

AWAY = "b1"
HERE = {batch: samples for batch, samples in BATCHES.items() if batch != AWAY}


@dataclass(frozen=True)
class Sites:
    """The same tables at one site (`whole`), and apart: b1 `there`, the rest and the united manifest `here`."""

    whole: str
    here: str
    there: str


def _write(url: str, description: callset.Description, more: dict[str, callset.Callset] | None = None) -> None:
    store = storage.open_store(url)
    entries = []
    for place, (shard, (sites, genotypes)) in enumerate(zip(SHARDS, shard_tables(), strict=True)):
        own = {batch: table for batch, table in genotypes.items() if batch not in description.stores}
        own = {batch: table for batch, table in own.items() if batch in description.batches}
        entry = callset.write_shard(store, shard, "key", sites, own)
        files = dict(entry.genotypes)
        for batch, other in (more or {}).items():
            files[batch] = other.shards[place].genotypes[batch]
        keyed = pa.table(_stored_sites(store, entry))
        entries.append(callset.complete_shard(store, shard, "key", keyed, files))
    callset.commit(store, description, entries)


def _stored_sites(store: storage.Store, entry: callset.ShardEntry) -> pa.Table:
    with store.open(entry.sites.name) as stream:
        return pa.parquet.read_table(stream)


def apart(tmp_path: Path, policy: str = "may_leave") -> Sites:
    sites = Sites(*(f"{tmp_path}/{name}" for name in ("whole", "here", "there")))
    write(sites.whole)
    _write(sites.there, replace(make.description({AWAY: BATCHES[AWAY]}), site="cloud"))
    place = RemoteGenotypes("cloud", sites.there, policy)
    united = replace(make.description(BATCHES), site="hospital", stores={AWAY: place})
    _write(sites.here, united, {AWAY: callset.open_callset(sites.there)})
    return sites


def _same(one: pa.Table, other: pa.Table) -> bool:
    return bool(one.to_pylist() == other.to_pylist())


def test_genotypes_are_read_where_they_lie(tmp_path: Path) -> None:
    sites = apart(tmp_path)
    whole, united = callset.open_callset(sites.whole), callset.open_callset(sites.here)
    assert not [name for name in storage.open_store(sites.here).list() if f"/{AWAY}/" in name]
    assert united.samples == whole.samples
    assert united.counts == whole.counts
    assert _same(united.sites(), whole.sites())
    assert _same(united.genotypes(), whole.genotypes())
    assert _same(united.genotypes("chr1:900-1,000", ["bob", "ann"]), whole.genotypes("chr1:900-1,000", ["bob", "ann"]))
    assert united.to_numpy()["call_genotype"].tolist() == whole.to_numpy()["call_genotype"].tolist()
    texts = [
        [batch.distinct["GT"].to_pylist() for batch in each.batches(each.shards[0], ["GT"])] for each in (whole, united)
    ]
    assert texts[0] == texts[1]


def test_callers_are_read_where_they_are_known(tmp_path: Path) -> None:
    """Each site's callset has those of its own people; of who has none nothing is said."""
    sites = apart(tmp_path)
    ours, theirs = {"ann": "gatk", "cat": "dragen"}, dict.fromkeys(BATCHES[AWAY], "deepvariant")
    for url, callers in ((sites.here, ours), (sites.there, theirs)):
        made = callset.open_callset(url)
        callset.commit(made.store, replace(made.description, callers=callers), made.shards)
    assert callset.open_callset(sites.here).callers() == ours | theirs
    assert callset.open_callset(sites.here).of_sites(["hospital"]).callers() == ours


def test_callers_stay_where_genotypes_do(tmp_path: Path) -> None:
    with pytest.raises(GenotypesNotShared):
        callset.open_callset(apart(tmp_path, "stays").here).callers()


@pytest.mark.parametrize("name", ["calls.vcf.gz", "calls.bcf"])
@pytest.mark.parametrize("chosen", [None, ["chr1:900-1,000"]])
def test_an_export_merges_the_sites(tmp_path: Path, name: str, chosen: list[str] | None) -> None:
    sites = apart(tmp_path)
    for url, out in ((sites.whole, "one"), (sites.here, "many")):
        inside = pipeline.ExportOptions(intervals=pipeline.Intervals(included=tuple(chosen or ())))
        steps.export(url, f"{tmp_path}/{out}-{name}", scatter=Inline(), progress=Silent(), options=inside)
    assert (tmp_path / f"many-{name}").read_bytes() == (tmp_path / f"one-{name}").read_bytes()


@pytest.mark.parametrize("policy", ["stays", "summaries"])
def test_genotypes_that_stay_are_not_read(tmp_path: Path, policy: str) -> None:
    sites = apart(tmp_path, policy)
    united = callset.open_callset(sites.here)
    out = str(tmp_path / "calls.vcf.gz")
    for read in (
        united.genotypes,
        united.to_numpy,
        lambda: steps.export(sites.here, out, scatter=Inline(), progress=Silent()),
        lambda: steps.qc(
            sites.here, str(tmp_path / "qc"), options=steps.QcOptions(), scatter=Inline(), progress=Silent()
        ),
    ):
        with pytest.raises(GenotypesNotShared) as caught:
            read()
        assert (caught.value.site, caught.value.url, caught.value.exit_code) == ("cloud", sites.there, 5)
        assert f"`genocloud export {sites.there} OUT` at cloud" in str(caught.value)
    assert not list(tmp_path.glob("calls.vcf.gz*"))
    assert not list(tmp_path.glob("qc/*"))
    assert united.sites().num_rows == 5
    assert _same(
        united.of_sites(["hospital"]).genotypes(), callset.open_callset(sites.whole).genotypes(None, ["ann", "cat"])
    )


@pytest.mark.parametrize("policy", ["may_leave", "stays"])
def test_filters_of_annotations_need_no_genotypes_and_others_read_them_where_they_lie(
    tmp_path: Path, policy: str
) -> None:
    sites = apart(tmp_path, policy)
    whole, united = callset.open_callset(sites.whole), callset.open_callset(sites.here)
    for url in (sites.whole, sites.here):
        assert main(["filter", url, "--preset", "hard", "-q"]) == 0
    assert _same(united.filters(), whole.filters())
    before = united.filters().to_pylist()
    assert main(["filter", sites.whole, "--preset", "gvs", "-q"]) == 0
    assert main(["filter", sites.here, "--preset", "gvs", "-q"]) == (0 if policy == "may_leave" else 5)
    assert united.filters().to_pylist() == (whole.filters().to_pylist() if policy == "may_leave" else before)


def test_each_site_exports_its_own_part_under_everybodys_records(tmp_path: Path) -> None:
    sites = apart(tmp_path, "stays")
    own, other = str(tmp_path / "own.vcf.gz"), str(tmp_path / "other.vcf.gz")
    steps.export(
        sites.here, own, scatter=Inline(), progress=Silent(), options=pipeline.ExportOptions(sites=["hospital"])
    )
    steps.export(sites.there, other, scatter=Inline(), progress=Silent())
    whole = callset.open_callset(sites.whole)
    for url, samples in ((own, ["ann", "cat"]), (other, ["bob"])):
        expected = str(tmp_path / "expected.vcf.gz")
        part = replace(
            whole,
            description=make.description({batch: of for batch, of in BATCHES.items() if set(of) <= set(samples)}),
        )
        callset.write_vcf(part, expected)
        assert Path(url).read_bytes() == Path(expected).read_bytes()
    with pytest.raises(UnknownSite, match=r"no site clod; .*; did you mean cloud\?"):
        steps.export(
            sites.here, own, scatter=Inline(), progress=Silent(), options=pipeline.ExportOptions(sites=["clod"])
        )
    with pytest.raises(UnknownSite, match=r"no site moon; its sites are hospital, cloud$"):
        steps.export(
            sites.here, own, scatter=Inline(), progress=Silent(), options=pipeline.ExportOptions(sites=["moon"])
        )
    with pytest.raises(UnknownSite, match="leave --site out"):
        steps.export(
            sites.whole, own, scatter=Inline(), progress=Silent(), options=pipeline.ExportOptions(sites=["moon"])
        )


def test_the_command_exports_the_sites_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sites, out = apart(tmp_path, "stays"), str(tmp_path / "calls.vcf.gz")
    assert main(["export", sites.here, out, "--quiet"]) == 5
    assert "the genotypes of site cloud stay there by its policy (stays)" in capsys.readouterr().err
    assert main(["export", sites.here, out, "--quiet", "--site", "hospital"]) == 0
    with gzip.open(out, "rt") as text:
        header = next(line for line in text if line.startswith("#CHROM"))
    assert header.split()[9:] == ["ann", "cat"]


def test_a_site_out_of_reach_is_named_before_the_work(tmp_path: Path) -> None:
    sites = apart(tmp_path)
    Path(sites.there).rename(tmp_path / "moved")
    with pytest.raises(RemoteUnreachable) as caught:
        steps.export(sites.here, str(tmp_path / "calls.vcf.gz"), scatter=Inline(), progress=Silent())
    assert (caught.value.site, caught.value.url, caught.value.exit_code) == ("cloud", sites.there, 4)
    assert not list(tmp_path.glob("calls.vcf.gz*"))
    with pytest.raises(RemoteUnreachable, match="is missing"):
        callset.open_callset(sites.here).genotypes()


def test_a_part_made_anew_since_is_not_mixed_with_old_records(tmp_path: Path) -> None:
    sites = apart(tmp_path)
    entries = [
        callset.write_shard(storage.open_store(sites.there), shard, "new", table, {AWAY: of[AWAY]})
        for shard, (table, of) in zip(SHARDS, shard_tables(seed=2), strict=True)
    ]
    callset.commit(storage.open_store(sites.there), make.description({AWAY: BATCHES[AWAY]}), entries)
    with pytest.raises(RemoteUnreachable, match=f"made anew since, with other files in shard {SHARDS[0].name}"):
        steps.export(sites.here, str(tmp_path / "calls.vcf.gz"), scatter=Inline(), progress=Silent())


def test_a_shard_here_stays_usable_without_the_files_there(tmp_path: Path) -> None:
    store = storage.open_store(apart(tmp_path).here)
    assert [callset.find_shard(store, shard, "key", [AWAY]) is not None for shard in SHARDS] == [True] * 3
    assert callset.find_shard(store, SHARDS[0], "key") is None


def test_a_commit_without_a_sites_batch_is_refused(tmp_path: Path) -> None:
    sites = apart(tmp_path)
    store, united = storage.open_store(sites.here), callset.open_callset(sites.here)
    with pytest.raises(callset.BadShard, match=f"calls/{AWAY}/.* is missing"):
        callset.commit(store, replace(united.description, stores={}), united.shards)


def test_verify_checks_what_lies_here_and_says_what_does_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sites = apart(tmp_path)
    with caplog.at_level(logging.WARNING):
        steps.verify(sites.here, scatter=Inline(), progress=Silent())
    assert f"genotypes of site cloud are not looked at: verify {sites.there} there" in caplog.text
    steps.verify(sites.there, scatter=Inline(), progress=Silent())
    next(Path(sites.here, "calls", "b0").glob("*.parquet")).write_bytes(b"")
    with pytest.raises(Damaged):
        steps.verify(sites.here, scatter=Inline(), progress=Silent())


def test_inspect_tells_where_genotypes_lie(tmp_path: Path) -> None:
    sites = apart(tmp_path, "stays")
    assert f"genotypes of 1 samples: {sites.there} (stays)" in steps.inspect(sites.here)


@pytest.mark.parametrize("policy", ["stays", "summaries", "may_leave"])
def test_statistics_lack_only_the_names_that_stay(tmp_path: Path, policy: str) -> None:
    sites = apart(tmp_path, policy)
    whole = count_callset(sites.whole, Inline(), Silent())
    totals = {"cloud": site_totals(sites.there, Inline(), Silent())}
    united = count_callset(sites.here, Inline(), Silent(), totals)
    named = ("ann", "bob", "cat") if policy == "may_leave" else ("ann", "cat")
    assert united.samples == named
    for name in ("site_counts", "spectrum", "depths", "qualities"):
        assert (getattr(united, name) == getattr(whole, name)).all()
    assert (united.sample_total, united.call_rate) == (3, whole.call_rate)
    assert count_callset(sites.here, Inline(), Silent()).sample_total == len(named)


def test_totals_hold_no_sample_and_come_back_whole(tmp_path: Path) -> None:
    write(str(tmp_path))
    counted = count_callset(str(tmp_path), Inline(), Silent())
    table = counted.totals()
    assert table.schema == schema.TOTALS
    again = Statistics.of_totals(table)
    assert again.totals().equals(table)
    assert (again.samples, again.sample_total, again.call_rate) == ((), 3, counted.call_rate)
    words = {row["kind"] for row in table.to_pylist()}
    assert not words & {"ann", "bob", "cat"}


def report(tmp_path: Path, sites: Sites, figures: dict[str, Any]) -> tuple[str, str]:
    values = {"version": "1", "step": "hybrid", "figures": figures, "inputs": {}, "balance": {}, "seconds": 1.0}
    storage.open_store(str(tmp_path / "receipts")).write("hybrid/hybrid.json", json.dumps(values).encode())
    steps.report(
        sites.here, str(tmp_path / "receipts"), str(tmp_path / "out/report.html"), scatter=Inline(), progress=Silent()
    )
    return (tmp_path / "out/report.html").read_text(), (tmp_path / "out/report.txt").read_text()


FIGURES: dict[str, Any] = {
    "coordinator": "hospital",
    "sites": {
        "hospital": {"policy": "stays", "samples": 2, "seconds": 61.0, "cpu_seconds": 90.0, "peak_memory_bytes": 10**9},
        "cloud": {"policy": "stays", "samples": 1},
    },
    "crossings": [
        {"what": "answers", "from": "cloud", "to": "hospital", "messages": 12, "rows": 7, "bytes": 3_456_000},
        {"what": "settled", "from": "hospital", "to": "cloud", "messages": 3, "rows": 7, "bytes": 1_544_000},
    ],
}


def test_the_report_shows_what_crossed_and_whom_it_could_not_see(tmp_path: Path) -> None:
    sites = apart(tmp_path, "stays")
    totals = {"cloud": site_totals(sites.there, Inline(), Silent()).to_pylist()}
    page, text = report(tmp_path, sites, FIGURES | {"totals": totals})
    assert "1 sample of site cloud is counted, but not shown." in page
    assert f"genocloud report {sites.there}" in page
    assert "5.0 MB crossed between sites" in page
    row = '<th scope="row">answers</th><td class="left">cloud</td><td class="left">hospital</td><td>12</td><td>'
    assert f"{row}3,456,000</td>" in page
    assert '<th scope="row">hospital <span class="soft">(coordinates)</span></th>' in page
    assert '<th scope="row">bob</th>' not in page
    assert text.split()[:2] == ["samples", "3"]


def test_the_report_warns_of_samples_without_counts(tmp_path: Path) -> None:
    page, _ = report(tmp_path, apart(tmp_path, "stays"), FIGURES)
    assert "1 sample of site cloud is not counted below." in page


def test_a_manifest_of_one_site_is_as_it_was(tmp_path: Path) -> None:
    write(str(tmp_path))
    values = json.loads((tmp_path / "manifest/00000001.json").read_text())
    assert not {"site", "stores", "callers"} & set(values)


def test_a_united_manifest_comes_back_whole(tmp_path: Path) -> None:
    sites = apart(tmp_path)
    stored_callset = callset.open_callset(sites.here)
    assert stored_callset.description.stores == {AWAY: RemoteGenotypes("cloud", sites.there, "may_leave")}
    assert stored_callset.description.sites == ("hospital", "cloud")
    values = json.loads(contents(sites.here)["manifest/00000001.json"])
    assert values["stores"] == {AWAY: asdict(stored_callset.description.stores[AWAY])}


def test_a_cohort_knows_callsets_that_lie_at_other_sites(tmp_path: Path) -> None:
    store = storage.open_store(str(tmp_path))
    register(store.url, "/lustre/callset")
    register(store.url, "/lustre/callset", "hospital")
    register(store.url, "/lustre/callset", "hospital")
    assert registered(store) == ["/lustre/callset"]
    assert registered_elsewhere(store) == ["/lustre/callset (at hospital)"]
