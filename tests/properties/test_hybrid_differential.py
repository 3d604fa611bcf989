"""A callset made at several sites, whatever their policies, holds the records of a run at one site, value by value."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from genocloud import steps
from genocloud.callset import Callset
from genocloud.formatting import percent_text
from genocloud.pipeline.callset_counts import count_callset
from genocloud.pipeline.receipts import write_receipt
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.support.decoded_callsets import records
from tests.support.hybrid_studies import Study, differences, run_study, small, write_study

pytestmark = pytest.mark.slow

CONTIGS = {
    "many": small("many", 10),
    "spanning": small("spanning", 32),
    "ploidies": small("ploidies", 9),
    "crowded": small("crowded", 2),
}
GROUPS = ["StandardAnnotation", "AS_StandardAnnotation"]
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "allele specific": {"annotation_group": GROUPS, "annotate_with_num_discovered_alleles": True},
    "all sites": {"include_non_variant_sites": True, "intervals": ["spanning:300-500", "ploidies:20-60"]},
}
Made = Callable[[str], tuple[Study, Callset]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study by its settings, and its callset made at one site."""

    @cache
    def make(name: str) -> tuple[Study, Callset]:
        folder, counts = tmp_path_factory.mktemp("study"), {"aarau": 6, "bern": 1, "chur": 5, "davos": 0}
        study = write_study(folder, counts, CONTIGS, window_bp=500, batch_size=4, **SETTINGS[name])
        return study, study.at_one_site()

    return make


@pytest.mark.parametrize(
    ("settings", "policies", "coordinator"),
    [
        ("plain", ("summaries", "summaries", "may_leave"), "davos"),
        ("allele specific", ("stays", "summaries", "may_leave"), "bern"),
        ("all sites", ("may_leave", "stays", "summaries"), "chur"),
    ],
)
def test_sites_and_policies_do_not_change_a_value(
    made: Made, settings: str, policies: tuple[str, ...], coordinator: str
) -> None:
    study, single = made(settings)
    config = study.config("mixed", dict(zip(study.people, (*policies, "stays"), strict=True)), coordinator)
    run_study(study, config)
    assert differences(study, "mixed", config, single) == []
    for site, names in study.people.items():
        if names:
            steps.verify(study.made("mixed", site).url, scatter=Inline(), progress=Silent())


def test_columns_that_may_leave_are_exported_as_one(tmp_path: Path, made: Made) -> None:
    study, single = made("plain")
    run_study(study, study.config("leaving", dict.fromkeys(study.people, "may_leave"), "aarau"))
    out = [tmp_path / name for name in ("one.vcf.gz", "many.vcf.gz")]
    for callset, path in zip((single, study.made("leaving", "aarau")), out, strict=True):
        steps.export(callset.url, str(path), scatter=Inline(), progress=Silent())
    assert records(out[0]) == records(out[1])


def test_the_report_counts_whom_it_may_not_show(tmp_path: Path, made: Made) -> None:
    study, single = made("plain")
    config = study.config("report", dict.fromkeys(study.people, "stays"), "chur")
    write_receipt(run_study(study, config), str(tmp_path / "receipts/hybrid/hybrid.json"))
    assert differences(study, "report", config, single) == []
    out = tmp_path / "report.html"
    steps.report(
        study.made("report", "chur").url, str(tmp_path / "receipts"), str(out), scatter=Inline(), progress=Silent()
    )
    page, whole = out.read_text(), count_callset(single.url, Inline(), Silent())
    assert "6 samples of site aarau are counted, but not shown." in page
    assert f"<dt>call rate</dt><dd>{percent_text(whole.call_rate)}</dd>" in page
    assert [name for name in single.samples if name in page] == sorted(study.people["chur"])
    assert '<th scope="row">answers</th><td class="left">aarau</td><td class="left">chur</td>' in page
