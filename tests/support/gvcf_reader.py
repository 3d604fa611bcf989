"""The slow, obvious twin of `genocloud.gvcf.read_rows`: one gVCF as plain Python rows."""

import gzip
import re
from math import comb, floor
from pathlib import Path
from typing import Any

import pyarrow as pa

from genocloud import schema
from genocloud.regions import Contig

REFERENCE_ALLELES = ("<NON_REF>", "<*>")
FLOATS = {
    "BaseQRankSum": "base_q_rank_sum",
    "ClippingRankSum": "clipping_rank_sum",
    "MQRankSum": "mq_rank_sum",
    "ReadPosRankSum": "read_pos_rank_sum",
    "MQ": "mq",
    "ExcessHet": "excess_het",
}
TEXTS = {
    "AS_RAW_BaseQRankSum": "as_raw_base_q_rank_sum",
    "AS_RAW_MQ": "as_raw_mq",
    "AS_RAW_MQRankSum": "as_raw_mq_rank_sum",
    "AS_RAW_ReadPosRankSum": "as_raw_read_pos_rank_sum",
    "AS_SB_TABLE": "as_sb_table",
}

Row = dict[str, Any]

LARGEST = 3.4028234663852886e38
"""Of 32 bits."""


def read(path, contigs: tuple[Contig, ...], sample: str | None = None) -> tuple[pa.Table, pa.Table]:
    """The variants and the blocks of one sample, in file order; `contigs` are the reference's."""
    rows = covering_rows(one_a_position(records(path, contigs, sample)))
    blocks = [block_row(row) for row in rows if is_block(row)]
    variants = [row for row in rows if not is_block(row)]
    return to_table(variants, schema.VARIANTS), to_table(blocks, schema.BLOCKS)


def to_table(rows: list[Row], columns: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{name: row[name] for name in columns.names} for row in rows], schema=columns)


def lines(path) -> list[str]:
    data = Path(path).read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode().splitlines()


def records(path, contigs, sample) -> list[Row]:
    """Every record as a full row of VARIANTS (with `end`, `real`), but those whose GT names an allele it lacks."""
    numbers = {contig.name: index for index, contig in enumerate(contigs)}
    parsed, column = [], 9
    for line in lines(path):
        fields = line.split("\t")
        if line.startswith("#CHROM"):
            column = fields.index(sample, 9) if sample else 9
        elif line and not line.startswith("#"):
            row = record(fields, numbers, column)
            if max(row["gt"], default=0) <= len(row["alts"]):
                parsed.append(row)
    return parsed


def record(fields: list[str], numbers: dict[str, int], column: int) -> Row:
    chrom, pos, id_, ref, alt, qual, filter_, info_text = fields[:8]
    info = dict(part.partition("=")[::2] for part in info_text.split(";"))
    of_sample = dict(zip(fields[8].split(":"), fields[column].split(":"), strict=False)) if len(fields) > 8 else {}
    alts = [upper(allele) for allele in alt.replace("<*:DEL>", "*").split(",")] if alt != "." else []
    row = {
        "contig": numbers[chrom],
        "start": int(pos) - 1,
        "sample": 0,
        "id": text(id_),
        "ref": upper(ref),
        "alts": alts,
        "qual": real(qual),
        "filter": text(filter_),
        "real": any(allele not in REFERENCE_ALLELES for allele in alts),
    }
    end = integer(info.get("END"))
    row["end"] = row["start"] + (len(ref) if deletion_like(row["ref"], alts) else 1) if end is None else end
    if (
        length := integer(of_sample.get("LEN"))
    ) is not None:  # VCF 4.5: a block's own; of a variant, what it reaches too
        row["end"] = max(row["end"] if row["real"] else 0, row["start"] + length)
    return missing_beside_symbols(row | sample_fields(of_sample, len(alts) + 1) | info_fields(info))


def missing_beside_symbols(row: Row) -> Row:
    """The row, its genotype missing where an ALT is symbolic or a breakend."""
    if any(is_symbolic(allele) and allele not in REFERENCE_ALLELES for allele in row["alts"]):
        row |= dict.fromkeys(("pl", "ad", "gq", "ps", "pgt", "pid")) | {"phased": False, "gt": [-1] * len(row["gt"])}
    return row


def is_symbolic(allele: str) -> bool:
    return any(mark in allele for mark in "<[].")


