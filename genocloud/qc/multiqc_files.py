"""The files that MultiQC reads: bcftools stats, Picard's metrics, somalier's and peddy's tables, custom content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.qc.callset_stats import CallsetStats
from genocloud.qc.inbreeding import Homozygosity
from genocloud.qc.peddy_files import SEX_NUMBERS, peddy_files
from genocloud.qc.sample_counts import Counts, SampleCounts
from genocloud.qc.tables import QcTable
from genocloud.qc.text_files import bcftools_text, custom_content, detail_text, number_text, summary_text
from genocloud.schema import GROUPINGS


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """All that is known of the samples of a callset.

    families, parents  by sample, of those in the pedigree
    """

    name: str
    tables: Mapping[str, QcTable]
    counts: SampleCounts
    sites: CallsetStats
    summary: Counts
    autosomes: Homozygosity
    eigenvalues: npt.NDArray[np.float64]
    families: Mapping[str, str]
    parents: Mapping[str, tuple[str, str]]

    @property
    def samples(self) -> list[str]:
        """Names, in the callset's order."""
        names: list[str] = self.tables["samples"]["sample"].to_pylist()
        return names


def multiqc_files(findings: Findings) -> dict[str, str | None]:
    """Texts by name of file; None for one that there is nothing for, nor may an earlier one stay."""
    name = findings.name
    people = {sample: (family, *findings.parents.get(sample, ("", ""))) for sample, family in findings.families.items()}
    return {
        "bcftools_stats.txt": bcftools_text(findings.samples, findings.counts, findings.sites),
        f"{name}.variant_calling_detail_metrics": detail_text(findings.samples, findings.counts),
        f"{name}.variant_calling_summary_metrics": summary_text(findings.summary),
        f"{name}.somalier.pairs.tsv": _somalier_pairs(findings),
        f"{name}.somalier.samples.tsv": _somalier_samples(findings),
        **peddy_files(name, findings.tables, findings.autosomes, people),
        **_custom(findings),
    }


PAIR_HEADER = (
    *("#sample_a", "sample_b", "relatedness", "ibs0", "ibs2", "hom_concordance", "hets_a", "hets_b", "hets_ab"),
    *("shared_hets", "hom_alts_a", "hom_alts_b", "shared_hom_alts", "n", "x_ibs0", "x_ibs2", "expected_relatedness"),
)
SAMPLE_HEADER = (
    *("#family_id", "sample_id", "paternal_id", "maternal_id", "sex", "phenotype", "original_pedigree_sex"),
    *("gt_depth_mean", "gt_depth_sd", "depth_mean", "depth_sd", "ab_mean", "ab_std", "n_hom_ref", "n_het"),
    *("n_hom_alt", "n_unknown", "p_middling_ab", "X_depth_mean", "X_n", "X_hom_ref", "X_het", "X_hom_alt"),
    *("Y_depth_mean", "Y_n"),
)
_NONE = "-1"
"""What somalier writes for what it does not know."""


def _somalier_pairs(findings: Findings) -> str:
    """The pairs of PAIRS; relatedness is twice the kinship, hom_concordance is over the rarer one's homozygous ALTs."""
    place = {sample: number for number, sample in enumerate(findings.samples)}
    lines = ["\t".join(PAIR_HEADER)]
    for row in findings.tables["pairs"].to_pylist():
        one, other = row["IID1"], row["IID2"]
        homs = [int(findings.autosomes.hom_alts[place[sample]]) for sample in (one, other)]
        concordance = (row["HOMALTS"] - 2 * row["IBS0"]) / max(min(homs), 1)
        expected = -1.0 if row["expected_kinship"] is None else 2 * row["expected_kinship"]
        hets = [row["HETHET"] + row[name] for name in ("HET1HOM2", "HET2HOM1")]
        values = [one, other, 2 * (row["KINSHIP"] or 0.0), row["IBS0"], row["IBS2"], concordance, *hets]
        values += [sum(hets) - row["HETHET"], row["HETHET"], *homs, row["HOMALTS"], row["NSNP"], 0, 0, expected]
        lines.append("\t".join(number_text(value) for value in values))
    return "\n".join(lines) + "\n"


