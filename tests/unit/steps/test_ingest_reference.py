"""ingest holds REF to the reference where it can, says where it cannot, and tells how far it is."""

import gzip
import logging
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pysam
import pytest

from genocloud import pipeline, steps
from genocloud.cohort import BATCH_SIZE
from genocloud.errors import BadRecord, UnreadableFile
from genocloud.pipeline.ingestion.batch_storing import even_batch_size
from genocloud.pipeline.reference import FastaLines, read_bases, read_reference
from genocloud.regions import Contig
from genocloud.scatter.executors import Inline, open_scatter
from genocloud.scatter.progress import Silent, Stage

DATA = Path(__file__).resolve().parents[3] / "test_data"
BASES = "ACGTTGCAAC" * 7


def write_fasta(folder: Path, end: str = "\n") -> Path:
    path = folder / "ref.fa"
    lines = [BASES[at : at + 30] for at in range(0, 70, 30)]
    path.write_text(f">one{end}{end.join(lines)}{end}>two{end}ACGT{end}", newline="")
    extra = len(end)
    two = 4 + extra + 70 + 3 * extra + 4 + extra
    path.with_suffix(".fa.fai").write_text(f"one\t70\t{4 + extra}\t30\t{30 + extra}\ntwo\t4\t{two}\t4\t{4 + extra}\n")
    return path


def ingest(folder: Path, reference: Path, ref: str, progress: object = None, choice: str = "inline") -> None:
    text = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
    (folder / "ann.g.vcf").write_text(f"{text}one\t45\t.\t{ref}\t<NON_REF>\t.\t.\tEND=60\tGT:DP:GQ\t0/0:7:20\n")
    (folder / "ann.map").write_text(f"ann\t{folder / 'ann.g.vcf'}\n")
    with open_scatter(choice) as scatter:
        url = str(folder / "cohort")
        steps.ingest(
            url,
            str(folder / "ann.map"),
            str(reference),
            options=pipeline.IngestOptions(),
            scatter=scatter,
            progress=progress or Silent(),
        )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bases_are_where_the_index_says(tmp_path, end):
    reference = read_reference(str(write_fasta(tmp_path, end)))
    assert reference.contigs == (Contig("one", 70), Contig("two", 4))
    bases = read_bases(reference)
    assert bases is not None
    assert bases.sequences["one"].between(25, 65) == BASES[25:65]
    assert bases.sequences["two"].between(0, 4) == "ACGT"


def test_ref_is_held_to_the_reference(tmp_path):
    path = write_fasta(tmp_path)
    ingest(tmp_path, path, BASES[44])
    (tmp_path / "other").mkdir()
    with pytest.raises(BadRecord, match=r"REF .*reference"):
        ingest(tmp_path / "other", path, "A" if BASES[44] != "A" else "C")


@pytest.mark.parametrize("broken", ["one\t70\t5\t30\t31\n", "one\t900\t5\t30\t31\n", "one\t70\t5\t0\t1\n"])
def test_an_index_of_another_fasta_is_refused(tmp_path, broken):
    path = write_fasta(tmp_path)
    path.with_suffix(".fa.fai").write_text(broken.replace("\t5\t", "\t9\t") if "70" in broken else broken)
    with pytest.raises(UnreadableFile, match=r"of another FASTA.*samtools faidx"):
        ingest(tmp_path, path, "A")


def test_a_compressed_reference_is_not_compared_and_that_is_said(tmp_path, caplog):
    path = write_fasta(tmp_path)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        ingest(tmp_path, path, "A" if BASES[44] != "A" else "C")
    assert f"{path}: REF is not compared" in caplog.text


def test_ref_is_held_to_a_bgzipped_reference_too(tmp_path, caplog):
    """By its .fai and .gzi, as samtools faidx makes them; a contig is inflated when records of it come."""
    path = tmp_path / "ref.fa.gz"
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(write_fasta(tmp_path).read_bytes())
    pysam.faidx(str(path))
    bases = read_bases(read_reference(str(path)))
    assert bases is not None
    assert bases.sequences["one"].between(25, 65) == BASES[25:65]
    assert bases.sequences.get("three") is None
    ingest(tmp_path, path, BASES[44])
    (tmp_path / "other").mkdir()
    with pytest.raises(BadRecord, match=r"REF is \w, but the reference has \w there"):
        ingest(tmp_path / "other", path, "A" if BASES[44] != "A" else "C")
    assert "REF is not compared" not in caplog.text
    index = path.with_suffix(".gz.fai")
    index.write_text(index.read_text().replace("one\t70", "one\t7000"))
    (tmp_path / "longer").mkdir()
    with pytest.raises(UnreadableFile, match="samtools faidx"):
        ingest(tmp_path / "longer", path, BASES[44])


def test_lines_come_from_the_index():
    assert read_reference(str(DATA / "reference.fa")).lines[0] == FastaLines(6, 60, 61)


class Watched:
    """A progress that keeps what it was told."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, int, int]] = []

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        stage = Silent().stage(name, tasks, bytes, unit)
        watched = self

        class Recording:
            def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
                watched.reports.append((name, tasks, bytes))

        with stage:
            yield Recording()


def test_bytes_are_reported_while_a_batch_is_read_and_add_up(tmp_path):
    gvcfs = sorted((DATA / "gvcf").glob("*.g.vcf.gz"))[:3]
    (tmp_path / "some.map").write_text("".join(f"{path.name.removesuffix('.g.vcf.gz')}\t{path}\n" for path in gvcfs))
    size = sum(path.stat().st_size for path in gvcfs)
    for already in (False, True):
        if already:
            for folder in ("manifest", "published"):  # the batch remains, as after a killed run
                shutil.rmtree(tmp_path / "cohort" / folder)
        progress = Watched()
        places = str(tmp_path / "cohort"), str(tmp_path / "some.map"), str(DATA / "reference.fa")
        steps.ingest(*places, options=pipeline.IngestOptions(), scatter=Inline(), progress=progress)
        reports = [(tasks, each) for name, tasks, each in progress.reports if name == "ingest"]
        assert sum(each for _, each in reports) == size
        assert [tasks for tasks, _ in reports].count(1) == 1
        assert already or sum(each > 0 and not tasks for tasks, each in reports) >= 3


def test_a_reference_travels_as_its_place_and_is_refused_once_it_has_changed(tmp_path):
    path = write_fasta(tmp_path)
    reference = read_reference(str(path))
    sent = pickle.dumps(reference)
    assert pickle.loads(sent) == reference
    assert len(sent) < 500 + len(str(path))
    index = path.with_suffix(".fa.fai")
    index.write_text(index.read_text().replace("two\t4", "two\t3"))
    with pytest.raises(UnreadableFile, match=r"changed while this ran; index the reference"):
        pickle.loads(sent)


@pytest.mark.parametrize(
    ("samples", "processes"), [(1, 8), (24, 2), (400, 2), (401, 2), (1000, 2), (1000, 3), (10_000, 64)]
)
def test_batches_are_even_and_none_is_larger_than_usual(samples, processes):
    size = even_batch_size(samples, processes)
    batches = -(-samples // size)
    assert 1 <= size <= BATCH_SIZE
    assert batches <= samples
    rounds = -(-samples // (BATCH_SIZE * processes))
    assert batches <= rounds * processes
