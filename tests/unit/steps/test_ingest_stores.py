"""Cohorts that cannot be written or read, full disks, damage: one message, exit code 3 or 4, the cohort as it was."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from genocloud.cli import main
from genocloud.storage import local
from tests.support.ingest_bench import VOICE, Bench, drafts, state, without_last_digest
from tests.support.small_gvcfs import (
    bgzf,
    whole,
    write_reference,
)

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