def _somalier_samples(findings: Findings) -> str:
    """A row for each sample; the sex is that of the genotypes, allele balances are not known here."""
    lines = ["\t".join(SAMPLE_HEADER)]
    rows = zip(findings.tables["samples"].to_pylist(), findings.tables["sex"].to_pylist(), strict=True)
    for place, (metrics, sex) in enumerate(rows):
        sample, own = metrics["sample"], findings.autosomes
        het, alt, called = (int(values[place]) for values in (own.hets, own.hom_alts, own.called))
        father, mother = (parent or _NONE for parent in findings.parents.get(sample, ("", "")))
        x_ref = sex["x_calls"] - sex["x_hets"] - sex["x_hom_alts"]
        depth, spread = metrics["dp_mean"] or 0.0, metrics["dp_stdev"] or 0.0
        family, own_sex = findings.families.get(sample, sample), SEX_NUMBERS.get(sex["sex"], _NONE)
        cells = [family, sample, father, mother, own_sex, _NONE]
        cells += [sex["sheet_sex"], depth, spread, depth, spread, 0.0, 0.0, called - het - alt, het, alt]
        cells += [int(findings.tables["sites"].num_rows) - called - sex["x_calls"], 0.0]
        cells += [_depth(findings, "X", place), int(sex["x_calls"]), x_ref, sex["x_hets"], sex["x_hom_alts"]]
        cells += [_depth(findings, "Y", place), int(findings.counts["sites_Y"][place])]
        lines.append("\t".join(number_text(cell) for cell in cells))
    return "\n".join(lines) + "\n"


def _depth(findings: Findings, where: str, place: int) -> float:
    return float(findings.counts[f"dp_{where}"][place] / max(int(findings.counts[f"sites_{where}"][place]), 1))


def _custom(findings: Findings) -> dict[str, str | None]:
    """What no tool's module shows: `_mqc.json` for the plots and tables."""
    tables = findings.tables
    sexes = tables["sex"].to_pylist()
    ploidies = {
        row["sample"]: {"x": row["x_ploidy"], "y": row["y_ploidy"], "color": _COLOURS[row["sex"]]}
        for row in sexes
        if row["x_ploidy"] is not None and row["y_ploidy"] is not None
    }
    vectors = tables["components"].to_pylist() if "PC2" in tables["components"].column_names else []
    points = {row["#IID"]: {"x": row["PC1"], "y": row["PC2"]} for row in vectors}
    het = {row["IID"]: {"F": row["F"]} for row in tables["het"].to_pylist() if row["F"] is not None}
    metrics: dict[str, Any] = {}
    for row in tables["samples"].to_pylist():
        values = {
            name: value for name, value in row.items() if name not in ("sample", *GROUPINGS) and value is not None
        }
        metrics[row["sample"]] = values
    flags = {str(number): row for number, row in enumerate(tables["flags"].to_pylist(), 1)}
    trios = {row["child"]: {name: row[name] for name in _TRIO} for row in tables["trios"].to_pylist()}
    alarms = {str(number): row for number, row in enumerate(tables["alarms"].to_pylist(), 1)}
    plots: tuple[tuple[str, str, str, dict[str, Any], dict[str, str]], ...] = (
        ("cohort_alarms", "What is wrong with the cohort as a whole", "table", alarms, {}),
        ("sample_checks", "Samples that fail a check, and what to do", "table", flags, {}),
        ("sample_metrics", "Hail's sample_qc", "table", metrics, {}),
        ("sex_by_depth", "Copies of X and Y by depth", "scatter", ploidies, {"xlab": "X", "ylab": "Y"}),
        ("components", "Principal components", "scatter", points, {"xlab": "PC1", "ylab": "PC2"}),
        ("inbreeding", "F over the autosomes (plink2 --het)", "violin", het, {}),
        ("mendelian_errors", "Mendelian errors of trios", "table", trios, {}),
    )
    return {
        f"{name}_mqc.json": custom_content(name, text, plot, data, **config) if data else None
        for name, text, plot, data, config in plots
    }


_TRIO = ("father", "mother", "ngood", "ngood_alt", "nmerr", "nmissing", "error_rate", "error_rate_pass")
_COLOURS = {"male": "#1f77b4", "female": "#d62728", "unknown": "#7f7f7f"}
