"""The tables of quality control, each column with what it is: what is written, and what docs are made from."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from genocloud.schema import DOUBLE, INT64, STRING, Column, table

SAMPLE_COLUMNS = (
    Column("sample", STRING, "name of the sample", nullable=False),
    Column("batch", STRING, "the sheet's batch, else the batch of the cohort that it was ingested in"),
    Column("site", STRING, "the site that ingested it, of a run over several, else the sheet's; null if not known"),
    Column("caller", STRING, "what wrote its gVCF, as `genocloud inspect` names it; null if not known"),
    Column("call_rate", DOUBLE, "called share of the genotypes"),
    Column("n_called", INT64, "genotypes without a `.`"),
    Column("n_not_called", INT64, "genotypes with a `.`"),
    Column("n_hom_ref", INT64, "called genotypes of REF alone; haploid ones too"),
    Column("n_het", INT64, "called genotypes of different alleles"),
    Column("n_hom_var", INT64, "called genotypes of one ALT alone; haploid ones too"),
    Column("n_non_ref", INT64, "n_het + n_hom_var"),
    Column("n_snp", INT64, "ALT alleles that are SNPs"),
    Column("n_insertion", INT64, "ALT alleles that are insertions"),
    Column("n_deletion", INT64, "ALT alleles that are deletions"),
    Column("n_singleton", INT64, "ALT alleles that occur once in the callset"),
    Column("n_transition", INT64, "SNP alleles A<->G, C<->T"),
    Column("n_transversion", INT64, "all other SNP alleles"),
    Column("n_star", INT64, "`*` alleles"),
    Column("r_ti_tv", DOUBLE, "n_transition / n_transversion"),
    Column("r_het_hom_var", DOUBLE, "n_het / n_hom_var"),
    Column("r_insertion_deletion", DOUBLE, "n_insertion / n_deletion"),
    *(
        Column(f"{name}_{what}", kind, f"{name.upper()} of the genotypes that have it: {words}")
        for name in ("dp", "gq")
        for what, kind, words in (
            ("mean", DOUBLE, "mean"),
            ("stdev", DOUBLE, "standard deviation, of all, not of a sample of them"),
            ("min", INT64, "smallest"),
            ("max", INT64, "largest"),
        )
    ),
)
"""Hail's sample_qc; its structs dp_stats and gq_stats are columns of their own, GQ is at most 99 as in the VCF."""


SEX_COLUMNS = (
    Column("sample", STRING, "name of the sample", nullable=False),
    Column("sheet_sex", STRING, "male, female or unknown, as the pedigree or else the sheet has it"),
    Column("sex", STRING, "male, female or unknown, by the genotypes and depths", nullable=False),
    Column("karyotype", STRING, "XX, XY, X0, XXY, XXX, XYY, ambiguous; null without data"),
    Column("F", DOUBLE, "inbreeding coefficient of X without its pseudo-autosomal regions (plink2)"),
    Column("x_calls", INT64, "genotypes that F is of"),
    Column("x_hets", INT64, "of these, heterozygous"),
    Column("x_hom_alts", INT64, "of these, homozygous for the ALT"),
    Column(
        "x_ploidy",
        DOUBLE,
        "copies of X by depth: twice the mean DP of genotypes with an ALT, over that of the autosomes",
    ),
    Column("y_ploidy", DOUBLE, "copies of Y by depth, of all genotypes; one without DP counts as 0 reads"),
    Column("autosome_depth", DOUBLE, "mean DP of the autosomes' genotypes with an ALT"),
)
"""The sex of each sample by its genotypes, against the sheet."""

PAIR_COLUMNS = (
    Column("IID1", STRING, "the one sample", nullable=False),
    Column("IID2", STRING, "the other sample", nullable=False),
    Column("NSNP", INT64, "sites of the set that both have", nullable=False),
    Column("HETHET", INT64, "of these, both heterozygous", nullable=False),
    Column("IBS0", INT64, "of these, both homozygous, for different alleles", nullable=False),
    Column("KINSHIP", DOUBLE, "KING-robust"),
    Column("IBS2", INT64, "sites with the same genotype", nullable=False),
    Column("HET1HOM2", INT64, "only the first heterozygous", nullable=False),
    Column("HET2HOM1", INT64, "only the second heterozygous", nullable=False),
    Column("HOMALTS", INT64, "both homozygous for the ALT", nullable=False),
    Column("relationship", STRING, "by kinship and the share of IBS0", nullable=False),
    Column("expected_kinship", DOUBLE, "by the pedigree, 0 for people of it who are not related; null for others"),
    Column("expected", STRING, "the relationship by the pedigree"),
)
"""Pairs of samples that are related, or should be: plink2's .kin0 with counts, then more."""

HET_COLUMNS = (
    Column("IID", STRING, "name of the sample", nullable=False),
    Column("O(HOM)", INT64, "homozygous calls at the sites of the set", nullable=False),
    Column("E(HOM)", DOUBLE, "those expected at the cohort's frequencies", nullable=False),
    Column("OBS_CT", INT64, "calls", nullable=False),
    Column("F", DOUBLE, "(O - E) / (OBS_CT - E)"),
)
"""plink2's .het: low F is contamination or mixed ancestry, high F related parents or lost alleles."""

