"""The cohort store: batches of samples as Parquet, and the manifest whose versions say which of them count."""

from genocloud.cohort.batch import BadBalance, BatchReceipt, DamagedObject, PartReceipt, Source
from genocloud.cohort.layout import Layout
from genocloud.cohort.manifest import (
    Batch,
    Cohort,
    DuplicateSample,
    NewerSchema,
    NoCohort,
    OtherReference,
    append,
    open_cohort,
)
from genocloud.cohort.reading import BatchRows, read_region, read_rows, read_variants
from genocloud.cohort.writing import write_batch

__all__ = [
    "BadBalance",
    "Batch",
    "BatchReceipt",
    "BatchRows",
    "Cohort",
    "DamagedObject",
    "DuplicateSample",
    "Layout",
    "NewerSchema",
    "NoCohort",
    "OtherReference",
    "PartReceipt",
    "Source",
    "append",
    "open_cohort",
    "read_region",
    "read_rows",
    "read_variants",
    "write_batch",
]
