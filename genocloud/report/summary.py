"""The closing summary of a run, as text."""

from collections.abc import Mapping

from genocloud.formatting import percent_text, ratio_text, seconds_text
from genocloud.report.statistics import Statistics


def summary_text(statistics: Statistics, seconds: float, files: Mapping[str, str]) -> str:
    """The headline numbers and where the files are, aligned; plain ASCII but for what `files` holds.

    `files` maps what a file is (`VCF`) to where it is.
    """
    figures = headline(statistics) | {"time in steps": seconds_text(seconds)}
    return "\n".join(["", *_aligned(figures, ">"), "", *_aligned(files, "<"), ""])


def headline(statistics: Statistics) -> dict[str, str]:
    """The figures by which a callset is judged at first sight, in words; kinds of sites that do not occur left out."""
    kinds = {"SNPs": "snps", "indels": "indels", "mixed": "mixed", "other": "other", "non-variant": "nonvariant"}
    kinds |= {"multi-allelic": "multiallelic"}
    counts = {label: statistics.site_count(name) for label, name in kinds.items()}
    shown = {f"  {label}": f"{count:,}" for label, count in counts.items() if count or label in ("SNPs", "indels")}
    return {
        "samples": f"{statistics.sample_total:,}",
        "sites": f"{statistics.site_count('sites'):,}",
        **shown,
        "Ti/Tv": ratio_text(statistics.ti_tv),
        "call rate": percent_text(statistics.call_rate),
    }


def _aligned(rows: Mapping[str, str], side: str) -> list[str]:
    """Lines of a label and a value, in two columns; values at the given `side` of theirs."""
    label_width = max(map(len, rows), default=0)
    value_width = max(map(len, rows.values()), default=0)
    return [f"  {label:<{label_width}}  {value:{side}{value_width}}".rstrip() for label, value in rows.items()]
