"""Read the folder of a run's receipts, and check that the report can show them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from genocloud import json_digest, schema, storage
from genocloud.errors import InputError
from genocloud.pipeline.receipts import DamagedReceipt
from genocloud.report.stages import bad_records, group_receipts, travelled

_MOST = 1 << 63
_Kinds = type[Any] | tuple[type[Any], ...]
_NUMBER = (int, float)
_RECEIPT_TYPES: dict[str, _Kinds] = {
    **dict.fromkeys(("step", "finished", "command"), str),
    **dict.fromkeys(("inputs", "balance", "figures", "outputs"), dict),
    **dict.fromkeys(("seconds", "cpu_seconds", "peak_memory_bytes"), _NUMBER),
}
_TYPE_WORDS: dict[_Kinds, str] = {str: "text", dict: "object", _NUMBER: "number"}


def read_receipts(url: str) -> dict[str, dict[str, Any]]:
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
    _balance_the_cohort(receipts)
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
        if cohort_version(values):
            group_receipts({name: {"step": "ingest", "balance": figures["cohort"]["records"]}})
        _ = group_receipts(alone), hidden_totals(alone)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, pa.ArrowException) as error:
        problem = f"the report cannot read its figures or its balance ({error!r})"
        raise InputError(f"{url}: {problem}; run its step again") from error


def _numbers(values: Mapping[str, Any], of: str) -> Iterator[tuple[str, float]]:
    """All numbers in JSON, each under the names that lead to it."""
    for key, value in values.items():
        if isinstance(value, _NUMBER):
            yield f"{of}.{key}", value
        elif isinstance(value, dict):
            yield from _numbers(value, f"{of}.{key}")


def _balance_the_cohort(receipts: Mapping[str, dict[str, Any]]) -> None:
    """Replace ingest's balance by that of the whole genotyped cohort.

    Its own receipts are of single runs: the last may have had nothing to do, and samples may have been removed since.
    """
    genotyped = max((one for one in receipts.values() if cohort_version(one)), key=cohort_version, default=None)
    ingests = [one for one in receipts.values() if one["step"] == "ingest"]
    if genotyped is not None and ingests:
        for one in ingests:
            one["balance"] = {}
        ingests[0]["balance"] = genotyped["figures"]["cohort"]["records"]


def cohort_version(receipt: Mapping[str, Any]) -> int:
    """The version of the cohort that was genotyped, as the receipt of that has it; 0 in any other."""
    return int(receipt.get("figures", {}).get("cohort", {}).get("version", 0)) if receipt["step"] == "genotype" else 0


def hidden_totals(receipts: Mapping[str, Mapping[str, Any]]) -> dict[str, schema.Totals]:
    """Totals of samples that stay at their locations, by location."""
    shared = [receipt["figures"].get("totals", {}) for receipt in receipts.values() if receipt["step"] == "hybrid"]
    return {site: pa.Table.from_pylist(rows, schema.TOTALS) for each in shared for site, rows in each.items()}
