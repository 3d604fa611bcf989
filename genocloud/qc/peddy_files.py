"""The files of peddy that MultiQC reads: ped_check, sex_check, het_check and the pedigree with their results."""

from collections.abc import Mapping, Sequence
from typing import Any

from genocloud.qc.inbreeding import Homozygosity
from genocloud.qc.tables import QcTable

PED_CHECK = (
    *("sample_a", "sample_b", "rel", "hets_a", "hets_b", "shared_hets", "ibs0", "ibs2", "n", "pedigree_parents"),
    *("pedigree_relatedness", "predicted_parents", "parent_error", "sample_duplication_error", "rel_difference"),
)
SEX_CHECK = (
    *("sample_id", "ped_sex", "hom_ref_count", "het_count", "hom_alt_count", "het_ratio", "predicted_sex", "error"),
)
HET_CHECK = (
    *("sample_id", "depth_outlier", "het_count", "het_ratio", "idr_baf", "mean_depth", "median_depth", "p10", "p90"),
    *("sampled_sites", "call_rate", "PC1", "PC2", "PC3", "PC4"),
)
PEDIGREE = (
    *("#family_id", "sample_id", "paternal_id", "maternal_id", "sex", "phenotype", "het_call_rate", "het_ratio"),
    *("het_mean_depth", "het_idr_baf", "PC1", "PC2", "PC3", "sex_het_ratio", "sex_error"),
)
SEX_NUMBERS = {"male": "1", "female": "2"}

Rows = list[dict[str, Any]]


def peddy_files(
    name: str, tables: Mapping[str, QcTable], autosomes: Homozygosity, people: Mapping[str, tuple[str, str, str]]
) -> dict[str, str]:
    """Texts by name of file; `people`: family, father and mother of those in the pedigree."""
    sexes, hets = _sexes(tables), _hets(tables, autosomes)
    return {
        f"{name}.ped_check.csv": _text(PED_CHECK, _pairs(tables), ","),
        f"{name}.sex_check.csv": _text(SEX_CHECK, sexes, ","),
        f"{name}.het_check.csv": _text(HET_CHECK, hets, ","),
        f"{name}.peddy.ped": _text(PEDIGREE, _pedigree(sexes, hets, people), "\t"),
    }


def _text(columns: Sequence[str], rows: Rows, between: str) -> str:
    lines = [between.join(columns), *(between.join(_cell(row.get(name)) for name in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    """As pandas writes it for peddy: four digits, nothing where nothing is known."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _pairs(tables: Mapping[str, QcTable]) -> Rows:
    """The pairs of PAIRS; what the pedigree says nothing of is unrelated, as peddy takes it."""
    rows = []
    for pair in tables["pairs"].to_pylist():
        related, expected = 2 * (pair["KINSHIP"] or 0.0), 2 * (pair["expected_kinship"] or 0.0)
        parents = [pair[name] == "parent and child" for name in ("expected", "relationship")]
        rows.append(
            {
                "sample_a": pair["IID1"],
                "sample_b": pair["IID2"],
                "rel": related,
                "hets_a": pair["HETHET"] + pair["HET1HOM2"],
                "hets_b": pair["HETHET"] + pair["HET2HOM1"],
                "shared_hets": pair["HETHET"],
                "ibs0": pair["IBS0"],
                "ibs2": pair["IBS2"],
                "n": pair["NSNP"],
                "pedigree_parents": parents[0],
                "pedigree_relatedness": expected,
                "predicted_parents": parents[1],
                "parent_error": parents[0] != parents[1],
                "sample_duplication_error": pair["relationship"] == "duplicate" != pair["expected"],
                "rel_difference": expected - related,
            }
        )
    return rows


def _sexes(tables: Mapping[str, QcTable]) -> Rows:
    return [
        {
            "sample_id": row["sample"],
            "ped_sex": row["sheet_sex"],
            "hom_ref_count": row["x_calls"] - row["x_hets"] - row["x_hom_alts"],
            "het_count": row["x_hets"],
            "hom_alt_count": row["x_hom_alts"],
            "het_ratio": row["x_hets"] / max(row["x_hom_alts"], 1),
            "predicted_sex": row["sex"],
            "error": "unknown" not in (row["sheet_sex"], row["sex"]) and row["sheet_sex"] != row["sex"],
        }
        for row in tables["sex"].to_pylist()
    ]


def _hets(tables: Mapping[str, QcTable], autosomes: Homozygosity) -> Rows:
    """The depth is the mean in both columns; allele balances are not known here."""
    vectors = {row["#IID"]: row for row in tables["components"].to_pylist()}
    shallow = {row["sample"] for row in tables["flags"].to_pylist() if row["check"] == "depth"}
    rows = []
    for place, metrics in enumerate(tables["samples"].to_pylist()):
        sample, het, called = metrics["sample"], int(autosomes.hets[place]), int(autosomes.called[place])
        own = {
            "sample_id": sample,
            "depth_outlier": sample in shallow,
            "het_count": het,
            "het_ratio": het / max(called, 1),
            "mean_depth": metrics["dp_mean"],
            "median_depth": metrics["dp_mean"],
            "sampled_sites": called,
            "call_rate": metrics["call_rate"],
        }
        rows.append({**vectors.get(sample, {}), **own})
    return rows


def _pedigree(sexes: Rows, hets: Rows, people: Mapping[str, tuple[str, str, str]]) -> Rows:
    rows = []
    for sex, het in zip(sexes, hets, strict=True):
        sample = sex["sample_id"]
        family, father, mother = people.get(sample, (sample, "", ""))
        own = {
            "#family_id": family,
            "paternal_id": father or "-9",
            "maternal_id": mother or "-9",
            "sex": SEX_NUMBERS.get(sex["ped_sex"], "0"),
            "phenotype": "-9",
            "het_call_rate": het["call_rate"],
            "het_mean_depth": het["mean_depth"],
            "sex_het_ratio": sex["het_ratio"],
            "sex_error": sex["error"],
        }
        rows.append({**het, **own})
    return rows
