"""The reader against its slow twin and against cyvcf2, on real files of many callers and on written cases."""

import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import cyvcf2
import numpy as np
import pyarrow as pa
import pytest

from genocloud import gvcf, schema
from genocloud.errors import BadRecord, MixedContigs, UnknownContig
from genocloud.gvcf.reference_bases import Bases, Sequence
from genocloud.gvcf.rows import DOUBLE, STRAY, WEAKER
from genocloud.regions import Contig
from tests.support import gvcf_reader

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared"))
CASES = Path(__file__).resolve().parents[2] / "cases" / "gvcf"
WRITTEN = sorted(CASES.glob("*.g.vcf"))
LARGE = "HG00268.g.vcf.gz"


def real_files() -> list[Path]:
    files = [*SHARED.glob("data/dialects/*/*"), *SHARED.glob("data/1kg_chr22/*.g.vcf.gz")]
    return sorted(path for path in files if path.suffix != ".tbi")


def tables(rows: Iterable[gvcf.Rows]) -> tuple[pa.Table, pa.Table]:
    """All rows as two tables, checked to be sound and to balance."""
    rows = list(rows)
    variants = pa.Table.from_batches([each.variants for each in rows], schema.VARIANTS)
    blocks = pa.Table.from_batches([each.blocks for each in rows], schema.BLOCKS)
    for table in (variants, blocks):
        table.validate(full=True)
    stored = variants.num_rows + blocks.num_rows
    assert sum(each.read for each in rows) == stored + sum(sum(each.dropped.values()) for each in rows)
    return variants, blocks


def assert_as_twin(path: Path, sample: str | None = None) -> None:
    contigs = gvcf.read_header(str(path)).contigs
    variants, blocks = tables(gvcf.read_rows(str(path), contigs, sample))
    expected_variants, expected_blocks = gvcf_reader.read(path, contigs, sample)
    for name in schema.VARIANTS.names:
        assert variants[name].equals(expected_variants[name]), name
    for name in schema.BLOCKS.names:
        assert blocks[name].equals(expected_blocks[name]), name


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_column_of_a_written_case_is_as_the_twin_reads_it(path):
    for sample in gvcf.read_header(str(path)).samples:
        assert_as_twin(path, sample)


@pytest.mark.parametrize(
    "path", real_files() or [None], ids=lambda path: f"{path.parent.name}/{path.name}" if path else ""
)
def test_every_column_of_a_real_file_is_as_the_twin_reads_it(path):
    if path is None:
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    if path.name == LARGE:
        pytest.skip("compared with cyvcf2 instead: the twin takes half a minute")
    for sample in gvcf.read_header(str(path)).samples:
        assert_as_twin(path, sample)


def test_the_large_real_file_is_as_cyvcf2_reads_it():
    path = SHARED / "data/dialects/gatk_single_chr20_chr21" / LARGE
    if not path.exists():
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    variants, blocks = tables(gvcf.read_rows(str(path), gvcf.read_header(str(path)).contigs))
    both = pa.concat_tables([table.select(["contig", "start", "dp", "gq", "min_dp"]) for table in (variants, blocks)])
    rows = both.sort_by([("contig", "ascending"), ("start", "ascending")]).to_pylist()
    pls = iter(variants["pl"].to_pylist())
    starts, checked = {}, 0
    for row, record in zip(rows, cyvcf2.VCF(str(path)), strict=True):
        assert row["start"] == record.start
        for name, key in (("dp", "DP"), ("gq", "GQ"), ("min_dp", "MIN_DP")):
            values = record.format(key)
            theirs = None if values is None or values[0][0] < 0 else int(values[0][0])
            assert row[name] == theirs
        if record.ALT != ["<NON_REF>"]:
            assert next(pls) == record.format("PL")[0].tolist()
            checked += 1
        starts[record.CHROM] = record.start
    assert checked == variants.num_rows
    assert len(starts) == 2


def test_of_two_records_at_a_base_the_one_with_more_evidence_stays():
    path = CASES / "two_records_at_a_base.g.vcf"
    rows = list(gvcf.read_rows(str(path), (Contig("chr1", 2000),)))
    variants, blocks = tables(rows)
    assert variants.select(["start", "stop", "ref"]).to_pylist() == [
        {"start": 99, "stop": 101, "ref": "AT"},
        {"start": 149, "stop": 150, "ref": "A"},
        {"start": 150, "stop": 152, "ref": "AG"},
    ]
    assert blocks["stop"].to_pylist() == [99, 149]
    assert [each.dropped for each in rows] == [{DOUBLE: 2, WEAKER: 2}]


