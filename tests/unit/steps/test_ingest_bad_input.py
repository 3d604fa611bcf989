"""Bad input through the command line: one message with file and place, exit code 3 or 4, and the cohort as it was."""

import os
import random
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import pysam
import pytest

import genocloud
from genocloud.cli import main
from genocloud.gvcf.inflate import END_BLOCK
from genocloud.storage import open_store
from tests.conftest import DATA
from tests.support.ingest_bench import VOICE, Bench, drafts, state
from tests.support.small_gvcfs import (
    AFTER,
    BEFORE,
    HEADER,
    Lines,
    bgzf,
    block,
    other,
    ref,
    variant,
    whole,
)

FIRST_LINE = len(HEADER) + len(BEFORE) + 1
"""The line of the file that the first of a case's records is on."""

OTHER_CALLER = [line.replace("GATKCommandLine=<ID=HaplotypeCaller>", "bcftoolsCommand=mpileup") for line in HEADER]


WHOLE = bgzf(whole("cyd"))
EDGE = len(WHOLE) - len(END_BLOCK)


def flipped(at: int) -> bytes:
    return WHOLE[:at] + bytes([WHOLE[at] ^ 16]) + WHOLE[at + 1 :]


def gzipped(text: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(text) + packer.flush()


def refused(bench: Bench, capsys: pytest.CaptureFixture[str], *rows: str, code: int = 3) -> str:
    """The one message with which these people are refused; the cohort must be as it was."""
    before = state(bench.cohort)
    capsys.readouterr()
    assert bench.ingest(*rows) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    assert said.startswith(VOICE)
    assert "; " in said, "a message says what to do"
    assert state(bench.cohort) == before
    assert drafts(bench.folder) == []
    return said.removeprefix(VOICE)


FILES: dict[str, tuple[bytes, str]] = {
    "cut off within a block": (WHOLE[: EDGE // 2], r"byte [\d,]+: .*incomplete"),
    "cut off within a block's head": (WHOLE[: EDGE + 5], r"byte [\d,]+: .*incomplete"),
    "cut off by one byte": (WHOLE[:-1], r"byte [\d,]+: .*incomplete"),
    "cut off between blocks": (WHOLE[:EDGE], rf"byte {EDGE:,}: .*end block is missing"),
    "a bit of the data flipped": (flipped(EDGE // 2), r"byte [\d,]+: .*(damaged|no BGZF block)"),
    "a bit of the last checksum flipped": (flipped(EDGE - 8), r"byte [\d,]+: .*damaged"),
    "a bit of the last length flipped": (flipped(EDGE - 4), r"byte [\d,]+: .*damaged"),
    "a block's magic destroyed": (WHOLE[:EDGE] + b"\0" * 100, rf"byte {EDGE:,}: no BGZF block begins here"),
    "text after the end block": (WHOLE + b"chr2\t1\n" * 9, rf"byte {len(WHOLE):,}: no BGZF block begins here"),
    "gzip cut off": (gzipped(whole("cyd"))[:-20], r"byte [\d,]+: .*incomplete"),
    "gzip with a flipped bit": (gzipped(whole("cyd"))[:-6] + b"\0" * 6, r"byte [\d,]+: .*(damaged|checksum)"),
    "garbage": (bytes(random.Random(1).randbytes(5000)), "not a VCF"),
    "garbage after gzip's magic": (b"\x1f\x8b" + random.Random(2).randbytes(5000), r"byte [\d,]+|not a VCF"),
    "garbage after BGZF's magic": (WHOLE[:18] + random.Random(3).randbytes(5000), r"byte [\d,]+"),
    "empty": (b"", "not a VCF|is empty"),
    "only an end block": (END_BLOCK, "not a VCF|is empty"),
    "header without records": (bgzf("".join(HEADER).encode()), "no record of sample cyd"),
    "header cut off": (bgzf("".join(HEADER)[:100].encode()), "header is cut off"),
    "the last line cut off": (bgzf(whole("cyd")[:-5]), r"line \d+ \(chr2:1\): PL has not one value"),
    "a header without samples": (bgzf(whole("cyd").replace(b"\tFORMAT\tcyd", b"")), "no sample"),
    "a header that names a sample twice": (bgzf(whole("cyd").replace(b"\tcyd", b"\tcyd\tcyd")), "twice"),
    "another sample's": (bgzf(whole("dan")), "sample cyd is not in .*dan"),
    "a contig of another length": (
        bgzf(whole("cyd").replace(b"length=500>", b"length=501>")),
        r"contig chr2 has more than one length .*501 bp",
    ),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES.keys())
def test_a_bad_file_is_refused_with_its_place(bench, capsys, content, said):
    bench.bad.write_bytes(content)
    message = refused(bench, capsys, "bob", "cyd")
    assert str(bench.bad) in message
    assert re.search(said, message), message


@dataclass(frozen=True)
class Case:
    """Records of which one, by its number, is bad; and what is said of it."""

    records: Lines
    said: str
    number: int = 0
    header: tuple[str, ...] = tuple(HEADER)


def spoilt(old: str, new: str, record: str = variant("chr1", 500)) -> Lines:
    assert old in record
    return [record.replace(old, new)]


RECORDS = {
    "unsorted records": Case([variant("chr1", 600), variant("chr1", 550)], "begins before the record above", 1),
    "contigs out of order": Case([block("chr2", 1, 50), variant("chr1", 500)], "contig comes before", 1),
    "a contig twice": Case([*AFTER, variant("chr1", 500)], "contig comes before", 2),
    "a block twice": Case([block("chr1", 501, 600)] * 2, "second record|overlap", 1),
    "a variant twice": Case([variant("chr1", 500)] * 2, "second record|same REF and ALT", 1),
    "a variant twice of bcftools": Case(
        [variant("chr1", 500)] * 2, "second record|same REF and ALT", 1, tuple(OTHER_CALLER)
    ),
    "an unknown contig": Case([variant("chr1", 500).replace("chr1", "chrUn")], "contig chrUn is not in the reference"),
    "PL too short": Case(spoilt(",230,240,500", ""), "PL has not one value"),
    "PL too long": Case(spoilt("240,500", "240,500,1"), "PL has not one value"),
    "PL of a haploid": Case(spoilt("0/1:", "1:"), "PL has not one value"),
    "AD too short": Case(spoilt("9,8,0", "9,8"), "AD has not one value"),
    "AD too long": Case(spoilt("9,8,0", "9,8,0,0"), "AD has not one value"),
    "GT of an allele that is not there": Case(spoilt("0/1:", "0/3:"), "names an allele that the record lacks"),
    "GT that is none": Case(spoilt("0/1:", "het:"), "GT is malformed"),
    "END before POS": Case([block("chr1", 501, 500)], "ends before it begins"),
    "END 0": Case([block("chr1", 501, 0)], "ends before it begins"),
    "END beyond the contig": Case([block("chr1", 501, 2001)], "beyond the contig's last base"),
    "REF beyond the contig": Case([variant("chr1", 2000, ref("chr1", 2000) + "A")], "beyond the contig's last base"),
    "POS 0": Case(spoilt("\t500\t", "\t0\t"), "before the contig's first base"),
    "POS that is none": Case(spoilt("\t500\t", "\t5oo\t"), "number is malformed"),
    "QUAL that is none": Case(spoilt("200.6", "2oo.6"), "number is malformed"),
    "DP that is none": Case(spoilt(":17:", ":17x:"), "number is malformed"),
    "a PL that is none": Case(spoilt("210", "2l0"), "number is malformed"),
    "an AD that is none": Case(spoilt("9,8,0", "9,-,0"), "number is malformed"),
    "GQ beyond 32 bits": Case(spoilt(":99:", ":99999999999:"), "number is malformed"),
    "END that is none": Case(spoilt("END=600", "END=6OO", block("chr1", 501, 600)), "number is malformed"),
    "END without a value": Case(spoilt("END=600", "END=", block("chr1", 501, 600)), "number is malformed"),
    "a line of too few columns": Case(["chr1\t500\t.\tA\n"], "too few or too many columns"),
    "another REF": Case([variant("chr1", 500, other(ref("chr1", 500)))], "REF .*reference"),
    "a block's other REF": Case([block("chr1", 501, 600, other(ref("chr1", 501)))], "REF .*reference"),
    "a long REF that differs at its last base": Case(
        [variant("chr1", 530, ref("chr1", 530, 69) + other(ref("chr1", 599)))], "REF .*reference"
    ),
    "a code that cannot stand for the base": Case(
        [variant("chr1", 500, "Y" if ref("chr1", 500) in "AG" else "R")], "REF .*reference"
    ),
    "a base that the reference's code excludes": Case([variant("chr1", 1200, "C")], "REF .*reference"),
}


@pytest.mark.parametrize("bench", ["grown"], indirect=True)  # a bad file is refused by both, see above
@pytest.mark.parametrize("case", RECORDS.values(), ids=RECORDS.keys())
def test_a_bad_record_is_refused_with_its_line_and_position(bench, capsys, case):
    bench.bad.write_bytes(bgzf("".join([*case.header, *BEFORE, *case.records, *AFTER]).encode()))
    message = refused(bench, capsys, "bob", "cyd")
    contig, pos = case.records[case.number].split("\t")[:2]
    assert message.startswith(f"{bench.bad}: line {FIRST_LINE + case.number} ({contig}:{pos}): "), message
    assert re.search(case.said, message), message


GOOD: dict[str, Lines] = {
    "lower case in the file": [variant("chr1", 500, ref("chr1", 500).lower())],
    "lower case in the reference": [variant("chr1", 1310), block("chr1", 1311, 1320)],
    "N in the file": [variant("chr1", 500, "N")],
    "N in the reference": [block("chr1", 1100, 1100, "A")],
    "a code in the file that may stand for the base": [variant("chr1", 500, "R" if ref("chr1", 500) in "AG" else "Y")],
    "a code in the reference": [variant("chr1", 1200, "A")],
    "the same code on both sides": [variant("chr1", 1200, "R")],
    "a REF over lines of the FASTA": [variant("chr1", 530, ref("chr1", 530, 150))],
    "the contig's last base": [block("chr1", 2000, 2000)],
}


@pytest.mark.parametrize("bench", ["grown"], indirect=True)
@pytest.mark.parametrize("records", GOOD.values(), ids=GOOD.keys())
def test_bases_that_may_be_the_references_pass(bench, records):
    bench.bad.write_bytes(bgzf("".join([*HEADER, *BEFORE, *records, AFTER[-1]]).encode()))
    assert bench.ingest("bob", "cyd") == 0


@pytest.mark.parametrize("content", [whole("cyd"), gzipped(whole("cyd"))], ids=["plain text", "gzip"])
def test_a_name_in_gz_does_not_matter(bench, content):
    bench.bad.write_bytes(content)
    assert bench.ingest("bob", "cyd") == 0


def indexed(path: Path, content: bytes, csi: bool = False) -> Path:
    """Write a file and its index; returns the index."""
    path.write_bytes(content)
    pysam.tabix_index(str(path), preset="vcf", force=True, csi=csi)
    return Path(f"{path}.{'csi' if csi else 'tbi'}")


@pytest.mark.parametrize("csi", [False, True], ids=["tbi", "csi"])
def test_an_index_that_is_not_the_files_own_is_refused(bench, capsys, csi):
    index = indexed(bench.bad, WHOLE, csi)
    own, made = index.read_bytes(), index.stat().st_mtime
    longer = "".join([*HEADER, *BEFORE, *(variant("chr1", pos) for pos in range(500, 1000)), *AFTER]).encode()
    foreign = indexed(bench.folder / "other.g.vcf.gz", bgzf(longer), csi).read_bytes()
    for content in (foreign, own[:40], b"", bytes(99)):
        index.write_bytes(content)
        message = refused(bench, capsys, "bob", "cyd")
        assert message.startswith(str(index)), message
        assert f"make the index again: {'bcftools index' if csi else 'tabix'}" in message, message
    index.write_bytes(own)
    os.utime(index, (made - 9999, made - 9999))
    assert f"{index}: is older than its data" in refused(bench, capsys, "bob", "cyd")
    os.utime(index, (made + 1, made + 1))
    assert bench.ingest("bob", "cyd") == 0


def test_a_folder_is_no_file(bench, capsys):
    bench.bad.mkdir()
    assert f"{bench.bad}: is a folder, not a file" in refused(bench, capsys, "bob", "cyd")


def test_a_file_that_is_not_there_is_named_with_the_sheets_line(bench, capsys):
    assert f"line 3: sample cyd: no file {bench.bad}" in refused(bench, capsys, "bob", "cyd")


def test_a_link_to_itself_is_no_file(bench, capsys):
    bench.bad.symlink_to(bench.bad)
    assert str(bench.bad) in refused(bench, capsys, "bob", "cyd")


def test_a_sample_twice_in_the_sheet_is_refused(bench, capsys):
    assert "samples.tsv, line 3: sample bob is already on line 2" in refused(bench, capsys, "bob", "bob")


@pytest.mark.parametrize("bench", ["grown"], indirect=True)
def test_a_sample_of_the_cohort_with_another_file_is_refused(bench, capsys):
    (bench.folder / "ann.g.vcf.gz").write_bytes(bgzf(whole("ann").replace(b"200.6", b"201.6")))
    message = refused(bench, capsys, "ann", "bob")
    assert f"{bench.cohort}: the cohort has these samples already: ann;" in message


@pytest.mark.parametrize("bench", ["grown"], indirect=True)
def test_another_reference_is_refused(bench, capsys):
    index = Path(f"{bench.reference}.fai")
    index.write_text(index.read_text() + "chr3\t100\t9999\t60\t61\n")
    assert f"{bench.cohort}: the cohort has another reference" in refused(bench, capsys, "bob")


def test_what_was_stored_beside_a_bad_file_is_not_lost(bench, capsys):
    bench.bad.write_bytes(WHOLE[:EDGE])
    refused(bench, capsys, "bob", "cyd")
    bench.bad.write_bytes(WHOLE)
    assert bench.ingest("bob", "cyd") == 0
    assert set(genocloud.open_cohort(str(bench.cohort)).samples) >= {"bob", "cyd"}


def test_a_bad_file_in_a_shared_batch_leaves_nothing_of_its_neighbours(bench, capsys):
    """With the default batch size bob lies in the same batch as cyd."""
    bench.bad.write_bytes(WHOLE[:EDGE])
    before = set(open_store(str(bench.cohort)).list())
    options = ["--reference", str(bench.reference), "--quiet"]
    assert main(["ingest", str(bench.cohort), str(bench.sheet("bob", "cyd")), *options]) == 3
    assert "Traceback" not in capsys.readouterr().err
    new = set(open_store(str(bench.cohort)).list()) - before
    assert not any(name.endswith("receipt.json") or name.startswith("manifest/") for name in new)


@pytest.mark.parametrize(
    "content", [WHOLE[:EDGE], bgzf(whole("cyd").replace(b"0/1:", b"0/3:"))], ids=["a bad file", "a bad record"]
)
def test_a_joint_run_on_a_bad_file_leaves_no_vcf_and_goes_on_with_a_good_one(bench, capsys, content):
    bench.bad.write_bytes(content)
    words = ["joint", str(bench.sheet("bob", "cyd")), "--reference", str(bench.reference), "--quiet"]
    before = set(bench.folder.iterdir())
    assert main([*words, "-o", str(bench.folder / "out.vcf.gz")]) == 3
    said = capsys.readouterr().err
    assert said.startswith(f"{VOICE}{bench.bad}: ")
    assert said.count("\n") == 1, said
    assert set(bench.folder.iterdir()) - before <= {bench.folder / "out.vcf.gz.work"}
    bench.bad.write_bytes(WHOLE)
    assert main([*words, "-o", str(bench.folder / "out.vcf.gz")]) == 0
    assert set(bench.folder.iterdir()) - before == {bench.folder / f"out.vcf.gz{end}" for end in ("", ".tbi")}


@pytest.mark.parametrize("bench", ["grown"], indirect=True)
def test_the_message_of_a_worker_process_is_as_clear(bench, capfd):
    bench.bad.write_bytes(WHOLE[:EDGE])
    before = state(bench.cohort)
    options = ["--reference", str(bench.reference), "--quiet", "--scatter", "local:processes=1,threads=1"]
    capfd.readouterr()
    assert main(["ingest", str(bench.cohort), str(bench.sheet("bob", "cyd")), *options]) == 3
    said = capfd.readouterr().err
    assert said.startswith(f"{VOICE}{bench.bad}: byte {EDGE:,}: the BGZF end block is missing")
    assert said.count("\n") == 1, said
    assert state(bench.cohort) == before


@pytest.mark.timeout(20)
def test_a_pipe_as_gvcf_is_refused_and_not_waited_for(tmp_path, capsys):
    """To open a pipe that nobody writes to takes for ever."""
    os.mkfifo(tmp_path / "a.g.vcf.gz")
    (tmp_path / "sheet.tsv").write_text("sample\tgvcf\na\ta.g.vcf.gz\n")
    words = ["ingest", str(tmp_path / "cohort"), str(tmp_path / "sheet.tsv"), "--reference", str(DATA / "reference.fa")]
    assert main([*words, "--scatter", "inline"]) == 3
    assert main(["inspect", str(tmp_path / "a.g.vcf.gz")]) == 3
    assert capsys.readouterr().err.count("a.g.vcf.gz: is a pipe or a device, not a file; write what it gives") == 2
