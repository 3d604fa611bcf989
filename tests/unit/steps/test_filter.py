"""genocloud filter: what exports say of it, what replaces it, and what is refused."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pysam
import pytest

import genocloud
from genocloud import annotations, callset, schema, storage
from genocloud.callset import DamagedFile, NoFilters, StaleFilters
from genocloud.cli import main
from genocloud.regions import Region
from tests.support import callset_tables as make
from tests.support import small_callset
from tests.support.cohort_people import Killed, killed_at


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A callset whose contigs all exported formats can index."""
    made = small_callset.write(str(tmp_path / "callset"))
    contigs = (replace(made.contigs[0], length=2**28), *made.contigs[1:])
    callset.commit(made.store, replace(made.description, contigs=contigs), made.shards)
    return str(tmp_path / "callset")


def run(*words: str) -> int:
    return main([*words, "-q"])


def exported(url: str, out: Path, *words: str) -> list[tuple[int, list[str], tuple[str, ...] | None]]:
    assert run("export", url, str(out), *words) == 0
    with pysam.VariantFile(str(out)) as file:
        return [(record.pos, list(record.filter), dict(record.info).get("AS_FilterStatus")) for record in file]


@pytest.mark.parametrize("suffix", ["vcf.gz", "bcf"])
def test_exports_have_the_callsets_filters(url, tmp_path, suffix):
    assert run("filter", url, "-f", "low=QUAL < 100", "-f", "many=N_ALT > 3", "-f", "fs=FS > 50") == 0
    made = genocloud.open_callset(url)
    said = made.filters().to_pylist()
    assert len({row["filter"] for row in said}) > 2
    expected = [(row["pos"], row["filter"].split(";"), tuple(row["AS_FilterStatus"])) for row in said]
    assert exported(url, tmp_path / f"o.{suffix}") == expected
    plain = exported(url, tmp_path / f"p.{suffix}", "--unfiltered")
    stored = [text.split(";") if text else [] for text in made.sites()["filter"].to_pylist()]
    assert plain == [(pos, filters, None) for (pos, _, _), filters in zip(expected, stored, strict=True)]


def test_sites_and_arrays_of_the_filtered_callset_have_its_filters(url):
    assert run("filter", url, "-f", "low=QUAL < 100", "-f", "many=N_ALT > 3", "-f", "LowQual=QUAL < 1") == 0
    plain = genocloud.open_callset(url)
    made = plain.with_filters()
    said = plain.filters()
    assert made.sites()["filter"].to_pylist() == said["filter"].to_pylist()
    assert made.sites()["AS_FilterStatus"].to_pylist() == said["AS_FilterStatus"].to_pylist()
    assert made.sites().drop_columns(["filter", *said.column_names[3:]]).equals(plain.sites().drop_columns(["filter"]))
    assert made.sites("chr2", columns=["AC", "filter"]).num_rows == 2
    passing = made.sites(columns=["pos", "filter"], filter=(pc.field("filter") == "PASS") & (pc.field("pos") > 5))
    assert passing.to_pylist() == [
        {"pos": row["pos"], "filter": "PASS"} for row in said.to_pylist() if row["filter"] == "PASS" and row["pos"] > 5
    ]
    with pytest.raises(genocloud.SettingError, match="no column filters"):
        made.sites(columns=["filters"])
    for arrays in (made.to_numpy(), made.to_xarray(chunks={})):
        names = list(np.asarray(arrays["filter_id"]))
        assert names == ["PASS", "LowQual", "low", "many"]
        assert [
            {name for name, holds in zip(names, row, strict=True) if holds}
            for row in np.asarray(arrays["variant_filter"])
        ] == [set(text.split(";")) for text in said["filter"].to_pylist()]


def test_the_header_declares_every_filter_and_its_expression(url, tmp_path):
    assert run("filter", url, "-f", 'low=TYPE="snp" && QUAL < 100') == 0
    exported(url, tmp_path / "o.vcf.gz")
    with pysam.VariantFile(str(tmp_path / "o.vcf.gz")) as file:
        assert set(file.header.filters) == {"PASS", "LowQual", "low"}
        assert '##FILTER=<ID=low,Description="TYPE=\\"snp\\" && QUAL < 100">' in str(file.header)


def test_new_filters_replace_the_old_ones_and_leave_nothing_of_them(url, tmp_path):
    assert run("filter", url, "-f", "low=QUAL < 100") == 0
    before = set((tmp_path / "callset/filters").rglob("*.parquet"))
    assert run("filter", url, "-f", "high=QUAL > 100") == 0
    after = set((tmp_path / "callset/filters").rglob("*.parquet"))
    assert len(after) == len(before) == 3
    assert before.isdisjoint(after)
    names = {name for row in genocloud.open_callset(url).filters().to_pylist() for name in row["filter"].split(";")}
    assert names <= {"PASS", "LowQual", "high"}
    assert run("verify", url) == 0


