"""Tables as text, and the shapes that MultiQC reads."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genocloud.qc.callset_stats import CallsetStats, depth_lines, site_lines
from genocloud.qc.sample_counts import COUNTS, Counts, SampleCounts
from genocloud.qc.sample_metrics import DETAIL_METRICS, SUMMARY_METRICS, picard_metrics, psc_lines
from genocloud.qc.tables import QcTable

DIGITS = 6
"""Significant digits of fractions in text; the Parquet files have all."""


def tsv_text(table: QcTable) -> str:
    """A header and the rows, tabs between; empty where there is no value."""
    columns = [[number_text(value) for value in column.to_pylist()] for column in table.columns]
    lines = ["\t".join(table.column_names), *("\t".join(row) for row in zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def number_text(value: Any) -> str:
    """As text files have it; empty for None."""
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return "" if value is None else str(value)


PSC_HEADER = (
    *("sample", "nRefHom", "nNonRefHom", "nHets", "nTransitions", "nTransversions", "nIndels", "average depth"),
    *("nSingletons", "nHapRef", "nHapAlt", "nMissing"),
)


def bcftools_text(samples: Sequence[str], counts: SampleCounts, sites: CallsetStats) -> str:
    """The file of bcftools stats that plot-vcfstats and MultiQC read, without its sections by frequency and quality."""
    header = "\t".join(f"[{place}]{name}" for place, name in enumerate(("id", *PSC_HEADER), 2))
    lines = [
        "# This file was produced by bcftools stats (its format; the numbers are genocloud qc's)",
        "# ID\t[2]id\t[3]tab-separated file names",
        "ID\t0\tcallset",
        *site_lines(sites, len(samples)),
        *depth_lines(sites),
        f"# PSC\t{header}",
        *psc_lines(samples, counts),
    ]
    return "\n".join(lines) + "\n"


def detail_text(samples: Sequence[str], counts: SampleCounts) -> str:
    """Picard's VariantCallingDetailMetrics, a row for each sample."""
    rows = [
        {"SAMPLE_ALIAS": sample, **picard_metrics(dict(zip(COUNTS, row, strict=True)))}
        for sample, row in zip(samples, counts.counts.tolist(), strict=True)
    ]
    return _metrics_text("VariantCallingDetailMetrics", DETAIL_METRICS, rows)


def summary_text(summary: Counts) -> str:
    """Picard's VariantCallingSummaryMetrics: the callset, each site once."""
    row = picard_metrics(dict(zip(COUNTS, summary.tolist(), strict=True)))
    return _metrics_text("VariantCallingSummaryMetrics", SUMMARY_METRICS, [row])


def _metrics_text(kind: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    lines = ["## htsjdk.samtools.metrics.StringHeader", "# CollectVariantCallingMetrics (genocloud qc)", ""]
    lines += [f"## METRICS CLASS\tpicard.vcf.CollectVariantCallingMetrics${kind}", "\t".join(columns)]
    lines += ["\t".join(_picard_cell(row[name], name) for name in columns) for row in rows]
    return "\n".join([*lines, "", ""])


def _picard_cell(value: Any, name: str) -> str:
    """As Picard prints it: at most six decimals, half of the last down, `?` where there is no number."""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return "?"
    value = float(np.float32(value)) if name.startswith("PCT_DBSNP") else value
    return f"{value:.6f}".rstrip("0").rstrip(".")


def custom_content(name: str, description: str, plot: str, data: Mapping[str, Any], **config: Any) -> str:
    """A `_mqc.json` file, MultiQC's custom content, one section with one plot."""
    whole = {
        "id": f"genocloud_{name}",
        "section_name": name.replace("_", " ").capitalize(),
        "description": description,
        "plot_type": plot,
        "pconfig": {"id": f"genocloud_{name}_plot", "title": f"genocloud: {name.replace('_', ' ')}", **config},
        "data": dict(data),
    }
    return json.dumps(whole, indent=1) + "\n"
