"""A folder's lock, what killed runs left, files with a URL, and BED files by ploidy."""

import fcntl
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from genocloud import storage
from genocloud.reads.ploidy import SexContigs
from genocloud.regions import Contig
from genocloud.workflow.lock import LOCK, hold_folder
from genocloud.workflow.orphans import RUN_MARK, end_orphans
from genocloud.workflow.ploidy_beds import haploid_contigs, stretches, write_ploidy_beds
from genocloud.workflow.remote import content_digest, local, lost_files, modified_times, remote


def test_a_second_run_in_a_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / LOCK).parent.mkdir()
    with (tmp_path / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(SystemExit, match="another run is at work in"):
            hold_folder()


def test_processes_of_a_killed_run_in_this_folder_are_ended_and_no_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    marks = [str(tmp_path), str(tmp_path / "other")]
    ours, other = [subprocess.Popen(["sleep", "60"], env=os.environ | {RUN_MARK: mark}) for mark in marks]
    try:
        end_orphans()
        assert not psutil.pid_exists(ours.pid)
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
    assert "genocloud: ended what a killed run had left behind: 1 processes" in capsys.readouterr().err


def test_files_are_local_or_remote_and_a_changed_one_has_another_digest():
    store = storage.open_store("memory://workflow-remote")
    store.write("a", b"1")
    files = ["memory://workflow-remote/a", "b.bed"]
    assert (local(files), remote(files)) == (["b.bed"], ["memory://workflow-remote/a"])
    assert len(modified_times(files)) == 1
    assert content_digest(files) == content_digest([*files, "c.bed"])
    assert content_digest(files) != content_digest([])


def test_a_receipt_whose_store_is_gone_is_lost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"cohort": "results/cohort", "callset": "results/callset"}
    outputs = {"export": ["memory://workflow-lost/a.vcf.gz"]}
    assert not any(lost_files(settings, outputs).values())
    for step in ("ingest", "export"):
        Path("results", step).mkdir(parents=True)
        Path("results", step, f"{step}.json").write_text("{}")
    lost = {receipt: urls for receipt, urls in lost_files(settings, outputs).items() if urls}
    assert lost == {"results/ingest/ingest.json": ["results/cohort"], "results/export/export.json": outputs["export"]}


def test_beds_of_a_male(tmp_path):
    contigs = (Contig("chr1", 10), Contig("chrX", 100), Contig("chrY", 50))
    rows = stretches(contigs, "male", SexContigs.with_par([("chrX", 0, 20)]))
    assert haploid_contigs(rows) == ["chrX", "chrY"]
    paths = {name: str(tmp_path / name) for name in ("haploid", "diploid", "par")}
    write_ploidy_beds(rows, SimpleNamespace(**paths))
    beds = {name: Path(path).read_text() for name, path in paths.items()}
    assert beds["diploid"] == "chr1\t0\t10\nchrX\t0\t20\n"
    assert beds["haploid"] == "chrX\t20\t100\nchrY\t0\t50\n"
    assert beds["par"] == "chrX\t0\t20\n"