def test_a_gt_beyond_the_alleles_is_dropped_and_counted_where_the_caller_writes_such(tmp_path):
    lines = ["chr1\t5\t.\tA\t.\t.\t.\t.\tGT\t1/1", "chr1\t7\t.\tA\t.\t.\t.\t.\tGT\t0/0"]
    path = write(tmp_path, lines, "##source=xatlas v1")
    (rows,) = gvcf.read_rows(path, CONTIGS)
    assert rows.dropped == {STRAY: 1}
    assert rows.blocks["start"].to_pylist() == [6]


def test_a_sum_of_squares_without_its_count_is_kept_as_it_is(tmp_path):
    infos = ["RAW_MQ=111200.00", "RAW_MQ=.", "RAW_MQ=5.00;RAW_MQandDP=3600,1", "RAW_MQandDP=3600,1;RAW_MQ=5", "DP=1"]
    infos += ["MQ_DP=4;RAW_MQ=14400.00", "MQ_DP=4;RAW_MQandDP=3600,1", "MQ_DP=."]
    lines = [f"chr1\t{5 + k}\t.\tA\tC\t.\t.\t{info}\tGT\t0/1" for k, info in enumerate(infos)]
    variants, _ = tables(gvcf.read_rows(write(tmp_path, lines), CONTIGS))
    assert variants["raw_mq"].to_pylist() == [111200, None, 3600, 3600, None, 14400, 3600, None]
    assert variants["raw_mq_dp"].to_pylist() == [None, None, 1, 1, None, 4, 1, None]


def test_filters_of_the_sample_are_a_column(tmp_path):
    lines = [f"chr1\t{5 + k}\t.\tA\tC\t.\t.\t.\tGT:FT\t0/1:{ft}" for k, ft in enumerate(["PASS", "q10;s50", "."])]
    variants, _ = tables(gvcf.read_rows(write(tmp_path, lines), CONTIGS))
    assert variants["ft"].to_pylist() == ["PASS", "q10;s50", None]


OVERLAPPING = ["chr1\t5\t.\tA\t.\t.\t.\tEND=20\tGT:DP\t0/0:3", "chr1\t10\t.\tA\t.\t.\t.\tEND=12\tGT:DP\t0/0:4"]


def test_where_blocks_may_overlap_the_later_covers_from_where_it_begins(tmp_path):
    _, blocks = tables(gvcf.read_rows(write(tmp_path, OVERLAPPING, "##source=strelka"), CONTIGS))
    assert blocks["stop"].to_pylist() == [9, 12]


LINE_BASES = 7
SEQUENCE = "ACGTRYNacgtn" * 83 + "ACGT"


def bases(name: str = "chr1", sequence: str = SEQUENCE) -> Bases:
    """A reference as a FASTA has it, in lines that end as Windows ends them."""
    lines = [sequence[at : at + LINE_BASES] for at in range(0, len(sequence), LINE_BASES)]
    letters = np.frombuffer("\r\n".join(lines).encode(), np.uint8)
    return Bases({name: Sequence(letters, LINE_BASES, LINE_BASES + 2)})


@pytest.mark.parametrize(
    ("pos", "ref"),
    [
        (1, "ACGTACNACG"),
        (1, "acgtg"),
        (5, "A"),
        (5, "G"),
        (5, "R"),
        (5, "n"),
        (6, "K"),
        (7, "T"),
        (997, "ACGT"),
        (3, "N"),
    ],
)
def test_a_ref_that_the_reference_may_mean_is_read(tmp_path, pos, ref):
    path = write(tmp_path, [f"chr1\t{pos}\t.\t{ref}\tC\t.\t.\t.\tGT\t0/1"])
    (rows,) = gvcf.read_rows(path, CONTIGS, reference=bases())
    assert rows.read == 1


@pytest.mark.parametrize(
    ("pos", "ref", "there"),
    [(1, "C", "A"), (1, "ACGTACNACC", "ACGTRYNacg"), (5, "C", "R"), (6, "R", "Y"), (8, "C", "a"), (999, "GTA", "GT")],
)
@pytest.mark.parametrize("alt", ["CCCCCCCCCCCC", "<NON_REF>"])
def test_a_ref_that_contradicts_the_reference_is_refused(tmp_path, pos, ref, there, alt):
    lines = ["chr1\t1\t.\tA\t.\t.\t.\t.\tGT\t0/0"] * (pos > 1)
    path = write(tmp_path, [*lines, f"chr1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\tGT\t0/0"])
    with pytest.raises(BadRecord, match=f"REF is {ref}, but the reference has {there} there") as caught:
        list(gvcf.read_rows(path, CONTIGS, reference=bases()))
    assert caught.value.place == f"line {5 + len(lines)} (chr1:{pos})"


