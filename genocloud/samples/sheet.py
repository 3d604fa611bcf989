"""Read and write the sample sheet (one row a person, with a gVCF or reads) or GATK's sample map."""

import logging
import os.path
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from genocloud import storage
from genocloud.errors import InputError, did_you_mean
from genocloud.samples import names

log = logging.getLogger(__name__)

SEXES = {"": "unknown", "unknown": "unknown", "0": "unknown", "male": "male", "m": "male", "1": "male"} | dict.fromkeys(
    ("female", "f", "2"), "female"
)
"""Spellings of a sex, lower case: words, letters, and the numbers of a PLINK .fam file."""

BLANKS = " \r"
"""Characters stripped from cells: a carriage return ends lines on Windows."""

INDEXES = (".tbi", ".csi", ".idx")
"""How the third column of a GATK sample map ends: an index, which is not needed to read a file from its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row of the sheet: `sample`, with exactly one of `gvcf` and `reads` (URLs).

    `sex` is male, female or unknown; `name_in_gvcf` is the name that the file itself uses where it differs;
    `line` is the row's line in the sheet, counted from 1. `renames` is true in a sample map, which gives a file's
    only sample a new name whatever it was called.
    """

    sample: str
    gvcf: str | None = None
    reads: str | None = None
    sex: str = "unknown"
    batch: str | None = None
    site: str | None = None
    name_in_gvcf: str | None = None
    line: int = 0
    renames: bool = False


COLUMNS = tuple(field.name for field in fields(Sample) if field.name not in ("line", "renames"))
"""The columns that a sheet may have; `sample` and one of `gvcf`, `reads` must be there."""


class SheetError(InputError):
    """The sample sheet cannot be used, at a known line."""

    def __init__(self, url: str, line: int, problem: str, remedy: str) -> None:
        self.url, self.line, self.problem, self.remedy = url, line, problem, remedy
        super().__init__(f"{url}, line {line}: {problem}; {remedy}")


class EmptySheet(SheetError):
    """The sheet has no samples."""

    def __init__(self, url: str, line: int) -> None:
        super().__init__(url, line, "the sample sheet holds no sample", "add one row for each person")


class BadHeader(SheetError):
    """The first line is neither a header nor a row of a sample map."""


class UnknownSheetColumn(BadHeader):
    """The header has a column that is not one of COLUMNS."""

    def __init__(self, url: str, line: int, column: str) -> None:
        self.column = column
        remedy = f"rename or remove it; the columns are {', '.join(COLUMNS)}{did_you_mean(column, COLUMNS)}"
        super().__init__(url, line, f"unknown column {column!r}", remedy)


class BadRow(SheetError):
    """A row that cannot be understood; `sample` is its name, if it has one."""

    def __init__(self, url: str, line: int, sample: str, problem: str, remedy: str) -> None:
        self.sample = sample
        super().__init__(url, line, problem, remedy)


class TwinNames(BadRow):
    """Two samples whose names look alike; `twin` is the other name, `first` its line."""

    def __init__(self, url: str, line: int, sample: str, twin: str, first: int) -> None:
        self.twin, self.first = twin, first
        problem = f"sample {sample!a} differs from {twin!a} on line {first} only by case or by how letters are encoded"
        super().__init__(url, line, sample, problem, "give one of the two another name")


class UnfitPath(InputError):
    """A path with a tab or a line end, which a sheet's row cannot hold."""

    def __init__(self, sample: str, path: str) -> None:
        self.sample, self.path = sample, path
        problem = f"the path {path!r} holds a tab or the end of a line, which no sample sheet can"
        super().__init__(f"sample {sample}: {problem}; rename it, or put a link with another name in its place")


class DuplicateSample(BadRow):
    """Two rows give one sample; `first` is the line of the earlier one."""

    def __init__(self, url: str, line: int, sample: str, first: int) -> None:
        self.first = first
        remedy = "remove one of the rows, or give one of the two people another name"
        super().__init__(url, line, sample, f"sample {sample} is already on line {first}", remedy)