def sample_fields(values: dict[str, str], alleles: int) -> Row:
    pl = integers(values.get("PL")) or from_gl(values.get("GL"))
    if pl and any(value is None or value < 0 for value in pl):
        pl = None
    gt_text = values.get("GT", "")
    gt = [-1 if allele == "." else int(allele) for allele in gt_text.replace("|", "/").split("/") if allele]
    if gt in ([], [-1]) and pl:  # no genotype written: the likelihoods say the ploidy
        gt = [-1] * next(ploidy for ploidy in (1, 2) if len(pl) in likelihoods(alleles, ploidy))
    sb = integers(values.get("SB")) if values.get("SB", "").count(",") == 3 else None
    return {
        "gt": gt,
        "phased": "|" in gt_text,
        "ad": integers(values.get("AD")),
        "dp": integer(values.get("DP")),
        "gq": rounded(values.get("GQ")),
        "min_dp": integer(values.get("MIN_DP")),
        "pl": pl,
        "sb": sb,
        "pgt": text(values.get("PGT")),
        "pid": text(values.get("PID")),
        "ps": integer(values.get("PS")),
        "ft": text(values.get("FT")),
    }


def likelihoods(alleles: int, ploidy: int) -> tuple[int, ...]:
    """Lengths that a PL may have; blocks without an ALT may have those of an unwritten one (xAtlas)."""
    sizes = (alleles,) if alleles > 1 else (1, 2)
    return tuple(comb(size + ploidy - 1, ploidy) for size in sizes)


def info_fields(info: dict[str, str]) -> Row:
    mq_and_dp = integers(info.get("RAW_MQandDP")) or [rounded(info.get("RAW_MQ")), integer(info.get("MQ_DP"))]
    return {
        "info_dp": integer(info.get("DP")),
        "mq0": integer(info.get("MQ0")),
        "raw_mq": mq_and_dp[0],
        "raw_mq_dp": mq_and_dp[1],
        **{column: real(info.get(key)) for key, column in FLOATS.items()},
        **{column: text(info.get(key)) for key, column in TEXTS.items()},
    }


def text(value: str | None) -> str | None:
    return None if value in (None, "", ".") else value


def integer(value: str | None) -> int | None:
    return None if value in (None, "", ".") else int(value)


def integers(value: str | None) -> list[int | None] | None:
    return None if value in (None, "", ".") else [integer(item) for item in value.split(",")]


def real(value: str | None) -> float | None:
    number = None if value in (None, "", ".") or not abs(float(value)) <= LARGEST else float(value)
    return None if number is None or number != number else number


def rounded(value: str | None) -> int | None:
    """GQ is a float in some dialects (Strelka2)."""
    number = real(value)
    return None if number is None else floor(number + 0.5)


def from_gl(value: str | None) -> list[int] | None:
    numbers = [real(item) for item in value.split(",")] if value not in (None, "", ".") else []
    if not numbers or None in numbers:
        return None
    return [floor(-10 * (number - max(numbers)) + 0.5) for number in numbers]


def upper(allele: str) -> str:
    """Capitals, and N for the codes of several bases."""
    return allele if is_symbolic(allele) else re.sub("[RYSWKMBDHV]", "N", allele.upper())


def deletion_like(ref: str, alts: list[str]) -> bool:
    """Whether the record covers its whole REF (GenomicsDB's rule)."""
    if len(ref) == 1:
        return False
    plain = [alt for alt in alts if not is_symbolic(alt)]
    return any(
        alt == "*"
        or len(alt) < len(ref)
        or (len(alt) == len(ref) and sum(a != b for a, b in zip(alt, ref, strict=True)) > 1)
        for alt in plain
    )


def evidence(row: Row) -> tuple[bool, int, float]:
    """Of several records at one position the one that says most against the reference speaks; the first on ties."""
    return row["real"], (row["pl"] or [-1])[0], -1.0 if row["qual"] is None else row["qual"]


def one_a_position(rows: list[Row]) -> list[Row]:
    kept: list[Row] = []
    for row in rows:
        if kept and (kept[-1]["contig"], kept[-1]["start"]) == (row["contig"], row["start"]):
            kept[-1] = max(kept[-1], row, key=evidence)
        else:
            kept.append(row)
    return kept


def covering_rows(rows: list[Row]) -> list[Row]:
    """Fill `stop`: a row speaks until it ends or the next row of the contig begins."""
    for row, later in zip(rows, [*rows[1:], None], strict=False):
        follows = later is not None and later["contig"] == row["contig"]
        row["stop"] = min(row["end"], later["start"]) if follows else row["end"]
    return rows


def is_block(row: Row) -> bool:
    """Only REF and a symbolic allele, GT all 0 or all missing, and nothing that BLOCKS has no column for."""
    plain = not row["real"] and row["ad"] is None and row["sb"] is None
    return plain and len(row["gt"]) in (1, 2) and (set(row["gt"]) in ({0}, {-1}))


def block_row(row: Row) -> Row:
    pl = (row["pl"] or []) + [None] * 3
    ploidy = len(row["gt"])
    called = row["gt"][0] == 0
    return row | {"pl0": pl[0], "pl1": pl[1], "pl2": pl[2], "ploidy": ploidy, "called": called}
