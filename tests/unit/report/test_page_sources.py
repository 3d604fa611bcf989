"""What the page is made of: a filtered callset, the folders of qc and screen; and folders that are no such thing."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from genocloud import qc
from genocloud.callset import open_callset, publish_filters, read_filters
from genocloud.cli import main
from genocloud.pipeline.callset_counts import count_callset
from genocloud.pipeline.page_counts import count_page
from genocloud.qc import tables
from genocloud.report.people import QC_TABLES, SCREEN_TABLES
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.schema import FLAGS


def run(*arguments: str | Path) -> int:
    return main([*map(str, arguments), "--scatter", "inline"])


@pytest.fixture
def folder(made, tmp_path: Path) -> Path:
    """What `genocloud qc` writes, and no receipts."""
    (tmp_path / "receipts").mkdir()
    assert run("qc", made.callset, tmp_path / "qc") == 0
    return tmp_path


def test_the_page_shows_what_qc_wrote(made, folder: Path) -> None:
    out = folder / "report.html"
    receipts = "--receipts", folder / "receipts"
    assert run("report", made.callset, *receipts, "--qc", folder / "qc", "-o", out) == 0
    page = out.read_text()
    assert "genocloud qc" not in page
    assert "genocloud screen" in page
    flagged = {line.split("\t")[0] for line in (folder / "qc" / "flags.tsv").read_text().splitlines()[1:]}
    assert set(re.findall(r'<li id="flags-\d+"><strong>([^<]+)<', page)) == flagged


def test_filters_of_the_callset_are_shown(made, folder: Path) -> None:
    filtered = shutil.copytree(made.callset, folder / "filtered")
    assert run("filter", filtered, "-f", "HighQual=QUAL > 100") == 0
    out = folder / "report.html"
    assert run("report", filtered, "--receipts", folder / "receipts", "-o", out) == 0
    assert '<th scope="row">HighQual</th>' in out.read_text()


def test_filters_of_an_earlier_state_are_left_out(made, folder: Path) -> None:
    filtered = shutil.copytree(made.callset, folder / "filtered")
    assert run("filter", filtered, "-f", "HighQual=QUAL > 100") == 0
    store = open_callset(filtered).store
    publish_filters(store, replace(read_filters(store), sites={"other": "sites"}))
    out = folder / "report.html"
    assert run("report", filtered, "--receipts", folder / "receipts", "-o", out) == 0
    page = out.read_text()
    assert "HighQual" not in page
    assert "<code>genocloud filter " in page


def test_counts_by_sample_are_those_of_count_callset(made) -> None:
    counted = count_page(open_callset(made.callset), Inline(), Silent())
    assert counted.by_sample.to_json() == count_callset(made.callset, Inline(), Silent()).to_json()
    sites = counted.by_sample.site_count("sites")
    assert sum(sums[0] for sums in counted.by_allele.windows.values()) == sites
    missing = sum(sums[1] for sums in counted.by_allele.windows.values())
    assert missing == int(counted.by_sample.by_sample("missing").sum())
    depth = sum(sums[3] for sums in counted.by_allele.windows.values())
    assert depth == int(counted.by_sample.by_sample("depth_sum").sum())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "pairs.parquet").unlink(), "pairs.parquet: there is no such file"),
        (lambda folder: (folder / "sex.parquet").write_bytes(b"PAR1"), "sex.parquet: it cannot be read"),
        (lambda folder: (folder / "het.parquet").write_bytes((folder / "trios.parquet").read_bytes()), "no column IID"),
    ],
)
def test_a_folder_that_qc_did_not_write_is_named(made, folder: Path, spoil, said: str, capsys) -> None:
    spoil(folder / "qc")
    out = folder / "report.html"
    code = run("report", made.callset, "--receipts", folder / "receipts", "--qc", folder / "qc", "-o", out)
    assert code == 3
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_the_columns_that_the_page_needs_are_those_of_qc_and_screen() -> None:
    declared = {"samples": tables.SAMPLE_METRICS, "sex": tables.SEXES, "het": tables.HET, "pairs": tables.PAIRS}
    declared |= {"ancestry": tables.ANCESTRY, "trios": tables.TRIOS, "flags": FLAGS, "alarms": tables.ALARMS}
    for name, columns in QC_TABLES.items():
        assert name == "components" or set(columns) <= set(declared[name].names), name
    screened = {"samples": qc.SCREEN, "contigs": qc.CONTIG_DEPTHS, "flags": FLAGS}
    for name, columns in SCREEN_TABLES.items():
        assert set(columns) <= set(screened[name].names), name