def test_a_contig_without_bases_is_not_held_to_the_reference(tmp_path):
    path = write(tmp_path, ["chr1\t1\t.\tC\t.\t.\t.\t.\tGT\t0/0"])
    assert [rows.read for rows in gvcf.read_rows(path, CONTIGS, reference=bases("chr2"))] == [1]


CONTIGS = (Contig("chr1", 1000), Contig("chr2", 500))


def write(folder: Path, lines: Iterable[str], *meta: str) -> str:
    """A gVCF with some records, as text."""
    contigs = [f"##contig=<ID={contig.name},length={contig.length}>" for contig in CONTIGS]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann"
    path = folder / "a.g.vcf"
    path.write_text("\n".join(["##fileformat=VCFv4.2", *meta, *contigs, columns, *lines]) + "\n")
    return str(path)


def test_what_follows_an_empty_contig_is_read(tmp_path):
    path = write(tmp_path, ["chr2\t5\t.\tA\t.\t.\t.\t.\tGT\t0/0"])
    (rows,) = gvcf.read_rows(path, CONTIGS)
    assert rows.blocks["contig"].to_pylist() == [1]


@pytest.mark.parametrize("path", [*WRITTEN, *real_files()[:1]], ids=lambda path: path.name)
def test_the_last_rows_have_the_checksum_of_the_whole_file(path):
    *_, last = gvcf.read_rows(str(path), gvcf.read_header(str(path)).contigs, gvcf.read_header(str(path)).samples[0])
    assert last.checksum == zlib.crc32(path.read_bytes())


def test_blank_lines_windows_line_ends_and_a_missing_last_one_do_not_matter(tmp_path):
    lines = ["chr1\t5\t.\tA\t.\t.\t.\tEND=9\tGT:DP\t0/0:3\r", "\r", "", "chr1\t10\t.\tA\t.\t.\t.\t.\tGT:DP\t0/0:4"]
    path = Path(write(tmp_path, lines))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    _, blocks = tables(gvcf.read_rows(str(path), CONTIGS))
    assert blocks["dp"].to_pylist() == [3, 4]
    assert blocks["stop"].to_pylist() == [9, 10]


def test_contigs_that_only_the_header_names_are_no_matter(tmp_path):
    path = write(tmp_path, ["chr1\t5\t.\tA\t.\t.\t.\t.\tGT\t0/0"], "##contig=<ID=decoy,length=7>")
    assert len(list(gvcf.read_rows(path, CONTIGS))) == 1


def test_a_record_on_an_unknown_contig_is_refused(tmp_path):
    path = write(tmp_path, ["chr1\t5\t.\tA\t.\t.\t.\t.\tGT\t0/0", "chrUn\t5\t.\tA\t.\t.\t.\t.\tGT\t0/0"])
    with pytest.raises(UnknownContig) as caught:
        list(gvcf.read_rows(path, CONTIGS))
    assert caught.value.contig == "chrUn"


def test_a_contig_of_another_length_is_refused_before_any_record(tmp_path):
    with pytest.raises(MixedContigs) as caught:
        list(gvcf.read_rows(write(tmp_path, ["bad"]), (Contig("chr1", 999), CONTIGS[1])))
    assert caught.value.lengths["reference"] == 999


def test_floats_are_rounded_once(tmp_path):
    texts = [
        "0.1",
        "-0.30000001",
        "1.17549435e-38",
        "123456789.123456789",
        "7.3841e+01",
        "3e22",
        "1e99",
        "0.000123456789012345678",
    ]
    lines = [f"chr1\t{5 + k}\t.\tA\tC\t{text}\t.\tMQ={text}\tGT\t0/1" for k, text in enumerate(texts)]
    variants, _ = tables(gvcf.read_rows(write(tmp_path, lines), CONTIGS))
    with np.errstate(over="ignore"):
        expected = np.array([float(text) for text in texts]).astype(np.float32)
    expected[np.isinf(expected)] = np.nan  # what 32 bits do not hold is no number that could be written
    np.testing.assert_array_equal(variants["qual"].to_numpy(), expected)
    np.testing.assert_array_equal(variants["mq"].to_numpy(), expected)
