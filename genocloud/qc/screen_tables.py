"""The tables of what is known of samples before genotyping, each column with what it is."""

from typing import TypeAlias

import pyarrow as pa

from genocloud.schema import COUNTS, DOUBLE, INT32, INT64, STRING, Column, table

SCREENED_COLUMNS = (
    Column("sample", INT32, "index of the sample in its batch", nullable=False),
    Column("contig", INT32, "index of the contig in the reference's order", nullable=False),
    Column("depth_sum", INT64, "depths of all bases that rows cover, added", nullable=False),
    Column("depth_bases", COUNTS, "bases by depth, from 0; the last of 256 has all larger depths", nullable=False),
    Column("charr_sum", INT64, "terms of CHARR, in 2^-32, added", nullable=False),
    Column("charr_calls", INT64, "hom-alt calls in that sum", nullable=False),
    Column("share_sum", INT64, "shares of REF's reads at hom-alt calls, in 2^-32, added", nullable=False),
    Column("share_calls", INT64, "hom-alt calls in that sum", nullable=False),
    Column(
        "genotypes",
        pa.binary(),
        "at the contig's fingerprint sites, one byte each: ALTs in the genotype, 3 if unknown",
        nullable=False,
    ),
)
"""A sample's sums over its own records on a contig; those of several parts of the genome are disjoint."""

SCREEN_COLUMNS = (
    Column("sample", STRING, "name of the sample", nullable=False),
    Column(
        "contamination", DOUBLE, "CHARR: share of reads from other people; null without frequencies, or of few calls"
    ),
    Column("charr_calls", INT64, "hom-alt calls that it is the mean of", nullable=False),
    Column("hom_alt_ref_share", DOUBLE, "mean share of REF's reads at hom-alt calls; null of few"),
    Column("hom_alt_calls", INT64, "hom-alt calls that it is the mean of", nullable=False),
    Column("depth", DOUBLE, "mean depth of autosomes' bases, reads", nullable=False),
    Column("bases_over_1", INT64, "bases of autosomes with a depth above 1", nullable=False),
    Column("bases_over_20", INT64, "bases of autosomes with a depth above 20", nullable=False),
    Column("covered", DOUBLE, "bases_over_1 over that of the cohort's median sample; null if that has none"),
    Column("x_ploidy", DOUBLE, "copies of X: twice the median depth of its covered bases over that of autosomes"),
    Column("y_ploidy", DOUBLE, "copies of Y, likewise; null if no sample has reads on Y"),
    Column("sex", STRING, "from these copies: XX, XY, X0, XXY, ...; `ambiguous` between; null if not known"),
    Column("sheet", STRING, "sex in the sample sheet: male, female or unknown; null without a sheet"),
    Column("fingerprint_sites", INT64, "fingerprint sites with a genotype", nullable=False),
    Column("concordance", DOUBLE, "share of equal genotypes with the most alike of the cohort's earlier samples"),
    Column("nearest", STRING, "name of that sample; null if none is related"),
)
"""What is known of each sample before genotyping, in the cohort's order."""

CONTIG_DEPTH_COLUMNS = (
    Column("sample", STRING, "name of the sample", nullable=False),
    Column("contig", STRING, "name of the contig", nullable=False),
    Column("bases", INT64, "bases that rows with a depth cover", nullable=False),
    Column("depth", DOUBLE, "their mean depth, reads", nullable=False),
    Column("bases_over_1", INT64, "bases with a depth above 1", nullable=False),
    Column("bases_over_20", INT64, "bases with a depth above 20", nullable=False),
)
"""Depth of autosomes, X, Y and MT; a row for each sample and contig that rows cover."""

PAIR_COLUMNS = (
    Column("sample_a", STRING, "name of the earlier sample", nullable=False),
    Column("sample_b", STRING, "name of the later sample", nullable=False),
    Column(
        "relatedness",
        DOUBLE,
        "2 (shared_hets - 2 ibs0) / hets_ab: 1 for one person, 0.5 for first degree",
        nullable=False,
    ),
    Column("ibs0", INT64, "sites with opposite homozygous genotypes", nullable=False),
    Column("ibs2", INT64, "sites with equal genotypes", nullable=False),
    Column(
        "hom_concordance",
        DOUBLE,
        "(shared_hom_alts - 2 ibs0) / the smaller of hom_alts_a and hom_alts_b",
        nullable=False,
    ),
    Column("hets_a", INT64, "heterozygous sites of the first", nullable=False),
    Column("hets_b", INT64, "heterozygous sites of the second", nullable=False),
    Column("hets_ab", INT64, "both added", nullable=False),
    Column("shared_hets", INT64, "sites where both are heterozygous", nullable=False),
    Column("hom_alts_a", INT64, "hom-alt sites of the first", nullable=False),
    Column("hom_alts_b", INT64, "hom-alt sites of the second", nullable=False),
    Column("shared_hom_alts", INT64, "sites where both are hom-alt", nullable=False),
    Column("n", INT64, "sites where both have a genotype; all counts are over these", nullable=False),
)
"""Pairs of related samples by their fingerprints; names are somalier's."""

SCREENED, SCREEN = table(SCREENED_COLUMNS), table(SCREEN_COLUMNS)
CONTIG_DEPTHS, PAIRS = table(CONTIG_DEPTH_COLUMNS), table(PAIR_COLUMNS)

Screened: TypeAlias = pa.Table
Screen: TypeAlias = pa.Table
ContigDepths: TypeAlias = pa.Table
Pairs: TypeAlias = pa.Table
ScreenTable: TypeAlias = pa.Table
"""SCREEN, CONTIG_DEPTHS, PAIRS or FLAGS."""
