"""Every field of every record reads as htslib (cyvcf2) reads it: shared data, the embedded caller's, written cases."""

import os
from collections.abc import Iterable
from pathlib import Path

import cyvcf2
import pyarrow as pa
import pytest

from genocloud import gvcf, schema
from tests.support import gvcf_htslib

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared"))
CASES = sorted((Path(__file__).resolve().parents[2] / "cases" / "gvcf").glob("*.g.vcf"))


def shared_files() -> list[Path]:
    files = [*SHARED.glob("data/dialects/*/*"), *SHARED.glob("data/1kg_chr22/*.g.vcf.gz")]
    return sorted(path for path in files if path.suffix != ".tbi")


def is_large(path: Path) -> bool:
    """Whether htslib's twin reads it for 10 s; tests/unit/gvcf/test_rows.py reads its records in less."""
    return path.stat().st_size > 1_000_000


def tables(rows: Iterable[gvcf.Rows]) -> tuple[pa.Table, pa.Table, int]:
    """All rows as two tables, and how many records were read; they balance."""
    rows = list(rows)
    variants = pa.Table.from_batches([each.variants for each in rows], schema.VARIANTS)
    blocks = pa.Table.from_batches([each.blocks for each in rows], schema.BLOCKS)
    read = sum(each.read for each in rows)
    assert read == variants.num_rows + blocks.num_rows + sum(sum(each.dropped.values()) for each in rows)
    return variants, blocks, read


def differences(path: Path, theirs: Path, sample: str) -> set[str]:
    """Columns in which our reading of `path` is not htslib's of `theirs`."""
    contigs = gvcf.read_header(str(path)).contigs
    variants, blocks, read = tables(gvcf.read_rows(str(path), contigs, sample))
    expected_variants, expected_blocks, expected = gvcf_htslib.read(theirs, contigs, sample)
    assert read == expected
    return unequal(variants, expected_variants) | unequal(blocks, expected_blocks)


def unequal(ours: pa.Table, theirs: pa.Table) -> set[str]:
    return {name for name in theirs.column_names if not ours[name].equals(theirs[name])}


@pytest.mark.parametrize(
    "path",
    [
        *CASES,
        *[pytest.param(path, marks=pytest.mark.slow) if is_large(path) else path for path in shared_files()],
        *([] if shared_files() else [None]),
    ],
    ids=lambda path: f"{path.parent.name}/{path.name}" if path else "",
)
def test_every_column_is_as_htslib_reads_it(path, tmp_path):
    if path is None:
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    theirs = gvcf_htslib.mend(path, tmp_path)
    for sample in gvcf.read_header(str(path)).samples:
        assert differences(path, theirs, sample) == set()


def test_every_column_of_a_bcf_is_as_htslib_reads_it(tmp_path):
    """Of one file of each folder, but the large one."""
    firsts = {path.parent: path for path in reversed(shared_files()) if not is_large(path)}
    if not firsts:
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    for folder, path in firsts.items():
        bcf = tmp_path / f"{folder.name}.bcf"
        write_bcf(gvcf_htslib.mend(path, tmp_path), bcf)
        for sample in gvcf.read_header(str(path)).samples:
            assert differences(bcf, bcf, sample) == set(), path


def write_bcf(path: Path, bcf: Path) -> None:
    vcf = cyvcf2.VCF(str(path))
    writer = cyvcf2.Writer(str(bcf), vcf, mode="wb")
    for record in vcf:
        writer.write_record(record)
    writer.close()


@pytest.mark.parametrize("sample", ["child", "mother"], ids=["man", "woman"])
def test_every_column_of_the_embedded_caller_is_as_htslib_reads_it(called, sample):
    path = called.vcf.parent / f"{sample}.g.vcf.gz"
    assert gvcf.read_header(str(path)).caller == "bcftools"
    assert differences(path, path, sample) == set()


def test_every_column_of_the_test_data_is_as_htslib_reads_it(gvcfs):
    assert differences(gvcfs[0], gvcfs[0], gvcfs[0].name.removesuffix(".g.vcf.gz")) == set()


VARIANT = {
    "CHROM": "chr1", "POS": "50", "ID": "rs1;rs2", "REF": "ACG", "ALT": "a,TCT,<NON_REF>", "QUAL": "31.5",
    "FILTER": "q10;s50",
    "INFO/DP": "31", "INFO/MQ0": "2", "INFO/MQ": "58.25", "INFO/BaseQRankSum": "-1.125",
    "INFO/ClippingRankSum": "0.75", "INFO/MQRankSum": "1e-2", "INFO/ReadPosRankSum": "2.5", "INFO/ExcessHet": "3.0103",
    "INFO/RAW_MQandDP": "108000,30", "INFO/AS_RAW_BaseQRankSum": "|-1.1,1|NaN", "INFO/AS_RAW_MQ": "1.00|2.00|0.00",
    "INFO/AS_RAW_MQRankSum": "|0.1,2|", "INFO/AS_RAW_ReadPosRankSum": "|0.2,1|", "INFO/AS_SB_TABLE": "1,2|3,4|0,0",
    "FORMAT/GT": "0|1", "FORMAT/AD": "9,8,7,0", "FORMAT/DP": "24", "FORMAT/GQ": "66", "FORMAT/MIN_DP": "20",
    "FORMAT/PL": "70,0,80,90,95,99,100,110,120,130", "FORMAT/SB": "4,5,6,9", "FORMAT/PGT": "0|1",
    "FORMAT/PID": "50_ACG_A", "FORMAT/PS": "50", "FORMAT/FT": "q10",
}  # fmt: skip
CONTIGS = ["##contig=<ID=chr1,length=1000>", "##contig=<ID=chr2,length=1000>"]
BLOCK = {
    "CHROM": "chr1", "POS": "53", "ID": ".", "REF": "T", "ALT": "<NON_REF>", "QUAL": ".", "FILTER": ".",
    "INFO/END": "70", "FORMAT/GT": "0/0", "FORMAT/DP": "30", "FORMAT/GQ": "60", "FORMAT/MIN_DP": "28",
    "FORMAT/PL": "0,60,900",
}  # fmt: skip


