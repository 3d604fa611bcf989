"""The report sets what was planned beside what a run took."""

from genocloud.report.html import Sources, render_html
from genocloud.report.statistics import Statistics

LINE = {"site": "here", "tasks": 1, "wall_seconds": 1.0, "stored_bytes": 0.0, "crossing_bytes": 100.0, "money": 0.0}
PLAN = {
    "people": 3,
    "sites": 12,
    "rates": {"measured": "2026-01-02", "machine": "a <machine>"},
    "configured": {
        "lines": [
            LINE | {"step": "estimate", "core_seconds": 60.0, "memory_bytes": 1e6},
            LINE | {"step": "genotype", "core_seconds": 30.0, "memory_bytes": 2e6, "stored_bytes": 5e6},
        ]
    },
}
COST = {"cpu_seconds": 45.0, "peak_memory_bytes": 3_000_000}


def receipt(**figures) -> dict:
    return {"step": "genotype", **COST, "figures": figures}


def test_planned_and_taken_stand_side_by_side():
    parts = {"genotype/a.json": receipt(bytes_stored=4), "genotype/genotype.json": receipt(bytes_stored=10_000_000)}
    page = render_html(parts, Statistics.empty(), Sources(plan=PLAN))
    assert "Planned and taken" in page
    assert "a &lt;machine&gt;" in page
    rows = [line for line in page.splitlines() if '<th scope="row">genotype</th><td class="left">' in line]
    assert [row.count("<td") for row in rows] == [4, 4, 4]
    assert "1 min 30 s</td><td>1 min 30 s</td><td>1.00" in rows[0]
    assert "2.0 MB</td><td>3.0 MB</td><td>1.50" in rows[1]
    assert "5.0 MB</td><td>10.0 MB</td><td>2.00" in rows[2]


def test_what_crossed_is_set_beside_too():
    crossing = {"what": "local", "from": "b", "to": "a", "messages": 1, "rows": 1, "bytes": 300}
    receipts = {"hybrid/hybrid.json": {"step": "hybrid", **COST, "figures": {"crossings": [crossing], "sites": {}}}}
    assert "200 bytes</td><td>300 bytes</td><td>1.50" in render_html(receipts, Statistics.empty(), Sources(plan=PLAN))


def test_money_is_that_of_the_plan_by_core_time():
    line = LINE | {"step": "call", "core_seconds": 30.0, "memory_bytes": 2e6, "money": 0.5, "site": "a <place>"}
    plan = PLAN | {"configured": {"lines": [line]}, "currency": "EUR"}
    call = {"step": "call", "cpu_seconds": 45.0, "peak_memory_bytes": 0, "figures": {}}
    page = render_html({"call/p04.json": call}, Statistics.empty(), Sources(plan=plan))
    assert "money, by core time</td><td>0.50</td><td>0.75</td><td>1.50" in page
    assert "money, EUR" in page
    assert '<th scope="row">a &lt;place&gt;</th><td class="left">call</td>' in page


def test_without_a_plan_the_page_does_not_speak_of_one():
    assert "Planned" not in render_html({}, Statistics.empty())


def test_memory_that_is_not_known_is_not_compared():
    """A caller's program says what it took of the processor alone."""
    line = LINE | {"step": "call", "core_seconds": 30.0, "memory_bytes": 2e6}
    plan = PLAN | {"configured": {"lines": [line]}}
    call = {"step": "call", "cpu_seconds": 45.0, "peak_memory_bytes": 0, "figures": {}}
    page = render_html({"call/p04.json": call}, Statistics.empty(), Sources(plan=plan))
    rows = [line for line in page.splitlines() if '<th scope="row">call</th><td class="left">' in line]
    assert len(rows) == 1
    assert "30 s</td><td>45 s</td><td>1.50" in rows[0]
