"""report: write one HTML page of a callset and the run's receipts, and a summary beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from genocloud import storage
from genocloud.callset import Callset, StaleFilters, open_callset
from genocloud.errors import UnreadableFile
from genocloud.pipeline.callset_counts import unseen as unseen_in
from genocloud.pipeline.check_tables import read_checks
from genocloud.pipeline.page_counts import count_page
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.run_costs import priced, prices_of
from genocloud.pipeline.run_receipts import cohort_version, hidden_totals, read_receipts
from genocloud.report.about import About
from genocloud.report.people import QC_TABLES, SCREEN_TABLES, people_of
from genocloud.report.samples import sample_rows, samples_json, samples_tsv
from genocloud.report.spent import spent_lines
from genocloud.report.stages import group_receipts, travelled
from genocloud.report.summary import summary_text
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


def report(
    callset_url: str,
    receipts_url: str,
    out_url: str,
    *,
    scatter: Scatter,
    progress: Progress,
    plan_url: str | None = None,
    qc_url: str | None = None,
    screen_url: str | None = None,
    prices: Sequence[str] = (),
    title: str = "",
) -> Receipt:
    """Count the callset; write the page and, under the same name, the summary (.txt) and all samples' numbers.

    These are tables of the same columns, .samples.tsv and .samples.json. With the JSON of `genocloud plan` at
    `plan_url`, the page compares the plan with the run; it shows what `genocloud qc` and `genocloud screen` wrote to
    the folders at `qc_url` and `screen_url`. `prices` are price tables, `TABLE.yaml` or `SITE=TABLE.yaml`. Raises
    InputError, BadPrices or DamagedFile.
    """
    plan = _read_plan(plan_url) if plan_url else None
    tables = prices_of(prices, plan)
    with receipt_of("report") as receipt:
        receipts = read_receipts(receipts_url)
        totals = hidden_totals(receipts)
        callset = _filtered(open_callset(callset_url))
        checks = {
            "qc": read_checks(qc_url, QC_TABLES, callset.samples, "genocloud qc") if qc_url else {},
            "screen": read_checks(screen_url, SCREEN_TABLES, (), "genocloud screen") if screen_url else {},
        }
        statistics, alleles = count_page(callset, scatter, progress, totals)
        unseen = [{**asdict(each), "counted": each.site in totals} for each in unseen_in(callset)]
        folder, name = storage.split(out_url)
        seconds = sum(float(one.get("seconds", 0)) for one in receipts.values())
        summary = summary_text(statistics, seconds, {"callset": callset_url, "report": out_url})
        rows = sample_rows(statistics, people_of(statistics, **checks))
        beside = {".txt": summary, ".samples.tsv": samples_tsv(rows), ".samples.json": samples_json(rows)}
        texts = {str(PurePosixPath(name).with_suffix(suffix)): text for suffix, text in beside.items()}
        from genocloud.report.html import Sources, render_html  # slow to import (Bokeh), and needed by few

        sources = Sources(
            alleles=alleles,
            contigs=[contig.name for contig in callset.contigs],
            filters=callset.filter_lines,
            unseen=unseen,
            plan=plan,
            spent=priced(spent_lines(group_receipts(receipts), travelled(receipts), receipts), tables),
            currency=next((each.currency for each in tables.values()), ""),
            about=_about(callset, receipts, title),
            tables=list(texts)[1:],
            **checks,
        )
        texts[name] = render_html(receipts, statistics, sources)
        store = storage.open_store(folder)
        for each, text in texts.items():
            store.write(each, text.encode())
        receipt.vouch(out_url, *(storage.join(folder, each) for each in texts if each != name))
        receipt.figures = {"sites": statistics.site_count("sites"), "samples": statistics.sample_total}
    return receipt


def _filtered(callset: Callset) -> Callset:
    """The callset with its filters; without those of sites that it no longer has."""
    try:
        return callset.with_filters()
    except StaleFilters:
        return callset


def _about(callset: Callset, receipts: Mapping[str, Mapping[str, Any]], title: str) -> About:
    """The run's settings, reference and versions, for the page."""
    description = callset.description
    bases = sum(contig.length for contig in description.contigs)
    reference = dict(description.source.get("reference", {}))
    return About(
        title=title,
        callset=callset.url,
        finished=max((str(one.get("finished", "")) for one in receipts.values()), default=""),
        reference=f"{len(description.contigs):,} contig{'s'[: len(description.contigs) != 1]}, {bases:,} bases",
        reference_checksum=str(reference.get("contigs", "")),
        cohort_version=max((cohort_version(one) for one in receipts.values()), default=0),
        settings={name: value for name, value in description.model.items() if value not in ("", None)},
        commands=tuple(dict.fromkeys(command for name in receipts if (command := receipts[name].get("command", "")))),
    )


def _read_plan(url: str) -> dict[str, Any]:
    """Read the JSON of `genocloud plan`. Raises UnreadableFile for other files."""
    with storage.open_file(url) as file:
        data = file.read()
    try:
        plan: dict[str, Any] = json.loads(data)
        plan.setdefault("configured", plan.get("asked"))  # older plans say it so
        _ = plan["configured"]["lines"], plan["rates"]["measured"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "give the file that genocloud plan CONFIG -o wrote"
        raise UnreadableFile(url, "is no plan", remedy) from error
    return plan
