"""A made-up person: haplotypes from a list of changes, and error-free reads of them, aligned as they should be."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pysam

Change = tuple[int, str, str]
"""(0-based position, REF, ALT), as in VCF."""

Base = tuple[int | None, str]
"""A haplotype's base and where it stands in the reference; None: inserted."""


def sequence(length: int, seed: int) -> str:
    """Random bases without runs, so that an indel has one place to stand."""
    rng, bases = random.Random(seed), "A"
    while len(bases) < length:
        bases += rng.choice([base for base in "ACGT" if base not in bases[-2:]])
    return bases


def write_fasta(path: Path, contigs: Mapping[str, str]) -> None:
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    pysam.faidx(str(path))


def haplotype(reference: str, changes: Sequence[Change]) -> list[Base]:
    bases: list[Base] = []
    done = 0
    for position, ref, alt in sorted(changes):
        assert reference[position : position + len(ref)] == ref
        bases += [(i, reference[i]) for i in range(done, position)]
        bases += [(position + i if i < len(ref) else None, base) for i, base in enumerate(alt)]
        done = position + len(ref)
    return [*bases, *((i, reference[i]) for i in range(done, len(reference)))]


def reads(bases: Sequence[Base], length: int = 100, step: int = 8) -> Iterator[tuple[int, str, list[tuple[int, int]]]]:
    """(0-based start, bases, CIGAR) of reads that begin every `step` bases."""
    for first in range(0, len(bases) - length + 1, step):
        read = list(bases[first : first + length])
        while read[0][0] is None:
            read.pop(0)
        while read[-1][0] is None:
            read.pop()
        start = read[0][0]
        assert start is not None
        yield start, "".join(base for _, base in read), _cigar(read)


def _cigar(read: Sequence[Base]) -> list[tuple[int, int]]:
    operations: list[int] = []
    before = read[0][0]
    for place, _ in read:
        if place is not None and before is not None and place > before + 1:
            operations += [pysam.CDEL] * (place - before - 1)
        operations.append(pysam.CINS if place is None else pysam.CMATCH)
        before = before if place is None else place
    cigar: list[tuple[int, int]] = []
    for operation in operations:
        cigar = (
            [*cigar[:-1], (operation, cigar[-1][1] + 1)]
            if cigar and cigar[-1][0] == operation
            else [*cigar, (operation, 1)]
        )
    return cigar


def write_reads(
    path: Path,
    fasta: Path,
    contigs: Mapping[str, int],
    haplotypes: Sequence[tuple[str, Sequence[Base]]],
    name: str | None = "ann",
    step: int = 8,
) -> None:
    """Write an indexed BAM or CRAM (by the path's suffix) of reads of (contig, haplotype) pairs."""
    groups = {"RG": [{"ID": "1", "SM": name}]} if name else {}
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": n, "LN": b} for n, b in contigs.items()], **groups}
    order = list(contigs)
    placed = sorted((order.index(contig), *read) for contig, bases in haplotypes for read in reads(bases, step=step))
    mode = "wc" if path.suffix == ".cram" else "wb"
    with pysam.AlignmentFile(str(path), mode, header=header, reference_filename=str(fasta)) as out:
        for number, (contig, start, bases, cigar) in enumerate(placed):
            out.write(_aligned(out.header, number, contig, start, bases, cigar))
    pysam.index(str(path))


def _aligned(
    header: pysam.AlignmentHeader, number: int, contig: int, start: int, bases: str, cigar: list[tuple[int, int]]
) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(header)
    read.query_name, read.flag = f"r{number}", 16 * (number % 2)
    read.reference_id, read.reference_start, read.mapping_quality = contig, start, 60
    read.query_sequence, read.cigartuples = bases, cigar
    read.query_qualities = pysam.qualitystring_to_array("F" * len(bases))
    if "RG" in header.to_dict():
        read.set_tag("RG", "1")
    return read
