"""report: a callset and the run's receipts become one HTML page, and a summary beside it."""

import json
from pathlib import PurePosixPath
from typing import Any

from genocloud import objects
from genocloud.report.summary import summary_text
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.statistics import count_callset


def report(callset_url: str, receipts_url: str, out_url: str, scatter: Scatter, progress: Progress) -> Receipt:
    """Count the callset; write the page and, under the same name with .txt, the closing summary."""
    with receipt_of("report") as receipt:
        receipts = _read_receipts(receipts_url)
        statistics = count_callset(callset_url, scatter, progress)
        folder, name = objects.split(out_url)
        store = objects.open_store(folder)
        seconds = sum(float(one.get("seconds", 0)) for one in receipts.values())
        files = {"callset": callset_url, "report": out_url}
        summary = summary_text(statistics, seconds, files)
        store.write(str(PurePosixPath(name).with_suffix(".txt")), summary.encode())
        from genocloud.report.html import render_html  # slow to import (matplotlib), and needed by few

        store.write(name, render_html(receipts, statistics).encode())
        receipt.figures = {"sites": statistics.site_count("sites"), "samples": len(statistics.samples)}
    return receipt


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
