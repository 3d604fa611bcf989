"""The HTML report: numbers as counted, users' strings escaped, self-contained, the same bytes each time."""

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from genocloud.report import html
from genocloud.report.about import About
from genocloud.report.html import render_html
from genocloud.report.statistics import SAMPLE_COUNTS, Statistics

EVIL = "<script>alert('x')</script>&\"$a_b$"


def _statistics(samples: list[str]) -> Statistics:
    out = Statistics.empty(samples)
    out.site_counts[:] = [12_345, 10_000, 2_000, 300, 45, 0, 678, 6_100, 3_000]
    out.spectrum[0, [1, 2, 9]] = 7_000, 2_000, 1_000
    rows = np.arange(len(samples))
    out.sample_counts[:, : len(SAMPLE_COUNTS)] = np.stack(
        [45 + 0 * rows, 9_000 + rows, 1_900 + 0 * rows, 1_000 + 0 * rows, 300 - rows, 100 + 0 * rows], axis=1
    )
    out.sample_counts[:, len(SAMPLE_COUNTS) :] = 123_000, 4_100, 286_590, 4_100
    out.depths[20:40] = 10
    out.qualities[50:99] = 10
    return out


def _receipt(step: str, taken: int, emitted: int, **dropped: int) -> dict[str, Any]:
    balance = {"unit": "records", "taken": taken, "kept": emitted, "dropped": dropped}
    return {
        "version": "0.1.0",
        "step": step,
        "inputs": {"samples.tsv": "crc32c:deadbeef"},
        "balance": balance,
        "seconds": 61.2,
        "cpu_seconds": 100.0,
        "peak_memory_bytes": 1_500_000_000,
    }


RECEIPTS = {
    "export.json": _receipt("export", 12_345, 12_345),
    "call/ann.json": _receipt("call", 1_100, 1_000, weak=100),
    "call/bob.json": _receipt("call", 2_200, 2_000, weak=200),
}


class Page(HTMLParser):
    """Tags in order, ids, attributes, and the text outside style and SVG."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def page() -> str:
    return render_html(RECEIPTS, _statistics(["ann", "bob", "eve"]))


@pytest.fixture
def plotless(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what has nothing to do with plots: they take longest."""
    monkeypatch.setattr(html.plots, "draw_plots", lambda _: ())


def test_headline_numbers_equal_the_statistics(page: str) -> None:
    cards = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd></div>", page))
    assert cards == {
        "samples": "3", "sites": "12,345", "SNPs": "10,000", "indels": "2,000", "mixed": "300", "other": "45",
        "multi-allelic": "678", "Ti/Tv": "2.03", "call rate": "99.63%",
        "CPU time": "5 min 0 s", "peak memory": "1.5 GB",
    }  # fmt: skip


def test_sample_rows_equal_the_statistics(page: str) -> None:
    rows = re.findall(r'<th scope="row">(\w+)</th>((?:<td>[^<]*</td>)+)</tr>', page)
    cells = {name: re.findall(r"<td>([^<]*)</td>", row) for name, row in rows}
    assert cells["bob"] == ["99.63%", "45", "9,001", "1,900", "1,000", "399", "1.90", "30.00", "69.90"]


def test_receipts_of_a_step_are_summed(page: str) -> None:
    text = Page(page).text
    assert "balances: 3,300 = 3,000 + 300" in text
    assert "weak 300" in text
    assert "call 2 2 min 2 s 3 min 20 s 1.5 GB 0.1.0" in text
    assert "samples.tsv crc32c:deadbeef" in text


def test_steps_come_in_flow_order(page: str) -> None:
    assert page.index("</span> call</h3>") < page.index("</span> export</h3>")


@pytest.mark.parametrize("samples", [3, 30, 400])
def test_strings_of_users_are_escaped(samples: int) -> None:
    names = [f"{EVIL}{number}" for number in range(samples)]
    statistics = _statistics(names)
    statistics.sample_counts[0, 0] = 10**6
    receipt = {**_receipt(EVIL, 2, 1), "version": EVIL, "inputs": {EVIL: EVIL}}
    receipt["balance"] |= {"unit": EVIL, "dropped": {EVIL: 1}}
    shown = render_html({EVIL: receipt, EVIL + "2": receipt}, statistics)
    assert shown.count("<script") == Page(shown).tags.count("script") == 1  # our own, which sorts
    assert "alert(" not in shown.partition("<script>")[2]
    assert "<script>alert('x')</script>&\"$a_b$0" in Page(shown).text


def test_the_page_is_self_contained(page: str) -> None:
    assert "http" not in page
    assert "@import" not in page
    assert not {"link", "img", "iframe", "object"} & set(Page(page).tags)
    assert page.count("<script>") == Page(page).tags.count("script") == 1
    references = [value for name, value in Page(page).attributes if name in ("href", "xlink:href", "src")]
    assert all(reference.startswith("#") for reference in references)


