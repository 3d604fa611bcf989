"""The HTML report: numbers as counted, users' strings escaped, self-contained, the same bytes each time."""

import itertools
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genocloud.report import html
from genocloud.report.about import About
from genocloud.report.allele_plots import MOST_PLACES, genome_plots
from genocloud.report.allele_statistics import AlleleStatistics
from genocloud.report.html import Sources, render_html
from genocloud.report.people import QC_TABLES, CallsetPeople
from genocloud.report.plots import WARNING, new_figure
from genocloud.report.sample_plots import SamplePoints
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
    """Elements in order with their attributes, and the text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ("script", "style"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and tag == self._within[-1]:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def data_of(page: str, key: str) -> Any:
    """The JSON in one of the page's script elements."""
    return json.loads(re.search(rf'<script type="application/json" id="{key}">(.*?)</script>', page, re.DOTALL)[1])


def _alleles() -> AlleleStatistics:
    out = AlleleStatistics.empty()
    out.annotations[:, :2, :, 10:40] = 5
    out.exchanges[:, :, 5:50] = 20
    out.lengths[:, 40:60] = 7
    out.scores[:, :, ::10] = 3
    out.site_call_rates[95:] = 40
    out.filters.update({("SNV", "PASS"): 100, ("SNV", "QD2 <b>"): 20, ("indel", "PASS"): 30})
    windows = {(0, 5): (4, 2, 12, 300, 10), (0, 9): (5, 0, 15, 400, 15), (1, 0): (1, 3, 3, 0, 0)}
    return replace(out, windows=windows)


def _text(*values: str) -> np.ndarray:
    return np.array(values, object)


