"""Paired reads of a person: fragments of the haplotypes, with errors at the rate their binned qualities state."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulate.genome import LENGTHS, LOW_COVERAGE, PAR_BP, Reference
from simulate.people import Haplotype, Person

READ_BP = 150
INSERT_MEAN_BP, INSERT_SD_BP = 400, 70
DIPLOID_COVERAGE, MITOCHONDRIAL_COVERAGE = 15.0, 60.0
LOW_COVERAGE_SHARE = 0.2

# The four values a NovaSeq writes, and the share of bases that get each when a read is of average badness.
QUALITIES = np.array([2, 12, 23, 37])
QUALITY_SHARES = np.array([0.0002, 0.027, 0.060, 0.9128])
INDEL_SLACK_BP = 8


@dataclass(frozen=True)
class Strand:
    """One molecule: its contig, (bases,) uint8 sequence and (bases,) int reference positions."""

    contig: str
    sequence: np.ndarray
    positions: np.ndarray


def make_strand(reference: Reference, contig: str, haplotype: Haplotype, end: int) -> Strand:
    """The reference up to `end` with the haplotype's variants put in."""
    sequence = reference.contigs[contig]
    pieces, positions, at = [], [], 0
    for variant in haplotype:
        pieces += [sequence[at : variant.pos], variant.alt]
        positions += [np.arange(at, variant.pos), np.full(len(variant.alt), variant.pos)]
        at = variant.end
    pieces.append(sequence[at:end])
    positions.append(np.arange(at, end))
    return Strand(contig, np.frombuffer("".join(pieces).encode(), dtype=np.uint8), np.concatenate(positions))


def strands_of(reference: Reference, person: Person) -> list[Strand]:
    """All molecules of a person; a man's Y starts with its true PAR, not with the mask."""
    strands = []
    for contig, haplotypes in person.haplotypes.items():
        for copy, haplotype in enumerate(haplotypes):
            if person.sex == "male" and (contig == "chrY" or (contig == "chrX" and copy == 1)):
                continue
            strands.append(make_strand(reference, contig, haplotype, LENGTHS[contig]))
    if person.sex == "male":
        shared = make_strand(reference, "chrX", person.haplotypes["chrX"][1], PAR_BP)
        own = make_strand(reference, "chrY", person.haplotypes["chrY"][0], LENGTHS["chrY"])
        past_mask = own.positions >= PAR_BP
        strands.append(
            Strand(
                "chrY",
                np.concatenate([shared.sequence, own.sequence[past_mask]]),
                np.concatenate([shared.positions, own.positions[past_mask]]),
            )
        )
    return strands


def interleaved_fastq(rng: np.random.Generator, reference: Reference, person: Person) -> Iterator[str]:
    """FASTQ records, the two reads of a pair one after the other; names count up in hexadecimal."""
    number = 0
    for strand in strands_of(reference, person):
        for first, second in zip(*_pairs(rng, strand), strict=True):
            number += 1
            for bases, qualities in (first, second):
                yield f"@{number:x}\n{bases}\n+\n{qualities}\n"


def _pairs(rng: np.random.Generator, strand: Strand) -> list[list[tuple[str, str]]]:
    starts, ends = _fragments(rng, strand)
    steps = np.arange(READ_BP + INDEL_SLACK_BP)
    # Rows in sequencing direction, so that an indel error moves the far end of the read.
    forward = np.minimum(starts[:, None] + steps, len(strand.sequence) - 1)
    backward = np.maximum(ends[:, None] - 1 - steps, 0)
    _slip(rng, strand, forward, starts)
    _slip(rng, strand, backward, ends - READ_BP)
    flipped = rng.random(len(starts)) < 0.5
    left = _sequenced(rng, strand.sequence[forward[:, :READ_BP]])
    right = _sequenced(rng, _complement(strand.sequence[backward[:, :READ_BP]]))
    first = [r if flip else f for f, r, flip in zip(left, right, flipped, strict=True)]
    second = [f if flip else r for f, r, flip in zip(left, right, flipped, strict=True)]
    return [first, second]