def test_ids_are_unique_and_references_lead_to_one(page: str) -> None:
    parsed = Page(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    wanted = set(re.findall(r'(?:href="|url\()#([^")]+)', page))
    wanted |= {key for name, value in parsed.attributes if name == "aria-labelledby" for key in value.split()}
    assert wanted <= set(parsed.ids)


def test_tags_are_closed(page: str) -> None:
    for tag in ("div", "table", "tr", "td", "th", "dl", "ol", "ul", "li", "figure", "svg", "details"):
        assert len(re.findall(rf"<{tag}\b", page)) == page.count(f"</{tag}>"), tag


def test_same_input_same_bytes(page: str) -> None:
    assert render_html(dict(reversed(RECEIPTS.items())), _statistics(["ann", "bob", "eve"])) == page


def test_figures_have_words_for_those_who_cannot_see_them(page: str) -> None:
    assert page.count('role="img" aria-labelledby="plot') == page.count("<figure>") == 6
    assert "mean DP of 3 samples: median 30.00, lowest 30.00 (ann), highest 30.00 (ann)." in page


@pytest.mark.usefixtures("plotless")
def test_samples_that_stand_out_are_named_with_the_rule() -> None:
    statistics = _statistics(["ann", "bob", "eve"])
    statistics.sample_counts[1, 0] = 10_000
    text = Page(render_html({}, statistics)).text
    assert "1 sample stands out. bob : call rate 55.15% (median 99.63%)" in text
    assert "below 90%" in text
    assert 'class="odd"' in render_html({}, statistics)


@pytest.mark.usefixtures("plotless")
def test_each_kind_of_flag_says_what_to_do() -> None:
    statistics = _statistics([f"s{number}" for number in range(9)])
    statistics.sample_counts[:, :4] = [10, 8_000, 1_500, 1_000]
    statistics.sample_counts[4, :4] = [5_000, 3_000, 2_500, 1_000]
    text = Page(render_html({}, statistics)).text
    assert "What to do. Compare its mean depth" in text
    assert "What to do. Suspect contamination" in text
    assert "runs of homozygosity" not in text
    assert text.count("What to do.") == 2


@pytest.mark.usefixtures("plotless")
def test_where_everybody_stands_out_the_callset_does() -> None:
    statistics = _statistics(["ann", "bob", "eve"])
    statistics.sample_counts[:, 0] = 10_000
    text = Page(render_html({}, statistics)).text
    assert "3 of 3 samples have a call rate below 90% (median 55.15%). Likely the gVCFs cover different regions" in text
    assert "No single sample stands out." in text
    assert 'class="odd"' not in render_html({}, statistics)


@pytest.mark.usefixtures("plotless")
def test_the_run_is_described() -> None:
    settings = {"name": "gatk", "annotation_groups": ["StandardAnnotation"], "stand_call_conf": 30.0}
    commands = "genocloud ingest study <b>", "genocloud discover study"
    about = About(
        title="Alps & sea",
        finished="2026-11-29T08:00:00+00:00",
        reference="25 contigs, 3 bases",
        reference_checksum="sha256:ab",
        cohort_version=7,
        settings=settings,
        commands=commands,
    )
    shown = render_html({}, _statistics(["ann"]), about=about, tables=("r.samples.tsv", "a&b.json"))
    text = Page(shown).text
    assert "<h1>Alps &amp; sea</h1>" in shown
    assert "finished: 2026-11-29 08:00:00 UTC cohort version: 7 reference: 25 contigs, 3 bases" in text
    assert "annotation_groups StandardAnnotation" in text
    assert "2 commands genocloud ingest study <b> genocloud discover study" in text
    assert re.findall(r'<a href="([^"]+)">', shown) == ["r.samples.tsv", "a%26b.json"]


@pytest.mark.usefixtures("plotless")
def test_expected_ranges_stand_beside_what_is_here() -> None:
    text = Page(render_html({}, _statistics(["ann", "bob", "eve"]))).text
    assert "Ti/Tv 2.03 2.0 to 2.1 in whole human genomes" in text
    assert "call rate 99.63% 98% and more" in text


@pytest.mark.usefixtures("plotless")
def test_a_step_that_does_not_balance_is_a_warning() -> None:
    shown = render_html({"ingest.json": _receipt("ingest", 10, 8, weak=1)}, _statistics(["ann"]))
    assert "ingest does not balance." in shown
    assert "balances:" not in shown


@pytest.mark.usefixtures("plotless")
def test_mixed_versions_are_a_warning() -> None:
    receipts = {**RECEIPTS, "ingest.json": {**_receipt("ingest", 1, 1), "version": "0.2.0"}}
    assert "different versions of genocloud" in render_html(receipts, _statistics(["ann"]))


@pytest.mark.usefixtures("plotless")
def test_a_receipt_without_a_balance_is_no_flow() -> None:
    assert "balances:" not in render_html({"report.json": {"step": "report"}}, _statistics(["ann"]))


def test_many_samples_are_cut_and_the_page_says_so() -> None:
    statistics = _statistics([f"s{number}" for number in range(1000)])
    statistics.sample_counts[700, 0] = 10_000
    shown = render_html({}, statistics)
    assert f"{html.MOST_ROWS} of 1,000 samples" in shown
    assert shown.count('<th scope="row">') == html.MOST_ROWS
    assert re.findall(r'<th scope="row">(\w+)', shown)[0] == "s700"
    assert len(shown) < 400_000


def test_nothing_at_all_can_be_reported() -> None:
    shown = render_html({}, Statistics.empty())
    assert shown.count("nothing to show") == 6
    assert "n/a" in shown


def test_names_in_any_script_can_be_drawn() -> None:
    assert "山田" in render_html({}, _statistics(["山田", "Łukasz", "ann"]))