def test_a_filtered_export_is_not_a_part_of_another(url, tmp_path, monkeypatch):
    """Parts of a killed export are reused only where they have the same filters."""
    assert run("filter", url, "-f", "low=QUAL < 100") == 0
    out = tmp_path / "o.vcf.gz"
    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["genocloud.steps.export"], "join_shards", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run("export", url, str(out))
    assert run("filter", url, "-f", "high=QUAL > 100") == 0
    assert {name for _, filters, _ in exported(url, out) for name in filters} <= {"PASS", "LowQual", "high"}


def test_filters_of_an_earlier_state_are_refused(url, tmp_path, capsys, caplog):
    assert run("filter", url, "-f", "low=QUAL < 100") == 0
    small_callset.write(url, key="other", seed=2)
    with pytest.raises(StaleFilters):
        genocloud.open_callset(url).filters()
    assert run("export", url, str(tmp_path / "o.bcf")) == 4
    assert "made anew since it was filtered: run genocloud filter again" in capsys.readouterr().err
    assert not (tmp_path / "o.bcf").exists()
    assert run("export", url, str(tmp_path / "o.bcf"), "--unfiltered") == 0
    assert main(["inspect", url]) == 0
    assert "low; of an earlier state: run genocloud filter again" in capsys.readouterr().out
    assert run("verify", url) == 0
    assert "made anew since it was filtered" in caplog.text
    assert run("filter", url) == 0
    assert run("export", url, str(tmp_path / "o.bcf")) == 0


def test_a_callset_without_filters_says_so(url, capsys):
    assert main(["inspect", url]) == 0
    assert "filters    none" in capsys.readouterr().out
    with pytest.raises(NoFilters, match="run genocloud filter"):
        genocloud.open_callset(url).filters()


