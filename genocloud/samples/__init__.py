"""Who is in the cohort: the sample sheet, and what must be true of the files it names."""

from genocloud.samples.checks import (
    MissingFile,
    MissingIndex,
    NameDiffers,
    check_files,
    name_inside,
)
from genocloud.samples.sheet import (
    BadHeader,
    BadRow,
    DuplicateSample,
    EmptySheet,
    Sample,
    SheetError,
    UnknownColumn,
    parse_sheet,
    read_sheet,
    sheet_text,
)

__all__ = [
    "BadHeader",
    "BadRow",
    "DuplicateSample",
    "EmptySheet",
    "MissingFile",
    "MissingIndex",
    "NameDiffers",
    "Sample",
    "SheetError",
    "UnknownColumn",
    "check_files",
    "name_inside",
    "parse_sheet",
    "read_sheet",
    "sheet_text",
]
