"""Bad input through the command line: one message with file and place, exit code 3 or 4, and the cohort as it was."""

import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pysam
import pytest

import genocloud
from genocloud.cli import main
from genocloud.gvcf.inflate import END_BLOCK
from genocloud.regions import Region
from genocloud.storage import local, open_store
from tests.conftest import DATA
from tests.support.small_gvcfs import (
    AFTER,
    BEFORE,
    HEADER,
    LENGTHS,
    Lines,
    bgzf,
    block,
    other,
    ref,
    variant,
    whole,
    write_reference,
)

UNPRIVILEGED = 65534
VOICE = "genocloud: error: "


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


@dataclass(frozen=True)
class Bench:
    """A folder with a reference, good gVCFs of ann and bob, and a place for cyd's bad one."""

    folder: Path

    @property
    def bad(self) -> Path:
        return self.folder / "cyd.g.vcf.gz"

    @property
    def cohort(self) -> Path:
        return self.folder / "cohort"

    @property
    def reference(self) -> Path:
        return self.folder / "reference.fa"

    def sheet(self, *rows: str) -> Path:
        """A sheet of these people: names, or whole rows."""
        path = self.folder / "samples.tsv"
        entries = [row if "\t" in row else f"{row}\t{row}.g.vcf.gz" for row in rows]
        path.write_text("sample\tgvcf\n" + "".join(f"{row}\n" for row in entries))
        return path

    def ingest(self, *rows: str) -> int:
        """Run the command, one sample a batch so that bob's batch is stored before cyd's fails."""
        options = ("--reference", self.reference, "--quiet", "--scatter", "inline", "--batch-size", "1")
        return main([str(word) for word in ("ingest", self.cohort, self.sheet(*rows), *options)])


