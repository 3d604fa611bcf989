"""report: write one HTML page of a callset and the run's receipts, and a summary beside it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from genocloud import json_digest, schema, storage
from genocloud.callset import Callset, open_callset
from genocloud.errors import InputError, UnreadableFile
from genocloud.pipeline.callset_counts import count_callset
from genocloud.pipeline.callset_counts import unseen as unseen_in
from genocloud.pipeline.receipts import DamagedReceipt, Receipt, receipt_of
from genocloud.report.about import About
from genocloud.report.samples import sample_rows, samples_json, samples_tsv
from genocloud.report.stages import bad_records, group_receipts, travelled
from genocloud.report.summary import summary_text
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


def report(
    callset_url: str,
    receipts_url: str,
    out_url: str,
    scatter: Scatter,
    progress: Progress,
    plan_url: str | None = None,
    title: str = "",
) -> Receipt:
    """Count the callset; write the page and, under the same name, the summary (.txt) and all samples' numbers.

    These are tables of the same columns, .samples.tsv and .samples.json. With the JSON of `genocloud plan` at
    `plan_url`, the page compares the plan with the run.
    """
    plan = _read_plan(plan_url) if plan_url else None
    with receipt_of("report") as receipt:
        receipts = _read_receipts(receipts_url)
        totals = _totals(receipts)
        statistics = count_callset(callset_url, scatter, progress, totals)
        callset = open_callset(callset_url)
        unseen = [{**asdict(each), "counted": each.site in totals} for each in unseen_in(callset)]
        folder, name = storage.split(out_url)
        store = storage.open_store(folder)
        seconds = sum(float(one.get("seconds", 0)) for one in receipts.values())
        files = {"callset": callset_url, "report": out_url}
        summary = summary_text(statistics, seconds, files)
        summary_name = str(PurePosixPath(name).with_suffix(".txt"))
        store.write(summary_name, summary.encode())
        rows = sample_rows(statistics)
        tables = {".samples.tsv": samples_tsv(rows), ".samples.json": samples_json(rows)}
        names = {str(PurePosixPath(name).with_suffix(suffix)): text for suffix, text in tables.items()}
        for table_name, text in names.items():
            store.write(table_name, text.encode())
        from genocloud.report.html import render_html  # slow to import (matplotlib), and needed by few

        about = _about(callset, receipts, title)
        store.write(name, render_html(receipts, statistics, unseen, plan, about, tuple(names)).encode())
        receipt.vouch(out_url, *(storage.join(folder, each) for each in (summary_name, *names)))
        receipt.figures = {"sites": statistics.site_count("sites"), "samples": statistics.sample_total}
    return receipt


def _about(callset: Callset, receipts: Mapping[str, Mapping[str, Any]], title: str) -> About:
    """The run's settings, reference and versions, for the page."""
    description = callset.description
    bases = sum(contig.length for contig in description.contigs)
    reference = dict(description.source.get("reference", {}))
    return About(
        title,
        max((str(one.get("finished", "")) for one in receipts.values()), default=""),
        f"{len(description.contigs):,} contigs, {bases:,} bases",
        str(reference.get("contigs", "")),
        max((_version(one) for one in receipts.values()), default=0),
        {name: value for name, value in description.model.items() if value not in ("", None)},
        tuple(dict.fromkeys(command for name in receipts if (command := receipts[name].get("command", "")))),
    )


def _version(receipt: Mapping[str, Any]) -> int:
    """The version of the cohort that was genotyped, as the receipt of that has it; 0 in any other."""
    return int(receipt.get("figures", {}).get("cohort", {}).get("version", 0)) if receipt["step"] == "genotype" else 0


def _read_plan(url: str) -> dict[str, Any]:
    """Read the JSON of `genocloud plan`. Raises UnreadableFile for other files."""
    with storage.open_file(url) as file:
        data = file.read()
    try:
        plan: dict[str, Any] = json.loads(data)
        _ = plan["asked"]["lines"], plan["rates"]["measured"]
    except (ValueError, KeyError, TypeError) as error:
        remedy = "give the file that genocloud plan CONFIG -o wrote"
        raise UnreadableFile(url, "is no plan", remedy) from error
    return plan


def _totals(receipts: Mapping[str, Mapping[str, Any]]) -> dict[str, schema.Totals]:
    """Totals of samples that stay at their locations, by location."""
    shared = [receipt["figures"].get("totals", {}) for receipt in receipts.values() if receipt["step"] == "hybrid"]
    return {site: pa.Table.from_pylist(rows, schema.TOTALS) for each in shared for site, rows in each.items()}


