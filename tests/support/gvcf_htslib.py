"""The rows of one gVCF sample as htslib (cyvcf2) reads the records, under the plain twin's rules for rows."""

from math import floor, isnan
from pathlib import Path
from typing import Any

import cyvcf2
import pyarrow as pa

from genocloud import schema
from genocloud.regions import Contig
from tests.support import gvcf_reader
from tests.support.gvcf_reader import FLOATS, REFERENCE_ALLELES, TEXTS, Row

MISSING, PADDING = -(2**31), -(2**31) + 1
"""What BCF writes for `.` and behind the end of a shorter list."""

KINDS = {schema.INT32: "Integer", schema.INT64: "Integer", schema.INTS: "Integer", schema.FLOAT: "Float"}
OTHERS = {"INFO/END": "Integer", "FORMAT/GL": "Float", "FORMAT/GQ": "Float", "INFO/RAW_MQ": "Float"}
FIELDS = {column.vcf: KINDS.get(column.type, "String") for column in schema.VARIANT_COLUMNS if "/" in column.vcf}
DECLARATIONS = [
    f"##{place}=<ID={key},Number=.,Type={kind},Description=.>"
    for field, kind in (FIELDS | OTHERS).items()
    for place, key in [field.split("/")]
]
"""What small test files leave out of their headers; GQ is a float in some."""

INTEGERS, STRINGS = ("PL", "AD", "DP", "GQ", "MIN_DP", "SB"), ("PGT", "PID", "FT")


def read(path: Path, contigs: tuple[Contig, ...], sample: str | None = None) -> tuple[pa.Table, pa.Table, int]:
    """The variants and the blocks of one sample, in file order, and how many records htslib saw."""
    read_rows = records(path, contigs, sample)
    held = [row for row in read_rows if max(row["gt"], default=0) <= len(row["alts"])]
    rows = gvcf_reader.covering_rows(gvcf_reader.one_a_position(held))
    blocks = [gvcf_reader.block_row(row) for row in rows if row["block"]]
    variants = [
        gvcf_reader.missing_beside_symbols(row | rest(row["record"], row["column"])) for row in rows if not row["block"]
    ]
    tables = gvcf_reader.to_table(variants, schema.VARIANTS), gvcf_reader.to_table(blocks, schema.BLOCKS)
    return *tables, len(read_rows)


def records(path: Path, contigs: tuple[Contig, ...], sample: str | None) -> list[Row]:
    """What every record says of its place and its genotype; a variant keeps cyvcf2's record for `rest`."""
    numbers = {contig.name: index for index, contig in enumerate(contigs)}
    vcf = cyvcf2.VCF(str(path))
    column = vcf.samples.index(sample) if sample else 0
    read_rows = []
    for record in vcf:
        row = place(record, numbers) | genotype(record, column)
        row["block"] = gvcf_reader.is_block(row)
        if not row["block"]:
            row |= {"record": record, "column": column}
        read_rows.append(row)
    return read_rows


def place(record: Any, numbers: dict[str, int]) -> Row:
    alts = ["*" if alt == "<*:DEL>" else gvcf_reader.upper(alt) for alt in record.ALT]
    ref, start, end = gvcf_reader.upper(record.REF), record.start, record.INFO.get("END")
    assert end in (None, record.end)
    if end is None:
        end = start + (len(ref) if gvcf_reader.deletion_like(ref, alts) else 1)
    return {
        "contig": numbers[record.CHROM],
        "start": start,
        "end": end,
        "sample": 0,
        "ref": ref,
        "alts": alts,
        "qual": real(record.QUAL),
        "real": any(alt not in REFERENCE_ALLELES for alt in alts),
    }


