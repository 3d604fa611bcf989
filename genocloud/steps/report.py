"""report: a callset and the run's receipts become one HTML page, and a summary beside it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from genocloud import callset, objects, schema
from genocloud.errors import UnreadableFile
from genocloud.report.summary import summary_text
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.statistics import count_callset
from genocloud.steps.statistics import unseen as unseen_in


def report(
    callset_url: str,
    receipts_url: str,
    out_url: str,
    scatter: Scatter,
    progress: Progress,
    plan_url: str | None = None,
) -> Receipt:
    """Count the callset; write the page and, under the same name with .txt, the closing summary.

    With the JSON of `genocloud plan` at `plan_url`, the page has what was planned beside what it took.
    """
    plan = _read_plan(plan_url) if plan_url else None
    with receipt_of("report") as receipt:
        receipts = _read_receipts(receipts_url)
        totals = _totals(receipts)
        statistics = count_callset(callset_url, scatter, progress, totals)
        unseen = [
            {**asdict(each), "counted": each.site in totals} for each in unseen_in(callset.open_callset(callset_url))
        ]
        folder, name = objects.split(out_url)
        store = objects.open_store(folder)
        seconds = sum(float(one.get("seconds", 0)) for one in receipts.values())
        files = {"callset": callset_url, "report": out_url}
        summary = summary_text(statistics, seconds, files)
        summary_name = str(PurePosixPath(name).with_suffix(".txt"))
        store.write(summary_name, summary.encode())
        from genocloud.report.html import render_html  # slow to import (matplotlib), and needed by few

        store.write(name, render_html(receipts, statistics, unseen, plan).encode())
        receipt.vouch(out_url, objects.join(folder, summary_name))
        receipt.figures = {"sites": statistics.site_count("sites"), "samples": statistics.sample_total}
    return receipt


def _read_plan(url: str) -> dict[str, Any]:
    """What `genocloud plan` foretold. Raises UnreadableFile for what is no plan."""
    with objects.open_file(url) as file:
        data = file.read()
    try:
        plan: dict[str, Any] = json.loads(data)
        _ = plan["asked"]["lines"], plan["rates"]["measured"]
    except (ValueError, KeyError, TypeError) as error:
        remedy = "give the file that genocloud plan CONFIG -o wrote"
        raise UnreadableFile(url, "is no plan", remedy) from error
    return plan


def _totals(receipts: Mapping[str, Mapping[str, Any]]) -> dict[str, pa.Table]:
    """What sites told of their samples taken together, by site."""
    told = [receipt["figures"].get("totals", {}) for receipt in receipts.values() if receipt["step"] == "hybrid"]
    return {site: pa.Table.from_pylist(rows, schema.TOTALS) for each in told for site, rows in each.items()}


def _read_receipts(url: str) -> dict[str, dict[str, Any]]:
    """Receipts by name: <step>/<name>.json below the URL.

    <step>/<step>.json speaks for the whole step: a part's receipt beside it tells costs; its balance would count twice.
    """
    store = objects.open_store(url)
    names = [name for name in store.list() if name.count("/") == 1 and name.endswith(".json")]
    receipts = {name: values for name in names if "step" in (values := json.loads(store.read(name)))}
    for name, values in receipts.items():
        whole = "{step}/{step}.json".format(**values)
        if whole in receipts and name != whole:
            values["balance"] = {}
    return receipts
