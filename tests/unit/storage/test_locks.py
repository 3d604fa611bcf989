"""Two runs with one output: the second is refused with the reason, and the first one's output is whole."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genocloud import pipeline, steps, storage
from genocloud.cli import main
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA

HOLD = """
import sys
from genocloud import storage
with getattr(storage, sys.argv[1])(*sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_run(kind: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds an output's lock for as long as the block runs."""
    command = [sys.executable, "-c", HOLD, kind, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and "lock-" not in path.name}


@pytest.mark.parametrize("command", ["joint", "export"])
def test_of_two_runs_with_one_vcf_the_second_names_the_first(command, made, gvcfs, tmp_path, capsys):
    out = str(tmp_path / "out.vcf.gz")
    inputs = [str(gvcfs[0]), "-R", str(DATA / "reference.fa"), "-o"] if command == "joint" else [made.callset]
    with another_run("file_lock", out) as first:
        assert main([command, *inputs, out]) == 4
        error = capsys.readouterr().err
        assert f"{out}: another run is writing it now (process {first.pid} on " in error
        assert "Traceback" not in error
        assert everything(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_two_joints_share_no_work_folder(gvcfs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # a VCF in a bucket has its work folder here
    with another_run("file_lock", "out.vcf.gz.work"):
        arguments = [str(gvcfs[0]), "-R", str(DATA / "reference.fa"), "-o", "memory://b/out.vcf.gz"]
        assert main(["joint", *arguments]) == 4
    assert "out.vcf.gz.work: another run is writing it now" in capsys.readouterr().err


def test_of_two_runs_with_one_callset_the_second_is_refused_and_parts_are_not(made, tmp_path):
    url = str(tmp_path / "callset")
    stored_cohort = open_cohort(made.cohort)
    part = stored_cohort.layout.parts()[0].name
    with open_scatter("inline") as scatter:

        def genotype(part: str | None) -> None:
            steps.genotype(
                stored_cohort,
                url,
                model=Model(),
                cut=pipeline.cut_genome(stored_cohort, part),
                scatter=scatter,
                progress=Silent(),
            )

        with another_run("folder_lock", url), pytest.raises(storage.OutputInUse) as refused:
            genotype(None)
        assert refused.value.url == url
        with another_run("folder_lock", url, "another part"):
            genotype(part)
            with pytest.raises(storage.OutputInUse):
                genotype(None)


def test_an_output_is_free_again_after_a_kill(tmp_path):
    url = str(tmp_path / "out.vcf.gz")
    with another_run("file_lock", url) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        with storage.file_lock(url):
            pass
    assert list(tmp_path.iterdir()) == []


def _turns(url: str, note: str, rounds: int) -> int:
    done = 0
    while done < rounds:
        try:
            with storage.file_lock(url):
                os.close(os.open(note, os.O_CREAT | os.O_EXCL))  # raises where another one is in here too
                os.unlink(note)  # noqa: PTH108
                done += 1
        except storage.OutputInUse:
            pass
    return done


def test_two_are_never_in_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        turns = [(str(tmp_path / "out.vcf.gz"), str(tmp_path / "note"), 200)] * 2
        assert pool.starmap(_turns, turns) == [200, 200]


def test_a_bucket_and_a_pipe(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        storage.file_lock("gs://bucket/a.vcf.gz"),
        storage.file_lock("gs://other/a.vcf.gz"),
        pytest.raises(storage.OutputInUse),
        storage.file_lock("gs://bucket/a.vcf.gz"),
    ):
        pass
    os.mkfifo(tmp_path / "pipe")
    with storage.file_lock(str(tmp_path / "pipe")), storage.file_lock(str(tmp_path / "pipe")):
        pass


def test_memory_needs_no_lock_and_an_unknown_place_is_said_by_who_opens_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with storage.folder_lock("memory://one"), storage.folder_lock("memory://one"):
        assert list(tmp_path.iterdir()) == []
    with storage.folder_lock("hdfs://bucket/a"), pytest.raises(storage.UnknownScheme):
        storage.open_store("hdfs://bucket/a")
