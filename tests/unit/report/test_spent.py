"""What a run took by site and step: bytes and core time of its receipts, in money by price tables."""

from dataclasses import replace

import pytest

from genocloud.costs import BadPrices
from genocloud.pipeline.run_costs import priced, prices_of
from genocloud.report.html import Sources, render_html
from genocloud.report.spent import SpentLine, spent_lines
from genocloud.report.stages import group_receipts, travelled
from genocloud.report.statistics import Statistics

TABLE = """
currency: {}
dated: "2026-01-01"
source: made up
core_hour: 3.6
memory_gb_hour: 0
storage_gb_month: 2
egress_gb: 10
"""
CROSSINGS = [
    {"what": "sums", "from": "b", "to": "a", "messages": 1, "bytes": 500_000_000},
    {"what": "sites", "from": "a", "to": "b", "messages": 1, "bytes": 1},
]
SITES = {"a": {"cpu_seconds": 100.0}, "b": {"cpu_seconds": 50.0}, "c": {}}
HYBRID = {"sites": SITES, "crossings": CROSSINGS, "coordinator": "a", "bytes_stored": 1_000_000_000}
RECEIPTS = {
    "hybrid/hybrid.json": {"step": "hybrid", "cpu_seconds": 9.0, "figures": HYBRID},
    "export/export.json": {"step": "export", "cpu_seconds": 30.0, "figures": {"bytes_stored": 3}},
    "qc/qc.json": {"step": "qc", "cpu_seconds": 4.0},
}


def lines() -> list[SpentLine]:
    return spent_lines(group_receipts(RECEIPTS), travelled(RECEIPTS), RECEIPTS)


@pytest.fixture
def table(tmp_path):
    def write(name: str, currency: str = "EUR") -> str:
        (tmp_path / name).write_text(TABLE.format(currency))
        return str(tmp_path / name)

    return write


def test_a_run_over_sites_has_a_line_for_each():
    line = SpentLine(site="", step="", core_seconds=0, stored_bytes=0, crossing_bytes=0)
    assert lines() == [
        replace(line, step="hybrid", site="a", core_seconds=100.0, stored_bytes=1_000_000_000, crossing_bytes=1),
        replace(line, step="hybrid", site="b", core_seconds=50.0, crossing_bytes=500_000_000),
        replace(line, step="hybrid", site="c", core_seconds=None),
        replace(line, step="export", core_seconds=30.0, stored_bytes=3),
        replace(line, step="qc", core_seconds=4.0),
    ]


def test_money_is_work_a_month_of_storage_and_traffic(table):
    whole = priced(lines(), prices_of([table("p.yaml")], None))
    assert whole[2].money is None
    assert [line.money for line in whole if line.money is not None] == pytest.approx(
        [0.1 + 2, 0.05 + 5, 0.03, 0.004], abs=1e-6
    )
    one = priced(lines(), prices_of([f"b={table('p.yaml')}"], None))
    assert [line.site for line in one if line.money is not None] == ["b"]


def test_a_plan_has_prices_too(table):
    values = {"currency": "EUR", "dated": "", "source": "", "core_hour": 3.6, "memory_gb_hour": 0}
    plan = {"prices": {"here": values | {"storage_gb_month": 2, "egress_gb": 10}}}
    assert priced(lines(), prices_of([], plan)) == priced(lines(), prices_of([table("p.yaml")], None))
    assert prices_of([], {}) == prices_of([], None) == {}


def test_two_currencies_are_refused(table):
    with pytest.raises(BadPrices, match="USD, but another site's has EUR"):
        prices_of([table("e.yaml"), f"b={table('u.yaml', 'USD')}"], None)


def test_the_page_has_them():
    spent = priced(lines(), {})
    page = render_html(RECEIPTS, Statistics.empty(), Sources(spent=spent))
    assert "Time and money" in page
    assert '<th scope="row">hybrid</th><td class="left">b</td><td>50 s</td><td></td><td>500.0 MB</td></tr>' in page
    assert '<th scope="row">all</th><td class="left"></td><td>3 min 4 s</td><td>1.0 GB</td><td>500.0 MB</td>' in page