@pytest.fixture(params=["new", "grown"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """A bench without a cohort, and one whose cohort holds ann."""
    made = Bench(tmp_path)
    write_reference(made.reference)
    for name in ("ann", "bob"):
        (tmp_path / f"{name}.g.vcf.gz").write_bytes(bgzf(whole(name)))
    if request.param == "grown":
        assert made.ingest("ann") == 0
    return made


def state(cohort: Path) -> object:
    """All that a reader of the cohort sees: versions, samples, and every row."""
    manifests = [name for name in open_store(str(cohort)).list() if name.startswith("manifest/")]
    if not manifests:
        return manifests
    stored_cohort = genocloud.open_cohort(str(cohort))
    rows = [
        genocloud.read_region(stored_cohort, Region(number, 0, length))
        for number, length in enumerate(LENGTHS.values())
    ]
    tables = [(each.variants.to_pydict(), each.blocks.to_pydict()) for each in rows]
    return manifests, stored_cohort.version, stored_cohort.samples, tables


def without_last_digest(cohort: Any) -> Any:
    """A state without the digest beside its newest version, which a writer that was cut off leaves to the next one."""
    return cohort and ([name for name in cohort[0] if name != f"manifest/{cohort[1]:08}.sha256"], *cohort[1:])


def drafts(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(f"{local.DRAFT}*")]


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


AS_ANYBODY = """
import json, os, sys
from genocloud.cli import main
aside, words, cases = json.loads(sys.argv[1])
assert main(aside) == 0  # what is imported late is imported now: Python may lie in root's home
for path, mode in cases:
    usual = os.stat(path).st_mode
    os.chmod(path, mode)
    child = os.fork()
    if not child:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setuid(65534)
        os._exit(main(words))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os.chmod(path, usual)
"""
"""A command run by a user whom permissions bind, while one path after another has other permissions than usual."""


@pytest.fixture
def open_bench() -> Iterator[Bench]:
    """A bench with ann's cohort, in a folder that every user may enter and write in; root is bound by no permission."""
    with tempfile.TemporaryDirectory() as name:
        made = Bench(Path(name))
        write_reference(made.reference)
        for sample in ("ann", "bob"):
            (made.folder / f"{sample}.g.vcf.gz").write_bytes(bgzf(whole(sample)))
        assert made.ingest("ann") == 0
        for folder in (made.folder, *(path for path in made.folder.rglob("*") if path.is_dir())):
            folder.chmod(0o777)
        yield made


def words(bench: Bench, cohort: Path, *rows: str) -> list[str]:
    """The command's words; each call has a sheet of its own."""
    sheet = bench.sheet(*rows).rename(bench.folder / f"{'-'.join(rows)}.tsv")
    return ["ingest", str(cohort), str(sheet), "--reference", str(bench.reference), "--quiet", "--scatter", "inline"]


def refused_anybody(bench: Bench, cases: dict[Path, int], code: int) -> list[str]:
    """The messages with which a user who is not root is refused ann and bob while a path has such permissions."""
    before = state(bench.cohort)
    shutil.rmtree(bench.folder / "aside", ignore_errors=True)
    aside = words(bench, bench.folder / "aside", "ann")
    entries = [(str(path), mode) for path, mode in cases.items()]
    orders = json.dumps([aside, words(bench, bench.cohort, "ann", "bob"), entries])
    ended = subprocess.run([sys.executable, "-c", AS_ANYBODY, orders], capture_output=True, text=True, check=False)
    assert ended.stdout.split() == [str(code)] * len(cases), ended.stderr
    assert state(bench.cohort) == before
    assert drafts(bench.folder) == []
    messages = ended.stderr.splitlines()
    assert len(messages) == len(cases), ended.stderr
    return [message.removeprefix(VOICE) for message in messages]


def test_an_input_that_may_not_be_read_is_an_input_error(open_bench):
    paths = [open_bench.folder / name for name in ("bob.g.vcf.gz", "reference.fa", "reference.fa.fai", "ann-bob.tsv")]
    messages = refused_anybody(open_bench, dict.fromkeys(paths, 0), code=3)
    for path, message in zip(paths, messages, strict=True):
        assert message.startswith(f"{path}: permission denied;"), message


def test_a_cohort_that_may_not_be_written_or_read_is_a_store_error(open_bench):
    manifests, batches = open_bench.cohort / "manifest", open_bench.cohort / "batches"
    (receipt,) = batches.glob("*/receipt.json")
    for message in refused_anybody(open_bench, {manifests: 0, receipt: 0, batches: 0o555}, code=4):
        assert message.startswith(str(open_bench.cohort)), message
        assert "permission denied; ask for access to it, or choose another place" in message, message
    # now bob's batch may be stored, but no version made
    (message,) = refused_anybody(open_bench, {manifests: 0o555}, code=4)
    assert message.startswith(str(manifests)), message


def test_a_cohort_in_the_place_of_a_file_is_a_store_error(bench, capsys):
    options = ["--reference", str(bench.reference), "--quiet"]
    place = bench.folder / "ann.g.vcf.gz"
    content = place.read_bytes()
    assert main(["ingest", str(place), str(bench.sheet("bob")), *options]) == 4
    assert "a part of the path is a file, not a folder" in capsys.readouterr().err
    assert place.read_bytes() == content


@dataclass
class FullDisk:
    """An fsync of which the n-th call, counted down, finds no room."""

    left: int

    def __call__(self, file: int, sync: Callable[[int], None] = os.fsync) -> None:
        self.left -= 1
        if not self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)


def test_a_disk_that_fills_at_any_moment_is_a_store_error(bench, capsys, monkeypatch):
    """The n-th thing cannot be brought to the disk, for every n that there is; then there is room again."""
    before, earlier = state(bench.cohort), bench.folder / "earlier"
    if before:
        shutil.copytree(bench.cohort, earlier)
    assert bench.ingest("ann", "bob") == 0
    after, entries = state(bench.cohort), []
    for number in count(1):
        shutil.rmtree(bench.cohort)
        if before:
            shutil.copytree(earlier, bench.cohort)
        disk = FullDisk(number)
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.setattr(local.os, "fsync", disk)
            code = bench.ingest("ann", "bob")
        if disk.left > 0:
            break
        entries.append(capsys.readouterr().err)
        assert code == 4, entries
        # where only what follows the manifest could not be synced, the new version may be there, without its digest
        assert state(bench.cohort) in (before, after, without_last_digest(after))
        assert drafts(bench.folder) == []
        assert bench.ingest("ann", "bob") == 0
        assert state(bench.cohort) == after
    assert len(entries) > 10
    assert all(message.startswith(f"{VOICE}{bench.folder}") and message.count("\n") == 1 for message in entries), (
        entries
    )


SMALL_DISKS = """
import os, sys
from genocloud.cli import main
disk, sizes, words = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
for size in sizes:
    if os.system(f"mount -t tmpfs -o size={size}k tmpfs {disk}"):
        sys.exit(99)
    code = main(words)
    print(size, code, *(file for _, _, files in os.walk(disk) for file in files if "draft" in file or "0001" in file))
    os.system(f"umount {disk}")
"""


def test_a_real_disk_that_is_full_is_a_store_error(tmp_path):
    """Disks of growing size, in a name space of their own."""
    bench = Bench(tmp_path)
    write_reference(bench.reference)
    for sample in ("ann", "bob"):
        (tmp_path / f"{sample}.g.vcf.gz").write_bytes(bgzf(whole(sample)))
    disk = tmp_path / "disk"
    disk.mkdir()
    sizes = " ".join(str(size) for size in (4, 8, 16, 24, 32, 48, 64, 1000))
    command = [
        "unshare",
        "-rm",
        sys.executable,
        "-c",
        SMALL_DISKS,
        disk,
        sizes,
        *words(bench, disk / "c", "ann", "bob"),
    ]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare on this machine")
    if ended.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {ended.stderr}")
    entries = [line.split() for line in ended.stdout.splitlines()]
    codes = [code for _, code, *_ in entries]
    failed = codes.count("4")
    assert codes == ["4"] * failed + ["0"] * (len(entries) - failed)
    assert 2 < failed < len(entries)
    # where only a note behind the manifest did not fit, the version is there, and the next run writes the note
    lacks = [["00000001.json"], ["00000001.json", "00000001.sha256"]]
    assert all(
        sorted(files) == ["00000001.json"] + ["00000001.sha256"] * 2
        if code == "0"
        else not files or sorted(files) in lacks
        for _, code, *files in entries
    ), entries
    messages = ended.stderr.splitlines()
    assert len(messages) == failed
    assert all(said.startswith(f"{VOICE}{disk}") and "no space is left" in said for said in messages), messages


DAMAGE = {
    "cut off": lambda data: data[: len(data) // 2],
    "emptied": lambda data: b"",
    "a bit flipped": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
    ),
    "gone": None,
}


@pytest.mark.parametrize("bench", ["grown"], indirect=True)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("kind", ["variants", "blocks"])
def test_a_damaged_part_is_a_store_error(bench, capsys, kind, damage):
    (part,) = bench.cohort.glob(f"batches/*/{kind}/*.parquet")
    data = part.read_bytes()
    part.unlink()
    if damage:
        part.write_bytes(damage(data))
    capsys.readouterr()
    assert main(["verify", str(bench.cohort), "--quiet"]) == 4
    said = capsys.readouterr().err
    assert str(part) in said
    assert said.startswith(VOICE)
    part.write_bytes(data)
    assert main(["verify", str(bench.cohort), "--quiet"]) == 0


@pytest.mark.parametrize("bench", ["grown"], indirect=True)
@pytest.mark.parametrize("name", ["batches/*/receipt.json", "manifest/00000001.json"])
def test_a_damaged_receipt_or_manifest_is_a_store_error(bench, capsys, name):
    (file,) = bench.cohort.glob(name)
    data = file.read_bytes()
    for damaged in (data[:-9], b"", b"{}", bytes(9)):
        file.write_bytes(damaged)
        for command in (["verify", str(bench.cohort), "--quiet"], words(bench, bench.cohort, "ann", "bob")):
            capsys.readouterr()
            assert main(command) == 4
            said = capsys.readouterr().err
            assert said.startswith(f"{VOICE}{bench.cohort}"), said
            assert said.count("\n") == 1, said
    file.write_bytes(data)
    assert bench.ingest("ann", "bob") == 0


@pytest.mark.timeout(20)
def test_a_pipe_as_gvcf_is_refused_and_not_waited_for(tmp_path, capsys):
    """To open a pipe that nobody writes to takes for ever."""
    os.mkfifo(tmp_path / "a.g.vcf.gz")
    (tmp_path / "sheet.tsv").write_text("sample\tgvcf\na\ta.g.vcf.gz\n")
    words = ["ingest", str(tmp_path / "cohort"), str(tmp_path / "sheet.tsv"), "--reference", str(DATA / "reference.fa")]
    assert main([*words, "--scatter", "inline"]) == 3
    assert main(["inspect", str(tmp_path / "a.g.vcf.gz")]) == 3
    assert capsys.readouterr().err.count("a.g.vcf.gz: is a pipe or a device, not a file; write what it gives") == 2
