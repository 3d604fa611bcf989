"""What follows from counts: Hail's sample_qc, the PSC lines of bcftools stats, Picard's detail and summary metrics."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.qc.sample_counts import COUNTS, NO_VALUE, Counts, SampleCounts
from genocloud.qc.tables import SAMPLE_METRICS, SampleMetrics, table_of


def ratio(numerator: Any, denominator: Any) -> npt.NDArray[np.float64]:
    """The quotient as float64, NaN where the denominator is 0."""
    out = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=np.asarray(denominator) != 0)
    return out


def sample_metrics(
    samples: Sequence[str], groupings: Mapping[str, Sequence[str | None]], counts: SampleCounts
) -> SampleMetrics:
    """Hail's sample_qc of each sample; null where a ratio has no denominator, or no genotype the value.

    groupings  of each of schema.GROUPINGS, each sample's
    """
    named = {name: counts[name] for name in COUNTS}
    called = named["n_hom_ref"] + named["n_het"] + named["n_hom_var"]
    kinds = {name: named[f"kind_{name}"] for name in ("TRANSITION", "TRANSVERSION", "INSERTION", "DELETION", "STAR")}
    columns: dict[str, Any] = {
        "sample": list(samples),
        **groupings,
        "call_rate": ratio(called, called + named["n_not_called"]),
        "n_called": called,
        **{name: named[name] for name in ("n_not_called", "n_hom_ref", "n_het", "n_hom_var", "n_singleton")},
        "n_non_ref": named["n_het"] + named["n_hom_var"],
        "n_snp": kinds["TRANSITION"] + kinds["TRANSVERSION"],
        **{f"n_{name.lower()}": values for name, values in kinds.items()},
        "r_ti_tv": ratio(kinds["TRANSITION"], kinds["TRANSVERSION"]),
        "r_het_hom_var": ratio(named["n_het"], named["n_hom_var"]),
        "r_insertion_deletion": ratio(kinds["INSERTION"], kinds["DELETION"]),
    }
    for place, name in enumerate(("dp", "gq")):
        columns |= _spread(named, name, counts.extremes[:, 2 * place : 2 * place + 2])
    return table_of(columns, SAMPLE_METRICS)


def _spread(named: Mapping[str, Counts], name: str, extremes: Counts) -> dict[str, Any]:
    """Mean, standard deviation, smallest and largest; exact sums, so that the variance is not below 0 by rounding."""
    number, total, squares = (named[f"{name}_{what}"] for what in ("n", "sum", "squares"))
    scaled = [int(n) * int(q) - int(s) ** 2 for n, q, s in zip(number, squares, total, strict=True)]
    deviations = [math.sqrt(value) / int(n) if n else math.nan for value, n in zip(scaled, number, strict=True)]
    known = np.abs(extremes) != NO_VALUE
    return {
        f"{name}_mean": ratio(total, number),
        f"{name}_stdev": np.array(deviations, np.float64),
        f"{name}_min": pa.array(extremes[:, 0], mask=~known[:, 0]),
        f"{name}_max": pa.array(extremes[:, 1], mask=~known[:, 1]),
    }


PSC = ("nRefHom", "nNonRefHom", "nHets", "nTransitions", "nTransversions", "nIndels")
"""Counts of a PSC line, in its order, before the average depth."""

PSC_REST = ("nSingletons", "nHapRef", "nHapAlt", "nMissing")
"""Those behind it."""


def psc_lines(samples: Sequence[str], counts: SampleCounts) -> list[str]:
    """The lines that `bcftools stats -s -` has for each sample."""
    depths = ratio(counts["dp_sum"].astype(np.float32), counts["dp_n"].astype(np.float32)).astype(np.float32)
    lines = []
    for row, sample in enumerate(samples):
        first, rest = ([str(int(counts[name][row])) for name in names] for names in (PSC, PSC_REST))
        depth = "0.0" if np.isnan(depths[row]) else f"{depths[row]:.1f}"
        lines.append("\t".join(["PSC", "0", sample, *first, depth, *rest]))
    return lines


SUMMARY_METRICS = (
    *("TOTAL_SNPS", "NUM_IN_DB_SNP", "NOVEL_SNPS", "FILTERED_SNPS", "PCT_DBSNP", "DBSNP_TITV", "NOVEL_TITV"),
    *("TOTAL_INDELS", "NOVEL_INDELS", "FILTERED_INDELS", "PCT_DBSNP_INDELS", "NUM_IN_DB_SNP_INDELS"),
    *("DBSNP_INS_DEL_RATIO", "NOVEL_INS_DEL_RATIO", "TOTAL_MULTIALLELIC_SNPS", "NUM_IN_DB_SNP_MULTIALLELIC"),
    *("TOTAL_COMPLEX_INDELS", "NUM_IN_DB_SNP_COMPLEX_INDELS", "SNP_REFERENCE_BIAS", "NUM_SINGLETONS"),
)
"""Columns of Picard's VariantCallingSummaryMetrics."""

DETAIL_METRICS = (
    *("SAMPLE_ALIAS", "HET_HOMVAR_RATIO", "PCT_GQ0_VARIANTS", "TOTAL_GQ0_VARIANTS", "TOTAL_HET_DEPTH"),
    *SUMMARY_METRICS,
)
"""Columns of Picard's VariantCallingDetailMetrics."""


def picard_metrics(counts: Mapping[str, int]) -> dict[str, float]:
    """Picard's metrics of one sample, or of the callset, from COUNTS; NaN where it divides by 0."""
    named = {name: int(value) for name, value in counts.items()}
    novel_snps = named["TOTAL_SNPS"] - named["NUM_IN_DB_SNP"]
    novel_indels = named["TOTAL_INDELS"] - named["NUM_IN_DB_SNP_INDELS"]
    depth = named["refAlleleObs"] + named["altAlleleObs"]
    variants = named["numHets"] + named["numHomVar"]
    return {
        **{name: named[name] for name in SUMMARY_METRICS if name in named},
        "NOVEL_SNPS": novel_snps,
        "NOVEL_INDELS": novel_indels,
        "PCT_DBSNP": _quotient(named["NUM_IN_DB_SNP"], named["TOTAL_SNPS"]),
        "PCT_DBSNP_INDELS": _quotient(named["NUM_IN_DB_SNP_INDELS"], named["TOTAL_INDELS"]),
        "DBSNP_TITV": _quotient(named["known_ti"], named["known_tv"], 0.0),
        "NOVEL_TITV": _quotient(named["novel_ti"], named["novel_tv"], 0.0),
        "DBSNP_INS_DEL_RATIO": _quotient(named["known_insertions"], named["known_deletions"], 0.0),
        "NOVEL_INS_DEL_RATIO": _quotient(named["novel_insertions"], named["novel_deletions"], 0.0),
        "SNP_REFERENCE_BIAS": _quotient(named["refAlleleObs"], depth),
        "HET_HOMVAR_RATIO": _quotient(named["numHets"], named["numHomVar"]),
        "PCT_GQ0_VARIANTS": _quotient(named["TOTAL_GQ0_VARIANTS"], variants),
        "TOTAL_GQ0_VARIANTS": named["TOTAL_GQ0_VARIANTS"],
        "TOTAL_HET_DEPTH": depth,
    }


def _quotient(numerator: int, denominator: int, otherwise: float | None = None) -> float:
    """As Java divides doubles; `otherwise` where Picard leaves the value as it was."""
    if denominator:
        return numerator / denominator
    if otherwise is not None:
        return otherwise
    return math.inf if numerator else math.nan
