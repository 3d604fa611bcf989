"""Real VETS and ours on one VCF: its SITES, resources made of them, and what both say of every allele."""

import gzip
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pysam

from genocloud import annotations, schema
from genocloud.filters import vets
from genocloud.pipeline.filtering.known_alleles import label_sites
from tests.conformance import oracle

TAGS = {
    "gold": "gold,training=true,calibration=true",
    "wide": "wide,training=true,known=false",
    "seen": "seen,calibration=true",
}
PYTHON = Path(__file__).resolve().parents[2] / ".venv-gatk" / "bin" / "python"
"""With what GATK's script imports, and a NumPy that it can still be run with."""
Row = tuple[str, int, str, list[str]]
Judged = tuple[str, str, bool, frozenset[str]]
"""SCORE and CALIBRATION_SENSITIVITY as printed, whether it is a SNP, labels."""


def write_resources(sites: schema.Sites, folder: Path) -> list[vets.Resource]:
    """Resources of the sites themselves, by chance and with what makes matching hard.

    Each has two fifths of the sites; of these a fifth filtered, a fifth with an ALT less or another ALT, a fifth with a
    longer REF (as if a longer deletion stood beside them), and some with a record of another type beside.
    """
    rows = list(zip(*(sites[name].to_pylist() for name in ("contig", "pos", "ref", "alts")), strict=True))
    resources = []
    for name, tag in TAGS.items():
        place = folder / f"{name}.vcf"
        random = Random(name)
        lines = [line for row in rows if random.random() < 0.4 for line in _records(row, random)]
        contigs = dict.fromkeys(row[0] for row in rows)
        header = ["##fileformat=VCFv4.2", *(f"##contig=<ID={contig}>" for contig in contigs)]
        header += ['##FILTER=<ID=bad,Description="d">', "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
        place.write_text("\n".join([*header, *lines]) + "\n")
        pysam.tabix_index(str(place), preset="vcf", force=True)
        resources.append(vets.Resource.parse(tag, f"{place}.gz"))
    return resources


def _records(row: Row, random: Random) -> Iterator[str]:
    contig, pos, ref, alts = row
    alts = [alt for alt in alts if alt != "*"] or ["*"]
    filters, kind = ".", random.randrange(5)
    if kind == 0:
        filters = "bad"
    elif kind == 1:
        alts = alts[1:] or [ref + "A"]
    elif kind == 2 and alts != ["*"]:
        ref, alts = ref + "AC", list(dict.fromkeys([*(alt + "AC" for alt in alts), "*", ref]))
    yield "\t".join([contig, str(pos), ".", ref, ",".join(alts), ".", filters, "."])
    if random.random() < 0.1:
        yield "\t".join([contig, str(pos), ".", ref, ref + "G", ".", "PASS", "."])


def theirs(vcf: Path, names: Sequence[str], resources: Iterable[vets.Resource], folder: Path) -> Path:
    """Extract, Train and Score; the scored VCF. Beside it lie `extract.annot.hdf5` and `score.scores.hdf5`."""
    chosen = [word for name in names for word in ("-A", name)]
    known = [word for each in resources for word in (f"--resource:{TAGS[each.name]}", each.url)]
    path = os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]])
    tools = (
        ("ExtractVariantAnnotations", "-V", vcf, *chosen, *known, "-O", folder / "extract"),
        ("TrainVariantAnnotationsModel", "--annotations-hdf5", folder / "extract.annot.hdf5", "-O", folder / "train"),
        (
            "ScoreVariantAnnotations",
            "-V",
            vcf,
            *chosen,
            *known,
            "--model-prefix",
            folder / "train",
            "-O",
            folder / "score",
        ),
    )
    for tool in tools:
        oracle.run(oracle.GATK, *tool, PATH=path)
    return folder / "score.vcf.gz"


@dataclass(frozen=True)
class Ours:
    """The model, what it was trained on, and what it says of the sites."""

    rows: schema.LabelledRows
    labels: pa.Array
    scores: schema.AlleleScores


def ours(sites: schema.Sites, names: Sequence[str], resources: Sequence[vets.Resource]) -> Ours:
    """With a model that was stored in between."""
    names = vets.annotation_names(names)
    labels = label_sites(resources, sites, vets.is_by_allele(names))
    rows = vets.labelled_rows(sites, labels, names)
    model = vets.TrainedModel.of_table(vets.train(rows, names).table())
    return Ours(rows, labels, vets.score(sites, model))


def judged(result: Ours) -> list[Judged | None]:
    """What GATK writes for each site: its best allele's values and type, and the labels of all its alleles."""
    scores, sensitivities = (_printed(result.scores[name]) for name in ("SCORE", "CALIBRATION_SENSITIVITY"))
    snps, best = result.scores["snp"].to_pylist(), vets.best_alleles(result.scores).tolist()
    out: list[Judged | None] = []
    for number, (allele, labels) in enumerate(zip(best, result.labels.to_pylist(), strict=True)):
        words = frozenset(word for each in labels if each for word in each.split(";"))
        values = scores[number], sensitivities[number], snps[number]
        out.append(None if allele < 0 else (*(each[allele] for each in values), words))  # type: ignore[arg-type]
    return out


def _printed(lists: pa.ChunkedArray) -> list[list[str]]:
    lists = lists.combine_chunks()
    texts = annotations.decimals(lists.flatten(), "%.4f")
    return pa.ListArray.from_arrays(lists.offsets, texts).to_pylist()


def read_judged(vcf: Path) -> list[Judged | None]:
    """The same of a scored VCF."""
    out: list[Judged | None] = []
    with gzip.open(vcf, "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                words = line.rstrip().split("\t")[7].split(";")
                info = dict(word.split("=") for word in words if "=" in word)
                labels = frozenset(words) & {"training", "calibration"}
                values = info.get("SCORE"), info.get("CALIBRATION_SENSITIVITY"), "snp" in words
                out.append((*values, labels) if values[0] else None)  # type: ignore[arg-type]
    return out


def read_numbers(file: Path, path: str) -> np.ndarray:
    """A vector, or a matrix in chunks, in one of GATK's HDF5 files."""
    done = subprocess.run([PYTHON, "-c", READ_NUMBERS, file, path], capture_output=True, check=True)
    return np.load(BytesIO(done.stdout))


READ_NUMBERS = """
import h5py, io, numpy, sys
data = h5py.File(sys.argv[1])[sys.argv[2]]
if isinstance(data, h5py.Group):
    data = numpy.concatenate([data[f"chunk_{n}"][()] for n in range(int(data["num_chunks"][0]))])
numpy.save(out := io.BytesIO(), data[()])
sys.stdout.buffer.write(out.getvalue())
"""