TRIO_COLUMNS = (
    Column("child", STRING, "name of the sample", nullable=False),
    Column("father", STRING, "name of the sample", nullable=False),
    Column("mother", STRING, "name of the sample", nullable=False),
    Column("ngood", INT64, "sites at which all three are called and the child can have its alleles", nullable=False),
    Column("ngood_alt", INT64, "of these, one of the three has an ALT", nullable=False),
    Column("nmerr", INT64, "sites at which it cannot: Mendelian errors", nullable=False),
    Column("nmissing", INT64, "sites at which one of the three is not called", nullable=False),
    Column("ngood_alt_pass", INT64, "ngood_alt of sites without a filter", nullable=False),
    Column("nmerr_pass", INT64, "nmerr of sites without a filter", nullable=False),
    Column("error_rate", DOUBLE, "nmerr / (ngood_alt + nmerr)"),
    Column("error_rate_pass", DOUBLE, "the same of sites without a filter: after filtering"),
)
"""Mendelian errors of each trio of the pedigree over the autosomes."""

MENDELIAN_COLUMNS = (
    Column("contig", STRING, "name of the contig", "CHROM", nullable=False),
    Column("pos", INT64, "position, 1-based", "POS", nullable=False),
    Column("ref", STRING, "reference allele", "REF", nullable=False),
    Column("alt", STRING, "alternate alleles, `,` between", "ALT", nullable=False),
    Column("nmerr", INT64, "trios with a Mendelian error", nullable=False),
    Column("ntrios", INT64, "trios of which all three are called", nullable=False),
)
"""Autosomal sites at which a trio of the pedigree has a Mendelian error."""

OUTLIER_COLUMNS = (
    Column("sample", STRING, "name of the sample", nullable=False),
    Column("metric", STRING, "a column of the table of samples", nullable=False),
    Column("value", DOUBLE, "the sample's; null for a ratio to 0"),
    Column(
        "residual", DOUBLE, "what it is off the cohort's, after the components; of a ratio's logarithm", nullable=False
    ),
    Column("mad", DOUBLE, "robust standard deviation of the residuals", nullable=False),
    Column("deviations", DOUBLE, "residual / mad", nullable=False),
    Column("limit", DOUBLE, "deviations from which on the sample is flagged", nullable=False),
)
"""Samples whose metric is far off the others'."""

BATCH_COLUMNS = (
    Column("grouping", STRING, "batch, site or caller: what its samples have in common", nullable=False),
    Column("name", STRING, "name of the batch, site or caller", nullable=False),
    Column("samples", INT64, "how many", nullable=False),
    Column("metric", STRING, "a column of the table of samples", nullable=False),
    Column("median", DOUBLE, "of its residuals, less that of the other samples'", nullable=False),
    Column("mad", DOUBLE, "robust standard deviation of the other samples' residuals", nullable=False),
    Column("deviations", DOUBLE, "median / mad", nullable=False),
)
"""Batches, sites and callers of which most samples are off the others."""

ALARM_COLUMNS = (
    Column("check", STRING, "name of the check", nullable=False),
    Column("value", STRING, "what was measured", nullable=False),
    Column("limit", STRING, "what the check wants", nullable=False),
    Column("advice", STRING, "what to do about it", nullable=False),
)
"""What is wrong with the cohort as a whole."""

SET_COLUMNS = (
    Column("contig", STRING, "name of the contig", "CHROM", nullable=False),
    Column("pos", INT64, "position, 1-based", "POS", nullable=False),
    Column("ref", STRING, "reference allele", "REF", nullable=False),
    Column("alt", STRING, "alternate allele", "ALT", nullable=False),
    Column("AF", DOUBLE, "frequency of the ALT among the samples", nullable=False),
)
"""The sites that kinship, components and inbreeding are of."""

ANCESTRY_COLUMNS = (
    Column("sample", STRING, "name of the sample", nullable=False),
    Column("known", STRING, "ancestry as the table of `--ancestry` has it; null of the others"),
    Column("ancestry", STRING, "that of three quarters of the nearest samples that are known; else `other`"),
    Column("share", DOUBLE, "share of the commonest ancestry among these"),
)

SAMPLE_METRICS, SEXES, PAIRS, HET = map(table, (SAMPLE_COLUMNS, SEX_COLUMNS, PAIR_COLUMNS, HET_COLUMNS))
TRIOS, OUTLIERS, BATCHES = map(table, (TRIO_COLUMNS, OUTLIER_COLUMNS, BATCH_COLUMNS))
SET_SITES, ALARMS, MENDELIAN = map(table, (SET_COLUMNS, ALARM_COLUMNS, MENDELIAN_COLUMNS))
ANCESTRY = table(ANCESTRY_COLUMNS)

QcTable: TypeAlias = pa.Table
"""Any table of this module, or FLAGS."""
SampleMetrics: TypeAlias = pa.Table
SampleSexes: TypeAlias = pa.Table
SamplePairs: TypeAlias = pa.Table
HetTable: TypeAlias = pa.Table
TrioTable: TypeAlias = pa.Table
AncestryTable: TypeAlias = pa.Table
ComponentTable: TypeAlias = pa.Table
"""Columns #IID, PC1, PC2, ..., as plink2's .eigenvec."""
OutlierTable: TypeAlias = pa.Table
BatchTable: TypeAlias = pa.Table
MendelianSites: TypeAlias = pa.Table
SetSites: TypeAlias = pa.Table
AlarmTable: TypeAlias = pa.Table


def table_of(columns: Mapping[str, Any], declared: pa.Schema) -> QcTable:
    """A table of arrays or lists by name; NaN becomes null."""
    return pa.table([_array(columns[field.name], field.type) for field in declared], declared)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if pa.types.is_floating(kind):
        floats = np.asarray(values, np.float64)
        return pa.array(floats, kind, mask=np.isnan(floats))
    return pa.array(values, kind)