def read_sheet(url: str) -> tuple[Sample, ...]:
    """The samples of a sheet or of a sample map, in its order.

    Raises UnreadableFile, or a SheetError that names the line and what to do.
    """
    with storage.open_file(url) as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SheetError(url, line, "not text in UTF-8", "save the sheet as tab-separated text, UTF-8") from None
    return parse_sheet(text, url)


def parse_sheet(text: str, url: str) -> tuple[Sample, ...]:
    """As `read_sheet`, from the sheet's text; relative paths are taken from the folder of `url`."""
    rows = list(_rows(text, url))
    if not rows:
        raise EmptySheet(url, 1)
    first, cells = rows[0]
    if _is_header(cells):
        samples = _from_header(url, first, cells, rows[1:])
    elif _is_map_row(cells):
        samples = _from_map(url, rows)
    else:
        raise BadHeader(url, first, "no header with the column `sample`", _header_remedy(cells))
    if not samples:
        raise EmptySheet(url, first)
    _refuse_duplicates(url, samples)
    return samples


def sheet_text(samples: Sequence[Sample], folder: str) -> str:
    """The samples as a sheet to be written into `folder`: columns that somebody fills; local paths relative to it.

    Raises UnfitPath for a path that no row can hold.
    """
    relative = [_relative(sample, folder) for sample in samples]
    columns = [column for column in COLUMNS if any(getattr(sample, column) for sample in relative)]
    rows = [[getattr(sample, column) or "" for column in columns] for sample in relative]
    for row in rows:
        if unfit := next((cell for cell in row if set(cell) & set("\t\r\n")), None):
            raise UnfitPath(row[0], unfit)
    return "".join("\t".join(row) + "\n" for row in [columns, *rows])


def _rows(text: str, url: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that hold something, as (line number from 1, cells); a line ends at a line feed and nowhere else.

    Comments begin with # and a blank, or with # and hold no tab. Other lines that begin with # may be meant as rows.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip(BLANKS + "\t") or (
            line.startswith("#") and ("\t" not in line or line.startswith(("# ", "#\t")))
        ):
            continue
        cells = [cell.strip(BLANKS) for cell in line.split("\t")]
        if cells[0].startswith("#"):
            problem = f"the row begins with #: {cells[0]!a}"
            remedy = "remove the #; or, if the row is not to count, remove it or put a space behind the #"
            raise BadRow(url, number, cells[0], problem, remedy)
        if any("\r" in cell for cell in cells):
            raise SheetError(
                url, number, "a carriage return within a line", "save the sheet with line feeds as line ends"
            )
        yield number, cells


def _is_header(cells: Sequence[str]) -> bool:
    """Whether a line was meant as a header, be it misspelt; no cell of a sample map says these words alone."""
    return any(cell.lower() in ("sample", "gvcf", "reads") for cell in cells)


def _header_remedy(cells: Sequence[str]) -> str:
    if len(cells) == 1 and len(cells[0].split()) > 1:
        return "separate the columns by tabs, not by spaces"
    return "start the sheet with a header line: sample<TAB>gvcf, or sample<TAB>reads"