def _numbers(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


NAN = float("nan")
Tables = dict[str, dict[str, np.ndarray]]
NO_FLAGS = {name: _text() for name in QC_TABLES["flags"]}
QC = {
    "flags": {
        "sample": _text("bob", "bob", "eve", "gone"),
        "check": _text("sex", "r_ti_tv", "kinship", "sex"),
        "value": _text("XX", "1.2", "unrelated of bob (0.001)", "XY"),
        "limit": _text("male", "within 4 MAD", "parent and child", "female"),
        "advice": _text("look for a swap", "compare <depth>", "correct the pedigree", "x"),
    },
    "alarms": {
        "check": _text("call rate", "set of <sites>"),
        "value": _text("2 of 3", "7 sites"),
        "limit": _text("half", ">= 500"),
        "advice": _text("x", "lower it"),
    },
    "samples": {
        "sample": _text("eve", "ann", "bob"),
        "batch": _text("b1", "b1", "b2"),
        "n_singleton": _numbers(3, 4, 5),
        "r_ti_tv": _numbers(2.1, 2.0, 1.2),
        "r_insertion_deletion": _numbers(0.9, 1, NAN),
    },
    "sex": {
        "sample": _text("ann", "bob", "eve"),
        "sheet_sex": _text("female", "male", ""),
        "karyotype": _text("XX", "XX", "XY"),
        "F": _numbers(0.01, 0.02, 0.99),
        "x_ploidy": _numbers(2.0, 1.97, 1.01),
        "y_ploidy": _numbers(0, 0.01, 1.02),
    },
    "het": {"IID": _text("ann", "bob", "eve"), "F": _numbers(0.1, 0, -0.1)},
    "components": {"#IID": _text("ann", "bob", "eve")} | {f"PC{n}": _numbers(0.1, n, -0.1) for n in range(1, 5)},
    "pairs": {
        "IID1": _text("ann", "eve"),
        "IID2": _text("bob", "bob"),
        "NSNP": _numbers(100, 0),
        "IBS0": _numbers(3, 0),
        "KINSHIP": _numbers(0.25, NAN),
        "relationship": _text("siblings", "unrelated"),
        "expected": _text("siblings", "parent and child"),
    },
    "trios": {name: _text("ann", "bob") for name in ("child", "father", "mother")}
    | {name: _numbers(5, 1) for name in ("ngood_alt", "nmerr", "nmissing")}
    | {"error_rate": _numbers(0.01, NAN), "error_rate_pass": _numbers(0.002, NAN)},
}
SCREEN = {
    "flags": NO_FLAGS,
    "samples": {
        "sample": _text("ann", "bob", "eve"),
        "contamination": _numbers(0.01, NAN, 0.04),
        "hom_alt_ref_share": _numbers(0.01, 0, 0.04),
        "depth": _numbers(30, 31, 32),
        "x_ploidy": _numbers(1, 2, 1),
        "y_ploidy": _numbers(1, 0, 1),
        "sex": _text("XY", "XX", "XY"),
        "sheet": _text("", "", ""),
    },
    "contigs": {
        "sample": _text("ann", "ann", "bob", "bob"),
        "contig": _text("chr1", "$$X$$", "chr1", "$$X$$"),
        "depth": _numbers(30, 15, 31, NAN),
    },
}
ALL = Sources(
    alleles=_alleles(),
    contigs=("chr1", "$$X$$"),
    filters=[("QD2", "QD < 2")],
    qc=QC,
    screen=SCREEN,
    about=About(callset="gs://bucket/callset"),
)
SAMPLES = ["ann", "bob", "eve"]


@pytest.fixture(scope="module")
def page() -> str:
    return render_html(RECEIPTS, _statistics(SAMPLES), ALL)


@pytest.fixture
def plotless(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what has nothing to do with plots: they take longest."""
    monkeypatch.setattr(html, "draw_sections", lambda *_: {})


def test_headline_numbers_equal_the_statistics(page: str) -> None:
    cards = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd></div>", page))
    assert cards == {
        "samples": "3", "sites": "12,345", "SNPs": "10,000", "indels": "2,000", "mixed": "300", "other": "45",
        "multi-allelic": "678", "Ti/Tv": "2.03", "call rate": "99.63%",
        "CPU time": "5 min 0 s", "peak memory": "1.5 GB",
    }  # fmt: skip


def test_the_table_has_all_samples_and_what_is_known_of_them(page: str) -> None:
    columns = {column["title"]: column["values"] for column in data_of(page, "sample-data")}
    assert columns["sample"] == SAMPLES
    assert columns["flags"] == [[], ["sex", "r_ti_tv"], ["kinship"]]
    assert columns["hom-ref"] == [9_000, 9_001, 9_002]
    assert columns["call rate"] == [round(1 - 45 / 12_345, 6)] * 3
    assert columns["Ti/Tv"] == [2.0, 1.2, 2.1]
    assert columns["ins/del"] == [1.0, None, 0.9]
    assert columns["sheet"] == ["female", "male", ""]
    assert columns["contamination"] == [0.01, None, 0.04]


def test_receipts_of_a_step_are_summed(page: str) -> None:
    text = Page(page).text
    assert "balances: 3,300 = 3,000 + 300" in text
    assert "weak 300" in text
    assert "call 2 2 min 2 s 3 min 20 s 1.5 GB 0.1.0" in text
    assert "samples.tsv crc32c:deadbeef" in text


def test_steps_come_in_flow_order(page: str) -> None:
    assert page.index("</span> call</h4>") < page.index("</span> export</h4>")


@pytest.mark.parametrize("samples", [3, 400])
def test_strings_of_users_are_escaped(samples: int) -> None:
    names = [f"{EVIL}{number}" for number in range(samples)]
    statistics = _statistics(names)
    statistics.sample_counts[0, 0] = 10**6
    receipt = {**_receipt(EVIL, 2, 1), "version": EVIL, "inputs": {EVIL: EVIL}}
    receipt["balance"] |= {"unit": EVIL, "dropped": {EVIL: 1}}
    flags = {name: _text(names[1] if name == "sample" else EVIL) for name in QC_TABLES["flags"]}
    pairs = {name: _text(names[number % 2]) for number, name in enumerate(("IID1", "IID2", "relationship", "expected"))}
    pairs |= {name: _numbers(1) for name in ("NSNP", "IBS0", "KINSHIP")}
    components = QC["components"] | {"#IID": _text(*names[:3])}
    sources = Sources(qc={"flags": flags, "pairs": pairs, "components": components}, filters=[(EVIL, EVIL)])
    shown = render_html({EVIL: receipt, EVIL + "2": receipt}, statistics, sources)
    assert len(Page(shown).all("script")) == 4
    assert "alert(" not in re.sub(r"<script.*?</script>", "", shown, flags=re.DOTALL).replace(
        "&lt;script&gt;alert(", ""
    )
    assert data_of(shown, "sample-data")[0]["values"] == names
    assert EVIL in Page(shown).text


def test_the_page_is_self_contained(page: str) -> None:
    parsed = Page(page)
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in parsed.elements}
    assert parsed.values("src") == []
    assert all(reference.startswith("#") for reference in parsed.values("href"))
    own = re.sub(r"<script>.*?</script>", "", page, count=1, flags=re.DOTALL)  # less BokehJS
    assert "http" not in own
    assert "@import" not in page


def test_ids_are_unique_and_references_lead_to_one(page: str) -> None:
    parsed = Page(page)
    ids = parsed.values("id")
    assert len(ids) == len(set(ids))
    wanted = {value[1:] for value in parsed.values("href")} | set(parsed.values("aria-labelledby"))
    assert wanted <= set(ids)


def test_every_flagged_sample_is_named_with_a_link_to_its_flags(page: str) -> None:
    text = Page(page).text
    assert "2 of 3 samples need a look before this callset is used." in text
    assert re.findall(r'<a href="#flags-(\d)">(\w+)</a>', page) == [("1", "bob"), ("2", "eve"), ("1", "bob")]
    assert re.findall(r'<li id="flags-(\d)"><strong>(\w+)<', page) == [("1", "bob"), ("2", "eve")]
    assert "bob : XX (wanted: male)" in text
    assert "What to do. Look for a swap." in text
    assert "Numbers far off the others&#39;: 1 sample" in page
    assert "r_ti_tv 1.2" in text
    assert "Set of <sites>: 7 sites (wanted: >= 500). Lower it." in text
    assert "Call rate: 2 of 3 (wanted: half). X." in text
    assert "gone" not in text  # a sample that the callset does not have


def test_headings_and_landmarks(page: str) -> None:
    parsed = Page(page)
    tags = [tag for tag, _ in parsed.elements]
    assert [tags.count(tag) for tag in ("h1", "header", "nav", "main", "footer")] == [1] * 5
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all("aria-labelledby" in attributes for attributes in parsed.all("section"))
    assert all("aria-label" in each or "aria-labelledby" in each for _, each in parsed.elements if "role" in each)
    assert parsed.all("html")[0]["lang"] == "en"


def test_tags_are_closed(page: str) -> None:
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for tag in ("div", "table", "tr", "td", "th", "dl", "ol", "ul", "li", "figure", "section", "details", "p"):
        assert len(re.findall(rf"<{tag}\b", own)) == own.count(f"</{tag}>"), tag


def test_same_input_same_bytes(page: str) -> None:
    assert render_html(dict(reversed(RECEIPTS.items())), _statistics(SAMPLES), ALL) == page


def test_each_section_has_its_figures_and_their_words(page: str) -> None:
    sections = re.findall(r'<h2 id="section-\d+-title">([^<]+)</h2>', page)
    assert sections == [
        "Quality by sample", "Sex", "Kinship and pedigree", "Contamination", "Components", "Mendelian errors",
        "Genotypes", "Along the genome", "Sites and alleles", "Filters", "Annotations, passing and failing",
    ]  # fmt: skip
    parsed = Page(page)
    assert len(parsed.all("figure")) == len(parsed.values("data-root")) == 3 + 1 + 1 + 1 + 4 + 1 + 3 + 3 + 3 + 2 + 7
    roots = [root["id"] for root in data_of(page, "figure-data")["roots"]]
    assert parsed.values("data-root") == roots
    assert "mean DP of 3 samples: median 30.00, lowest 30.00 (ann), highest 30.00 (ann)." in page
    assert "1 of 3 samples are flagged for their sex: bob." in page
    assert "2 pairs are related or should be; 1 are flagged." in page


def test_windows_of_a_genome_are_put_together_within_their_contigs() -> None:
    windows = {
        (contig, place): (1, contig, 10, 30, 10) for contig in range(7) for place in range(5, 5 + 300 * contig, 2)
    }
    alleles = replace(AlleleStatistics.empty(), windows=windows)
    missing, _ = genome_plots(alleles, [f"chr{number}" for number in range(7)])
    (line, *_) = missing.figure.renderers
    data = line.data_source.data
    assert len(data["x"]) < 2 * MOST_PLACES
    assert np.all(np.diff(data["x"]) > 0)
    assert [int(name[3:]) / 10 for name in data["contig"]] == data["y"].tolist()


def test_bokeh_sees_no_mathematics_for_which_it_would_ask_the_network(page: str) -> None:
    assert "$$" not in json.dumps(data_of(page, "figure-data"))


def test_sections_without_a_source_are_left_out_and_the_page_says_how_to_make_them() -> None:
    shown = render_html({}, _statistics(SAMPLES))
    assert re.findall(r'<h2 id="section-\d+-title">([^<]+)</h2>', shown) == [
        "Quality by sample", "Genotypes", "Sites and alleles",
    ]  # fmt: skip
    text = Page(shown).text
    assert all(f"genocloud {command} " in text for command in ("filter", "qc", "screen", "plan"))
    assert "Nothing stands out." in text
    assert (
        "genocloud qc gs://bucket/callset qc/"
        in Page(render_html({}, _statistics(SAMPLES), Sources(about=ALL.about))).text
    )


@pytest.mark.usefixtures("plotless")
def test_samples_that_stand_out_are_named_with_the_rule() -> None:
    statistics = _statistics(SAMPLES)
    statistics.sample_counts[1, 0] = 10_000
    text = Page(render_html({}, statistics)).text
    assert "1 of 3 samples needs a look" in text
    assert "bob : 55.15% (median 99.63%)" in text
    assert "below 90%" in text


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
    statistics = _statistics(SAMPLES)
    statistics.sample_counts[:, 0] = 10_000
    text = Page(render_html({}, statistics)).text
    assert "3 of 3 samples have a call rate below 90% (median 55.15%). Likely the gVCFs cover different regions" in text
    assert "No single sample stands out" in text
    assert "Do not use this callset yet" in text


@pytest.mark.usefixtures("plotless")
def test_a_check_that_most_samples_fail_is_looked_at_first() -> None:
    names = SAMPLES[:2]
    flags = {name: _text(*(names if name == "sample" else ["duplicate"] * 2)) for name in QC_TABLES["flags"]}
    assert "Most samples fail this check." in render_html({}, _statistics(SAMPLES), Sources(qc={"flags": flags}))


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
    shown = render_html({}, _statistics(["ann"]), Sources(about=about, tables=("r.samples.tsv", "a&b.json")))
    text = Page(shown).text
    assert "<h1>Alps &amp; sea</h1>" in shown
    assert "finished: 2026-11-29 08:00:00 UTC cohort version: 7 reference: 25 contigs, 3 bases" in text
    assert "annotation_groups StandardAnnotation" in text
    assert "2 commands genocloud ingest study <b> genocloud discover study" in text
    assert re.findall(r'<a href="([^"#]+)">', shown) == ["r.samples.tsv", "a%26b.json"]


@pytest.mark.usefixtures("plotless")
def test_expected_ranges_stand_beside_what_is_here() -> None:
    text = Page(render_html({}, _statistics(SAMPLES))).text
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


def test_nothing_at_all_can_be_reported() -> None:
    shown = render_html({}, Statistics.empty())
    assert "No sample was looked at." in shown
    assert "n/a" in shown
    assert "<figure" not in shown


def test_tables_of_qc_without_rows_draw_nothing() -> None:
    empty = {table: {name: values[:0] for name, values in columns.items()} for table, columns in QC.items()}
    none = {table: {name: values[:0] for name, values in columns.items()} for table, columns in SCREEN.items()}
    shown = render_html({}, _statistics(SAMPLES), Sources(qc=empty, screen=none))
    assert "Kinship" not in shown.partition("<main")[2].partition("<script")[0].replace("Sex, kinship", "")
    assert "Nothing stands out." in shown


COUNTED = {"ngood_alt", "nmerr", "nmissing"}


def _unknown(tables: Tables) -> Tables:
    """The same with nothing where tables may have nothing."""
    return {
        table: {
            name: values if values.dtype == object or name in COUNTED else np.full(len(values), NAN)
            for name, values in columns.items()
        }
        for table, columns in tables.items()
    }


UNKNOWN = replace(ALL, qc=_unknown(QC), screen=_unknown(SCREEN))


@pytest.mark.parametrize(
    ("counted", "sources"),
    [
        (Statistics.empty(SAMPLES), UNKNOWN),
        (_statistics(SAMPLES[:1]), UNKNOWN),
        (Statistics.empty(["nobody that qc knows"]), ALL),
    ],
)
def test_tables_in_which_nothing_is_known_draw_what_is_left(counted: Statistics, sources: Sources) -> None:
    assert '<h2 id="verdict-title">' in render_html({}, counted, sources)


def test_names_in_any_script_can_be_drawn() -> None:
    assert "山田" in render_html({}, _statistics(["山田", "Łukasz", "ann"]))


def _many(number: int) -> str:
    """A page of many samples, all that is known of them at random."""
    names = [f"S{place:06}" for place in range(number)]
    draw = np.random.default_rng(1)
    numbers = {name: draw.normal(1, 0.1, number) for name in ("n_singleton", "r_ti_tv", "r_insertion_deletion")}
    words = {"sample": _text(*names), "batch": _text(*names)}
    ploidies = {name: draw.normal(1, 0.1, number) for name in ("F", "x_ploidy", "y_ploidy")}
    sheet = {"sheet_sex": _text(*["male"] * number), "karyotype": _text(*["XY"] * number)}
    qc = QC | {
        "flags": {name: _text(*names[: number // 20]) for name in QC_TABLES["flags"]},
        "samples": words | numbers,
        "sex": {"sample": words["sample"]} | ploidies | sheet,
        "components": {"#IID": words["sample"]} | {f"PC{n}": draw.normal(0, 1, number) for n in range(1, 5)},
    }
    return render_html(RECEIPTS, _statistics(names), replace(ALL, qc=qc))


def test_what_is_wrong_with_many_samples_stands_before_their_names() -> None:
    """In a list of names that scrolls, it would be out of sight behind them."""
    names = [f"S{place:03}" for place in range(100)]
    said = {"check": "batch", "value": "b17: n_deletion +9.1", "limit": "within 4 MAD", "advice": "compare"}
    flags = {"sample": _text(*names[:70])} | {name: _text(*[text] * 70) for name, text in said.items()}
    shown = render_html(RECEIPTS, _statistics(names), replace(ALL, qc=QC | {"flags": flags}))
    verdict = shown[: shown.index("What to do.")]
    assert verdict.index("b17: n_deletion +9.1") < verdict.index("S000")


def test_small_groups_are_drawn_over_large_ones_and_flagged_samples_last() -> None:
    people = CallsetPeople(names=tuple("abcdef"), numbers={"x": np.arange(6.0)})
    points, figure = SamplePoints(people), new_figure("x", "x")
    groups = {
        "few": ("#111111", np.array([0])),
        "flagged": (WARNING, np.array([1, 2])),
        "many": ("#222222", np.arange(3, 6)),
    }
    drawn = points.draw(figure, points.column("x"), points.column("x"), groups)
    assert [each.glyph.fill_color for each in drawn] == ["#222222", "#111111", WARNING]


@pytest.mark.parametrize(("samples", "megabytes"), [(1_000, 2.5), (10_000, 6)])
def test_pages_of_many_samples_have_all_and_stay_small(samples: int, megabytes: float) -> None:
    shown = _many(samples)
    assert len(shown.encode()) < megabytes * 1e6
    assert len(data_of(shown, "sample-data")[0]["values"]) == samples
    assert len(re.findall(r'<li id="flags-', shown)) == samples // 20


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


SEEN = """
addEventListener("load", () => setTimeout(() => {
  const out = document.createElement("pre"), count = pattern => document.querySelectorAll(pattern).length;
  const sample = () => document.querySelector("#people-table tbody th")?.textContent;
  const click = title => [...document.querySelectorAll("#people-table thead button")]
    .find(button => button.textContent === title).click();
  const firsts = [sample()];
  click("hom-ref"); click("hom-ref"); firsts.push(sample());
  click("flags"); firsts.push(sample());
  document.querySelector(".look-up[data-sample=eve]").click(); firsts.push(sample());
  const found = document.getElementById("number-shown").textContent;
  document.getElementById("find").value = "";
  document.getElementById("only-flagged").click(); firsts.push(document.getElementById("number-shown").textContent);
  const drawn = [...document.querySelectorAll(".plot")].filter(place => place.firstElementChild?.shadowRoot);
  const inside = part => [part, ...(part.shadowRoot ? parts(part.shadowRoot) : [])];
  const parts = root => [...root.querySelectorAll("*")].flatMap(inside);
  const spoken = drawn.flatMap(parts).filter(part => part.getAttribute("role") === "img" && part.ariaLabel);
  out.id = "seen";
  out.textContent = JSON.stringify({
    rows: count("#people-table tbody tr"), columns: document.querySelector("#people-table tbody tr").cells.length,
    figures: drawn.length, spoken: spoken.length, firsts, found, asked: performance.getEntriesByType("resource").length,
  });
  document.body.append(out);
}, 3000))
"""


@pytest.mark.skipif(chromium() is None, reason="there is no chromium here to open the page in")
def test_a_browser_draws_the_page_without_a_network(page: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(page.replace("</body>", f"<script>{SEEN}</script></body>"))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=15000"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
    command = [str(chromium()), *options, (tmp_path / "page.html").as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Uncaught" not in ended.stderr
    seen = json.loads(unescape(re.search(r'<pre id="seen">(.*?)</pre>', ended.stdout)[1]))
    columns = len(data_of(page, "sample-data"))
    firsts = ["ann", "eve", "bob", "eve", "2 of 3 samples."]
    expected = {"firsts": firsts, "found": "1 of 3 samples."}
    expected |= {"rows": 2, "columns": columns, "asked": 0}
    assert seen == expected | dict.fromkeys(("figures", "spoken"), page.count("<figure"))