def _read_receipts(url: str) -> dict[str, dict[str, Any]]:
    """Receipts by name: <step>/<name>.json below the URL.

    <step>/<step>.json counts for the whole step; receipts of parts beside it add only their costs, not their balance.
    """
    store = storage.open_store(url)
    names = [name for name in store.list() if name.count("/") == 1 and name.endswith(".json")]
    receipts = {name: values for name in names if "step" in (values := _receipt(store, name))}
    for name, values in receipts.items():
        whole = "{step}/{step}.json".format(**values)
        if whole in receipts and name != whole:
            values["balance"] = {}
    _speak_of_the_cohort(receipts)
    return receipts


def _receipt(store: storage.Store, name: str) -> dict[str, Any]:
    """Read a JSON object; if it is a receipt, check its keys' types. Raises InputError."""
    url = storage.join(store.url, name)
    try:
        data = store.read(name)
        values: Any = json.loads(data)
        if isinstance(values, dict):
            values = json_digest.open_json(data)
    except json_digest.BadDigest as error:
        raise DamagedReceipt(url, str(error)) from error
    except (ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{url}: not JSON ({problem}); remove it, or run its step again") from error
    if not isinstance(values, dict):
        raise InputError(f"{url}: no receipt of genocloud; remove it, or give the folder with a run's receipts")
    for key, kind in _RECEIPT_TYPES.items() if "step" in values else ():
        if key in values and (not isinstance(values[key], kind) or isinstance(values[key], bool)):
            raise InputError(f"{url}: {key} is {str(values[key])[:40]!r}, no {_TYPE_WORDS[kind]}; run its step again")
    if "step" in values:
        _check_figures(url, name, values)
    return values


def _check_figures(url: str, name: str, values: dict[str, Any]) -> None:
    """Raise InputError for a receipt with impossible numbers, or with figures that the report cannot show."""
    costs = {key: values.get(key, 0) for key in ("seconds", "cpu_seconds", "peak_memory_bytes")}
    for key, number in {**costs, **dict(_numbers(values.get("balance", {}), "balance"))}.items():
        if not 0 <= number < _MOST:
            raise InputError(f"{url}: {key} is {number}, which cannot be; run its step again")
    try:
        if not isinstance(values.get("balance", {}).get("dropped", {}), dict):
            raise TypeError("dropped is no object")
        alone = {name: values}
        travel, figures = travelled(alone), values.get("figures", {})
        counts = [count for _, _, count in bad_records(alone)] + [figures.get("bytes_stored", 0)]
        counts += [travel.bytes] if travel else []
        for count in counts:
            json_digest.whole_number(count, "a count")
        if _version(values):
            group_receipts({name: {"step": "ingest", "balance": figures["cohort"]["records"]}})
        _ = group_receipts(alone), _totals(alone)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, pa.ArrowException) as error:
        problem = f"the report cannot read its figures or its balance ({error!r})"
        raise InputError(f"{url}: {problem}; run its step again") from error


_MOST = 1 << 63


def _numbers(values: Mapping[str, Any], of: str) -> Iterator[tuple[str, float]]:
    """All numbers in JSON, each under the names that lead to it."""
    for key, value in values.items():
        if isinstance(value, _NUMBER):
            yield f"{of}.{key}", value
        elif isinstance(value, dict):
            yield from _numbers(value, f"{of}.{key}")


_Kinds = type[Any] | tuple[type[Any], ...]
_NUMBER = (int, float)
_RECEIPT_TYPES: dict[str, _Kinds] = {
    **dict.fromkeys(("step", "finished", "command"), str),
    **dict.fromkeys(("inputs", "balance", "figures", "outputs"), dict),
    **dict.fromkeys(("seconds", "cpu_seconds", "peak_memory_bytes"), _NUMBER),
}
_TYPE_WORDS: dict[_Kinds, str] = {str: "text", dict: "object", _NUMBER: "number"}


def _speak_of_the_cohort(receipts: Mapping[str, dict[str, Any]]) -> None:
    """Replace ingest's balance by that of the whole genotyped cohort.

    Its own receipts are of single runs: the last may have had nothing to do, and samples may have been removed since.
    """
    genotyped = max((one for one in receipts.values() if _version(one)), key=_version, default=None)
    ingests = [one for one in receipts.values() if one["step"] == "ingest"]
    if genotyped is not None and ingests:
        for one in ingests:
            one["balance"] = {}
        ingests[0]["balance"] = genotyped["figures"]["cohort"]["records"]