def test_regions_are_flags(url, tmp_path):
    """0-based, half-open: the base before POS 900, and what REF reaches."""
    bed = tmp_path / "some.bed"
    bed.write_text("chr1\t899\t900\nchr2\t7\t8\n")
    assert run("filter", url, "-f", "some=HARD", "-f", "outside=!HARD", "--regions", f"HARD={bed}") == 0
    made = genocloud.open_callset(url)
    for row, site in zip(made.filters().to_pylist(), made.sites().to_pylist(), strict=True):
        reach = range(site["pos"] - 1, site["pos"] - 1 + len(site["ref"]))
        inside = 899 in reach if site["contig"] == "chr1" else 7 in reach
        assert ("some" if inside else "outside") in row["filter"].split(";"), site


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["-f", "QD<2"], 5, "write NAME=EXPRESSION"),
        (["-f", "a=QDD<2"], 5, "no QDD; did you mean QD?"),
        (["-f", 'a=QUAL<"x"'], 5, "a text with a number"),
        (["--preset", "hrad"], 5, "did you mean hard"),
        (["--regions", "x"], 5, "write NAME=FILE"),
        (["--regions", "x=no/such.bed"], 3, "no/such.bed"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(url, capsys, words, code, problem):
    before = small_callset.contents(url)
    assert run("filter", url, *words) == code
    assert problem in capsys.readouterr().err
    assert small_callset.contents(url) == before


def test_damage_of_the_filters_is_seen(url, tmp_path):
    assert run("filter", url, "-f", "low=QUAL < 100") == 0
    store = storage.open_store(url)
    for name in [*store.list("filters/"), "manifest/filters.json"]:
        data = store.read(name)
        store.write(name, data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        assert run("verify", url) == 4, name
        with pytest.raises(DamagedFile, match=name.rpartition("/")[2]):
            genocloud.open_callset(url).filters()
        store.delete(name)
        if name.startswith("filters/"):
            with pytest.raises(DamagedFile, match="is missing"):
                genocloud.open_callset(url).filters()
        store.write(name, data)
    assert run("verify", url) == 0


def test_a_copy_of_a_callset_keeps_its_filters(url, tmp_path):
    assert run("filter", url, "-f", "low=QUAL < 100") == 0
    shutil.copytree(url, tmp_path / "copy")
    assert genocloud.open_callset(tmp_path / "copy").filters().equals(genocloud.open_callset(url).filters())


def test_a_killed_run_leaves_the_old_filters_or_the_new_and_the_next_one_ends(tmp_path, monkeypatch):
    url = f"memory://{tmp_path}"
    made = small_callset.write(url)
    assert run("filter", url, "-f", "old=QUAL < 100") == 0
    old = made.filters().to_pylist()
    assert run("filter", url, "-f", "new=QUAL > 100") == 0
    new = made.filters().to_pylist()
    for moment in range(1, 9):
        assert run("filter", url, "-f", "old=QUAL < 100") == 0
        with monkeypatch.context() as patched:
            killed_at(patched, moment)
            try:
                run("filter", url, "-f", "new=QUAL > 100")
                ended = True
            except Killed:
                ended = False
        assert made.filters().to_pylist() in ([new] if ended else [old, new]), moment
        assert run("filter", url, "-f", "new=QUAL > 100") == 0
        assert made.filters().to_pylist() == new
        assert len(made.store.list("filters/")) == 3
    assert ended


def test_of_two_runs_at_a_time_the_second_is_refused(url, capsys):
    with storage.file_lock(f"{url}/manifest/filters.json"):
        assert run("filter", url) == 4
    assert "another run" in capsys.readouterr().err


def test_a_callset_without_sites_is_filtered(tmp_path):
    url = str(tmp_path / "callset")
    callset.commit(storage.open_store(url), make.description({"b0": ("ann",)}, make.CONTIGS), [])
    assert run("filter", url, "--preset", "gvs") == 0
    assert genocloud.open_callset(url).filters().num_rows == 0
    assert exported(url, tmp_path / "o.bcf") == []


def test_sites_without_an_alt_pass_or_not(tmp_path):
    url = str(tmp_path / "callset")
    sites, genotypes = make.tables(Random(1), "chr2", [5, 7], [("ann",)])
    rows = [row | dict.fromkeys(lists(sites)) | {"alts": []} for row in sites.to_pylist()]
    cells = [row | {"GT": "0/0", "AD": None, "PL": None} for row in genotypes[0].to_pylist()]
    store, shard = storage.open_store(url), make.Shard("001-chr2-00000", Region(1, 0, 50_000))
    tables = make.as_table(rows, annotations.SITES), {"b0": make.as_table(cells, schema.GENOTYPES)}
    entry = callset.write_shard(store, shard, "key", *tables)
    made = callset.commit(store, make.description({"b0": ("ann",)}, make.CONTIGS), [entry])
    assert run("filter", url, "-f", 'ref=TYPE="ref"', "--preset", "hard", "--preset", "gvs") == 0
    said = made.filters().to_pylist()
    assert all("ref" in row["filter"].split(";") and row["AS_FilterStatus"] == [] for row in said)
    assert [pos for pos, names, _ in exported(url, tmp_path / "o.vcf.gz", "-L", "chr2") if "ref" in names] == [5, 7]


def lists(table):
    return [field.name for field in table.schema if pa.types.is_list(field.type)]


def test_a_site_takes_the_filters_of_everybodys_callset(url, tmp_path, capsys):
    """Bytes and all; of other sites they are refused, and damaged ones; the callset then stays as it was."""
    site = shutil.copytree(url, tmp_path / "site")
    assert run("filter", str(site), "--same-as", url) == 4
    assert "no filters yet" in capsys.readouterr().err
    assert run("filter", url, "--preset", "gvs", "--preset", "adj", "-f", "low=QUAL < 100") == 0
    bare = shutil.copytree(
        url, tmp_path / "bare", ignore=shutil.ignore_patterns("calls", "reference", "sites", "shares")
    )
    assert run("filter", str(site), "--same-as", str(bare), "--preset", "hard") == 5
    assert run("filter", str(site), "--same-as", str(bare)) == 0
    names = ["filters", "manifest/filters.json"]
    files = {file.relative_to(url) for name in names for file in [Path(url, name), *Path(url, name).rglob("*")]}
    for file in (file for file in files if Path(url, file).is_file()):
        assert Path(site, file).read_bytes() == Path(url, file).read_bytes()
    assert exported(str(site), tmp_path / "s.bcf") == exported(url, tmp_path / "u.bcf")
    other = str(tmp_path / "other")
    small_callset.write(other, seed=2)
    assert run("filter", other, "--same-as", url) == 4
    assert "its sites are not those" in capsys.readouterr().err
    assert genocloud.open_callset(other).with_filters().filter_set is None
    (table, *_) = (file for file in Path(url).glob("filters/*/*.parquet") if file.stat().st_size)
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    assert run("filter", str(site), "-f", "low=QUAL < 50") == 0
    said = genocloud.open_callset(str(site)).filters()
    assert run("filter", str(site), "--same-as", url) == 4
    assert genocloud.open_callset(str(site)).filters().equals(said)
