"""The callset's sites, and the stored raw data of their annotations, as tables: columns from the annotations."""

from itertools import chain

import pyarrow as pa

from genocloud.annotations.allele_annotations import ALLELE_ANNOTATIONS, HISTOGRAMS
from genocloud.annotations.site_annotations import SITE_ANNOTATIONS
from genocloud.schema import (
    BOOL,
    COUNTS,
    DOUBLE,
    DOUBLES,
    FLOAT,
    INT32,
    INTS,
    SITE_KEY,
    STRING,
    STRINGS,
    WORD,
    Column,
    table,
)

_OTHERS = (
    Column("DB", BOOL, "an ALT is in dbSNP", "INFO/DB", "0", "Flag", enabled_by=("dbsnp",)),
    Column(
        "FORCED",
        BOOL,
        "an ALT is one of --alleles: the record is there whatever the evidence",
        "INFO/FORCED",
        "0",
        "Flag",
        enabled_by=("alleles",),
    ),
    Column(
        "NDA",
        INT32,
        "Number of alternate alleles discovered (but not necessarily genotyped) at this site",
        "INFO/NDA",
        "1",
        "Integer",
        enabled_by=("annotate_with_num_discovered_alleles",),
    ),
)
"""INFO columns without raw data."""
_COMPUTED = (*(each.columns for each in SITE_ANNOTATIONS), *(each.columns for each in ALLELE_ANNOTATIONS))

SITE_COLUMNS = (
    Column("contig", WORD, "name of the contig", "CHROM", nullable=False),
    Column("pos", INT32, "position, 1-based, as in VCF", "POS", nullable=False),
    Column("id", STRING, "identifiers", "ID"),
    Column("ref", STRING, "reference allele", "REF", nullable=False),
    Column("alts", STRINGS, "alternate alleles", "ALT", nullable=False),
    Column("qual", DOUBLE, "phred-scaled confidence that the site is variant; not rounded", "QUAL", form="%.2f"),
    Column("filter", STRING, "`LowQual`, or null", "FILTER"),
    *sorted((*_OTHERS, *chain(*_COMPUTED)), key=lambda column: column.name),
    Column("seen", INT32, "ALT alleles discovered at the site"),
    Column("genotyped", INT32, "of these, genotyped; the others were too many; `alts` are those that were kept"),
)
"""The callset's sites: one row a site, sorted by contig and pos."""
MODEL_SITE_COLUMNS = (
    Column("AQ", INTS, "quality of each ALT: the best of its carriers, phred", "INFO/AQ", "A", "Integer"),
    Column(
        "AF_OF_ALL",
        DOUBLES,
        "allele frequency over all samples, called or not, as the samples' own records have it",
        "INFO/AF",
        "A",
        "Float",
        "%.6g",
    ),
)
"""Columns of SITES that a model may declare: only files of its callsets have them."""
SITES, STORED_SITES = table(SITE_COLUMNS), table((*SITE_COLUMNS, SITE_KEY))
MODEL_SITES = table(MODEL_SITE_COLUMNS)
MERGED_SITES = pa.schema([*STORED_SITES, *MODEL_SITES])
"""STORED_SITES with all columns that a model may declare."""

_RUN = {"lengths": INTS, "counts": INTS, "values": pa.list_(FLOAT)}
"""Concatenated multisets of floats: number of distinct values in each, counts, values."""

SHARES = pa.schema(
    [
        ("quiet", BOOL),  # emitted without a likely variant: totals have the columns of kernels.nonvariant_genotypes
        ("totals", COUNTS),
        ("ac", COUNTS),
        *((f"run_{name}", kind) for name, kind in _RUN.items()),
        ("ids", STRINGS),
    ]
)
"""Some samples' raw annotations of each site (genotypes.RawAnnotations): sums, and multisets for medians."""

ALLELE_SUMS = pa.schema(
    [
        ("sums", COUNTS),
        ("samples", COUNTS),
        ("records", COUNTS),
        *((f"bin_{name}_{n}", kind) for n in range(len(HISTOGRAMS)) for name, kind in _RUN.items()),
    ]
)
ALLELE_SHARES = pa.schema(
    [
        *ALLELE_SUMS,
        ("cells", INTS),  # number of the allele within its site
        ("ranks", INTS),  # place among the batch's active samples, by cohort rank
        ("squares", pa.list_(FLOAT)),
    ]
)
"""Further columns of SHARES where allele-specific annotations are enabled; squares have an entry for each record."""

SUMMED_SHARES = pa.schema([*SHARES, *ALLELE_SUMS])
"""SHARES with the allele-specific columns except SQUARES: sums over samples, nothing of a single sample."""