def _from_header(
    url: str, line: int, header: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> tuple[Sample, ...]:
    header = _without_trailing_tabs(header, 1)
    for column in header:
        if column not in COLUMNS:
            raise UnknownSheetColumn(url, line, column)
    if len(set(header)) < len(header):
        raise BadHeader(url, line, "a column is there twice", "remove one of them")
    if "sample" not in header or not {"gvcf", "reads"} & set(header):
        raise BadHeader(url, line, "the columns `sample` and `gvcf` or `reads` are needed", _header_remedy(header))
    return tuple(_from_row(url, number, header, cells) for number, cells in rows)


def _from_row(url: str, line: int, header: Sequence[str], cells: Sequence[str]) -> Sample:
    row = {column: cell or None for column, cell in zip(header, cells, strict=False)}
    name = row.get("sample") or ""
    cells = _without_trailing_tabs(cells, len(header))
    if len(cells) > len(header):
        problem = f"{len(cells)} cells under {len(header)} columns"
        raise BadRow(url, line, name, problem, "remove the surplus tabs or cells")
    gvcf, reads = row.get("gvcf"), row.get("reads")
    _check_name(url, line, name, reads=bool(reads))
    if bool(gvcf) == bool(reads):
        problem = f"sample {name} has {'both a gvcf and reads' if gvcf else 'neither a gvcf nor reads'}"
        raise BadRow(url, line, name, problem, "give exactly one of the two")
    if reads and row.get("name_in_gvcf"):
        raise BadRow(url, line, name, f"sample {name} has reads and a name_in_gvcf", "leave name_in_gvcf empty")
    return Sample(
        sample=name,
        gvcf=_resolve(gvcf, url),
        reads=_resolve(reads, url),
        sex=_sex(url, line, name, row.get("sex") or ""),
        batch=row.get("batch"),
        site=row.get("site"),
        name_in_gvcf=row.get("name_in_gvcf"),
        line=line,
    )


def _from_map(url: str, rows: Sequence[tuple[int, list[str]]]) -> tuple[Sample, ...]:
    """A sample map as GenomicsDBImport takes it: name, gVCF, perhaps its index, no header."""
    samples = []
    for line, cells in rows:
        name = cells[0]
        if not _is_map_row(cells):
            problem = "not the columns of a sample map (name, gVCF, its index or none)"
            raise BadRow(url, line, name, problem, "give these, or start the sheet with a header line")
        _check_name(url, line, name)
        samples.append(Sample(sample=name, gvcf=_resolve(cells[1], url), line=line, renames=True))
    log.info("%s has no header: taken as a GATK sample map, whose names replace those inside the gVCFs", url)
    return tuple(samples)


def _is_map_row(cells: Sequence[str]) -> bool:
    """Whether cells are a row of a sample map."""
    cells = _without_trailing_tabs(cells, 2)
    return (len(cells) == 2 and bool(cells[1])) or (len(cells) == 3 and cells[2].endswith(INDEXES))


def _without_trailing_tabs(cells: Sequence[str], least: int) -> Sequence[str]:
    """Cells without empty ones behind the last that is filled, down to as many as must be there."""
    count = len(cells)
    while count > least and not cells[count - 1]:
        count -= 1
    return cells[:count]


def _check_name(url: str, line: int, name: str, reads: bool = False) -> None:
    if not name:
        raise BadRow(url, line, name, "the sample name is missing", "fill in the column `sample`")
    if problem := names.problem_of(name):
        raise BadRow(url, line, name, f"sample name {name!a} {problem}", names.RULE)
    if reads and " " in name:  # its gVCF will be named after it
        problem = f"sample name {name!a} holds a space, and is to be called from reads"
        raise BadRow(url, line, name, problem, "take the space out: files are named after the sample")


def _sex(url: str, line: int, name: str, text: str) -> str:
    if text.lower() not in SEXES:
        remedy = "write male, female or unknown (M, F, 1, 2 and 0 are understood)"
        raise BadRow(url, line, name, f"sample {name} has the sex {text!r}", remedy)
    return SEXES[text.lower()]


def _refuse_duplicates(url: str, samples: Sequence[Sample]) -> None:
    first: dict[str, Sample] = {}
    for sample in samples:
        other = first.setdefault(names.lookalike_key(sample.sample), sample)
        if other is sample:
            continue
        if other.sample == sample.sample:
            raise DuplicateSample(url, sample.line, sample.sample, other.line)
        raise TwinNames(url, sample.line, sample.sample, other.sample, other.line)


def _is_relative(path: str) -> bool:
    return "://" not in path and not Path(path).is_absolute()


def _resolve(path: str | None, sheet: str) -> str | None:
    """A path as seen from where we run: URLs and absolute paths as they are, others from the sheet's folder."""
    if path is None or not _is_relative(path):
        return path
    folder = sheet.rpartition("/")[0]
    return f"{folder}/{path}" if "://" in sheet else os.path.normpath(Path(folder, path))


def _relative(sample: Sample, folder: str) -> Sample:
    return replace(sample, gvcf=_seen_from(sample.gvcf, folder), reads=_seen_from(sample.reads, folder))


def _seen_from(path: str | None, folder: str) -> str | None:
    return path if path is None or not _is_relative(path) else os.path.relpath(path, folder)