def changes(type_: pa.DataType, value: str) -> list[tuple[str, str, set[str]]]:
    """A new value for every field of VARIANTS that has this type."""
    typed = [column for column in schema.VARIANT_COLUMNS if column.type == type_ and column.vcf in VARIANT]
    return [(column.vcf, value, {column.name}) for column in typed if column.vcf not in ("CHROM", "POS", "REF")]


CHANGES = [
    ("POS", "51", {"start"}),
    ("INFO/END", "51", {"stop"}),
    ("REF", "ACT", {"ref"}),
    ("ALT", "a,TCC,<NON_REF>", {"alts"}),
    ("FORMAT/GT", "0/1", {"phased"}),
    ("FORMAT/GT", "0|2", {"gt"}),
    ("FORMAT/GT", "0|.", {"gt"}),
    ("FORMAT/AD", "9,8,.,0", {"ad"}),
    ("FORMAT/PL", "70,0,80,90,95,99,100,110,120,131", {"pl"}),
    ("FORMAT/PL", ".", {"pl"}),
    ("FORMAT/SB", "4,5,6,8", {"sb"}),
    ("INFO/RAW_MQandDP", "108001,30", {"raw_mq"}),
    ("INFO/RAW_MQandDP", "108000,31", {"raw_mq_dp"}),
    *changes(schema.INT32, "17"),
    *changes(schema.FLOAT, "1.5"),
    *changes(schema.STRING, "x|y"),
]


def test_the_changes_reach_every_column():
    assert set.union(*(columns for _, _, columns in CHANGES)) == set(schema.VARIANTS.names) - {"contig", "sample"}


@pytest.mark.parametrize(("field", "value", "columns"), CHANGES)
def test_a_changed_field_of_a_variant_is_a_difference_in_its_column(tmp_path, field, value, columns):
    before = write(tmp_path / "before.g.vcf", [VARIANT, BLOCK])
    after = write(tmp_path / "after.g.vcf", [VARIANT | {field: value}, BLOCK])
    assert differences(before, before, "ann") == set()
    assert differences(after, before, "ann") == columns


@pytest.mark.parametrize(
    ("field", "value", "columns"),
    [
        ("CHROM", "chr2", {"contig"}),
        ("POS", "54", {"start"}),
        ("INFO/END", "71", {"stop"}),
        ("FORMAT/GT", "./.", {"called"}),
        ("FORMAT/DP", "31", {"dp"}),
        ("FORMAT/GQ", "61", {"gq"}),
        ("FORMAT/MIN_DP", ".", {"min_dp"}),
        ("FORMAT/PL", "1,60,900", {"pl0"}),
        ("FORMAT/PL", "0,61,900", {"pl1"}),
        ("FORMAT/PL", "0,60,901", {"pl2"}),
        ("FORMAT/PL", ".", {"pl0", "pl1", "pl2"}),
    ],
)
def test_a_changed_field_of_a_block_is_a_difference_in_its_column(tmp_path, field, value, columns):
    before = write(tmp_path / "before.g.vcf", [VARIANT, BLOCK])
    after = write(tmp_path / "after.g.vcf", [VARIANT, BLOCK | {field: value}])
    assert differences(after, before, "ann") == columns


def write(path: Path, records: list[dict[str, str]]) -> Path:
    """A gVCF with some records, each a value by field."""
    lines = ["##fileformat=VCFv4.2", *gvcf_htslib.DECLARATIONS, *CONTIGS]
    lines += [f'##FILTER=<ID={name},Description=".">' for name in ("q10", "s50", "x|y")]
    lines += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann", *map(line, records)]
    path.write_text("\n".join(lines) + "\n")
    return path


def line(record: dict[str, str]) -> str:
    parts = {place: {} for place in ("", "INFO", "FORMAT")}
    for field, value in record.items():
        place, _, key = field.rpartition("/")
        parts[place][key] = value
    info = ";".join(f"{key}={value}" for key, value in parts["INFO"].items())
    return "\t".join([*parts[""].values(), info, ":".join(parts["FORMAT"]), ":".join(parts["FORMAT"].values())])