def _fragments(rng: np.random.Generator, strand: Strand) -> tuple[np.ndarray, np.ndarray]:
    """(fragments,) starts and ends, sorted by start."""
    coverage = MITOCHONDRIAL_COVERAGE if strand.contig == "chrM" else DIPLOID_COVERAGE / 2
    length = len(strand.sequence)
    count = rng.poisson(coverage * length / (2 * READ_BP))
    sizes = np.maximum(rng.normal(INSERT_MEAN_BP, INSERT_SD_BP, count), READ_BP + 20).astype(int)
    starts = (rng.random(count) * (length - sizes)).astype(int)
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], (starts + sizes)[order]
    contig, low, high = LOW_COVERAGE
    if strand.contig == contig:
        middle = strand.positions[(starts + ends) // 2]
        kept = (middle < low) | (middle >= high) | (rng.random(count) < LOW_COVERAGE_SHARE)
        starts, ends = starts[kept], ends[kept]
    return starts, ends


def _slip(rng: np.random.Generator, strand: Strand, rows: np.ndarray, lowest: np.ndarray) -> None:
    """One-base indel errors in homopolymers; `lowest` (reads,) is each read's smallest position on the strand."""
    order = np.argsort(lowest, kind="stable")
    ordered = lowest[order]
    for match in re.finditer(rb"A{6,}|C{6,}|G{6,}|T{6,}", strand.sequence.tobytes()):
        low, high = np.searchsorted(ordered, [match.end() - READ_BP + 1, match.start() - 1])
        rate = slip_rate(match.end() - match.start())
        for read in order[low:high][rng.random(max(high - low, 0)) < rate]:
            _slip_read(rows[read], match.start(), bool(rng.random() < 0.6))


def slip_rate(run_bp: int) -> float:
    """Share of reads with a wrong length of a homopolymer: 0.02 % at 6 bp, 0.2 % at 12, 5 % at 20, at most 10 %."""
    return min(0.0002 * float(np.exp(0.4 * (run_bp - 6))), 0.1)


def _slip_read(row: np.ndarray, position: int, lose: bool) -> None:
    at = int(np.flatnonzero(row == position)[0])
    if lose:
        row[at:-1] = row[at + 1 :]
    else:
        row[at + 1 :] = row[at:-1].copy()


def _complement(bases: np.ndarray) -> np.ndarray:
    table = np.arange(256, dtype=np.uint8)
    table[np.frombuffer(b"ACGT", np.uint8)] = np.frombuffer(b"TGCA", np.uint8)
    return np.asarray(table[bases])


def _sequenced(rng: np.random.Generator, bases: np.ndarray) -> list[tuple[str, str]]:
    """Bases with errors and their quality text; bad bases gather in bad reads and late cycles."""
    badness = rng.gamma(0.8, 1 / 0.8, len(bases))[:, None] * np.linspace(0.4, 1.6, READ_BP)
    poor = np.minimum(badness * (1 - QUALITY_SHARES[3]), 0.9)
    shares = QUALITY_SHARES[:3] / QUALITY_SHARES[:3].sum()
    low = np.searchsorted(shares.cumsum()[:2], rng.random(bases.shape), side="right")
    level = np.where(rng.random(bases.shape) < poor, low, 3)
    quality = QUALITIES[level]
    wrong = rng.random(bases.shape) < 10 ** (-quality / 10)
    shift = rng.integers(1, 4, bases.shape)
    code = np.searchsorted(np.frombuffer(b"ACGT", np.uint8), bases)
    read = np.frombuffer(b"ACGT", np.uint8)[np.where(wrong, (code + shift) % 4, code)]
    read = np.where(level == 0, ord("N"), read)
    text = (quality + 33).astype(np.uint8)
    return [(r.tobytes().decode(), q.tobytes().decode()) for r, q in zip(read.astype(np.uint8), text, strict=True)]
