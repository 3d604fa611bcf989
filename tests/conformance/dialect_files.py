"""The GATK-dialect gVCFs of the shared data as one cohort: every file alone on its contigs, some side by side."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysam

from tests.conformance.oracle import write_reference

LAST_BASES = 1_000
"""Reference after a contig's last record; contigs are no longer than that needs."""


@dataclass(frozen=True)
class Source:
    """A sample of a file; `renamed` puts its one contig under another name, where nobody else speaks."""

    name: str
    path: str
    column: int = 9
    renamed: str = ""


DIALECTS = (
    Source("reblocked", "gatk_reblocked/alreadyReblocked.chr22snippet.vcf"),
    Source("reblocked_alone", "gatk_reblocked/alreadyReblocked.chr22snippet.vcf", renamed="chr22_reblocked"),
    Source("each_base", "gatk_bp_resolution/gvcf.basepairResolution.gvcf"),
    Source("haploid", "gatk_haploid/chrY_haploid_dragen.g.vcf"),
    Source("combined_1", "gatk_multi_sample/spanningDel.combined.g.vcf"),
    Source("combined_2", "gatk_multi_sample/spanningDel.combined.g.vcf", column=10),
    Source("dragen", "dragen/dragen.g.vcf"),
    Source("dragstr", "dragen/HG002.snippet.g.vcf"),
    Source("large", "gatk_single_chr20_chr21/HG00268.g.vcf.gz"),
)


@dataclass(frozen=True)
class _Sample:
    """A sample's header lines, but those of contigs, and its records as columns."""

    name: str
    header: tuple[str, ...]
    rows: tuple[list[str], ...]


def write_dialects(sources: Sequence[Source], data: Path, folder: Path) -> None:
    """Each sample as an indexed gVCF, the sample map, and a reference made of the records' REF bases, N elsewhere."""
    samples = [_read(source, data) for source in sources]
    contigs = {name: _bases(name, samples) for name in dict.fromkeys(row[0] for each in samples for row in each.rows)}
    folder.mkdir(exist_ok=True)
    write_reference(contigs, folder)
    declared = [f"##contig=<ID={name},length={len(bases)}>" for name, bases in contigs.items()]
    order = list(contigs)
    for sample in samples:
        columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample.name}"
        rows = sorted(sample.rows, key=lambda row: (order.index(row[0]), int(row[1])))
        text = [*sample.header, *declared, columns, *("\t".join(row) for row in rows)]
        (folder / f"{sample.name}.g.vcf").write_text("\n".join(text) + "\n")
        pysam.tabix_index(str(folder / f"{sample.name}.g.vcf"), preset="vcf")
    names = sorted(sample.name for sample in samples)
    (folder / "map.tsv").write_text("".join(f"{name}\t{folder}/{name}.g.vcf.gz\n" for name in names))


def _read(source: Source, data: Path) -> _Sample:
    content = (data / source.path).read_bytes()
    lines = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode().splitlines()
    header = [line for line in lines if line.startswith("##") and not line.startswith("##contig")]
    rows = [_one_sample(line.split("\t"), source) for line in lines if line and not line.startswith("#")]
    return _Sample(source.name, tuple(header), tuple(rows))


def _one_sample(row: list[str], source: Source) -> list[str]:
    return [source.renamed or row[0], *row[1:9], row[source.column]]


def _bases(contig: str, samples: Sequence[_Sample]) -> str:
    rows = [row for sample in samples for row in sample.rows if row[0] == contig]
    bases = np.full(max(_ends(rows)) + LAST_BASES, ord("N"), np.uint8)
    for row in rows:
        start = int(row[1]) - 1
        bases[start : start + len(row[3])] = np.frombuffer(row[3].encode(), np.uint8)
    return bases.tobytes().decode()


def _ends(rows: Sequence[Sequence[str]]) -> Iterator[int]:
    for row in rows:
        ends = [word.removeprefix("END=") for word in row[7].split(";") if word.startswith("END=")]
        yield int(ends[0]) if ends else int(row[1]) + len(row[3])