def genotype(record: Any, column: int) -> Row:
    keys = record.FORMAT
    read = {key: integers(record, key, column) for key in INTEGERS if key in keys}
    pl = read.get("PL")
    if pl is None and "GL" in keys:
        pl = gvcf_reader.from_gl(text_of(record, "GL", column))
    if pl and any(value is None or value < 0 for value in pl):
        pl = None
    gt, phased = alleles(record, column) if "GT" in keys else ([], False)
    if gt in ([], [-1]) and pl:
        sizes = (gvcf_reader.likelihoods(len(record.ALT) + 1, ploidy) for ploidy in (1, 2))
        gt = [-1] * next(ploidy for ploidy, size in enumerate(sizes, 1) if len(pl) in size)
    sb = read.get("SB")
    return {
        "gt": gt,
        "phased": phased,
        "ad": read.get("AD"),
        "dp": first(read.get("DP")),
        "gq": first(read.get("GQ")),
        "min_dp": first(read.get("MIN_DP")),
        "pl": pl,
        "sb": sb if sb and len(sb) == 4 else None,
    }


def alleles(record: Any, column: int) -> tuple[list[int], bool]:
    """Allele numbers, -1 for `.`, and whether `|` is written between them (htslib calls one allele phased)."""
    *padded, phased = record.genotype.array()[column].tolist()
    numbers = [number for number in padded if number >= -1]
    return numbers, bool(phased) and len(numbers) > 1


def rest(record: Any, column: int) -> Row:
    """The columns that only variants have."""
    info, keys = record.INFO, record.FORMAT
    mq_and_dp = info.get("RAW_MQandDP")
    if isinstance(mq_and_dp, str):  # where the header does not declare it
        mq_and_dp = tuple(int(item) for item in mq_and_dp.split(","))
    return {
        "id": record.ID,
        "filter": ";".join(record.FILTERS) or None,
        **{key.lower(): string(record, key, column) if key in keys else None for key in STRINGS},
        "ps": first(integers(record, "PS", column)) if "PS" in keys else None,
        "info_dp": whole(info.get("DP")),
        "mq0": whole(info.get("MQ0")),
        "raw_mq": mq_and_dp[0] if mq_and_dp else rounded(info.get("RAW_MQ")),
        "raw_mq_dp": mq_and_dp[1] if mq_and_dp else whole(info.get("MQ_DP")),
        **{name: real(info.get(key)) for key, name in FLOATS.items()},
        **{name: gvcf_reader.text(info.get(key)) for key, name in TEXTS.items()},
    }


def integers(record: Any, key: str, column: int) -> list[int | None] | None:
    """A sample's integers; None for one `.`. An undeclared key is text to htslib."""
    values = record.format(key)[column]
    if values.dtype.kind == "U":
        return gvcf_reader.integers(str(values))
    if values.dtype.kind == "f":
        return [rounded(value) for value in values.tolist()]
    numbers = [None if value == MISSING else value for value in values.tolist() if value != PADDING]
    return None if numbers in ([], [None]) else numbers


def first(values: list[int | None] | None) -> int | None:
    return values[0] if values else None


def string(record: Any, key: str, column: int) -> str | None:
    return gvcf_reader.text(str(record.format(key)[column]))


def text_of(record: Any, key: str, column: int) -> str | None:
    """A sample's value as htslib prints it: GL's single floats would turn `-1.05` into another half than the text's."""
    values = str(record).rstrip("\n").split("\t")[9 + column].split(":")
    return dict(zip(record.FORMAT, values, strict=False)).get(key)


def real(value: Any) -> float | None:
    number = None if value is None or not abs(value) <= gvcf_reader.LARGEST else float(value)
    return None if number is None or isnan(number) else number


def rounded(value: Any) -> int | None:
    number = real(value)
    return None if number is None else floor(number + 0.5)


def whole(value: Any) -> int | None:
    return None if value is None else int(value)


def mend(path: Path, folder: Path) -> Path:
    """The file, or a copy whose header htslib takes: one #CHROM line without a last tab, fields declared."""
    lines = gvcf_reader.lines(path)
    titles = [number for number, line in enumerate(lines) if line.startswith("#CHROM")]
    header = [line for line in lines[: titles[0]] if line.startswith("##")]
    missing = [line for line in DECLARATIONS if not any(line.split(",")[0] == each.split(",")[0] for each in header)]
    kept = [line.rstrip("\t") for number, line in enumerate(lines) if number not in titles[1:]]
    if kept == lines and (path.suffix == ".gz" or not missing):
        return path
    mended = folder / f"{path.name}.mended.vcf"
    mended.write_text("\n".join([kept[0], *missing, *kept[1:]]) + "\n")
    return mended
