"""gVCFs in DeepVariant's form from a person's reads: a small error model over counts of reads, not DeepVariant.

Fields, FILTER, blocks, `<*>`, its filler 990 and haploid contigs in diploid genotypes are as DeepVariant 1.6 writes
them; what it says of a site is not what a neural network would.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pysam

LEAST_MAPPING, LEAST_BASE = 5, 20
LEAST_READS, LEAST_SHARE = 2, 0.12
"""Of reads that make a candidate: DeepVariant's vsc_min_count_snps, vsc_min_fraction_snps."""
ERRORS = {"snp": 0.005, "indel": 0.02}
"""Reads taken to be wrong."""
PRIOR_PHRED = {0: 0, 1: 10, 2: 13}
"""By copies of ALTs: a candidate that nothing else is known of is more likely wrong than right."""
MOST_PL, FILLER, MOST_GQ, MOST_BLOCK_GQ, BIN, SURE_REF = 900, 990, 99, 50, 30, 20
"""BIN: gvcf_gq_binsize, wider than DeepVariant's 5, so that files are small; SURE_REF: cnn_homref_call_min_gq."""

HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##FILTER=<ID=RefCall,Description="Genotyping model thinks this site is reference.">
##FILTER=<ID=LowQual,Description="Confidence in this variant being real is below calling threshold.">
##FILTER=<ID=NoCall,Description="Site has depth=0 resulting in no call.">
##INFO=<ID=END,Number=1,Type=Integer,Description="End position (for use with symbolic alleles)">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Conditional genotype quality">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Minimum DP observed within the GVCF block.">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Read depth for each allele">
##FORMAT=<ID=VAF,Number=A,Type=Float,Description="Variant allele fractions.">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Phred-scaled genotype likelihoods rounded to the closest integer">
##DeepVariant_version=1.6.0
##source=simulate/deepvariant.py (an error model of the test data, in DeepVariant's form)
"""

Allele = tuple[str, str]
"""REF and ALT of one change."""


def gvcf_lines(reads: Path, fasta: Path, name: str, haploid: Callable[[str, int], bool]) -> Iterator[str]:
    """A whole gVCF from an indexed BAM or CRAM; `haploid` says of a contig and 0-based position whether it is."""
    with (
        pysam.FastaFile(str(fasta)) as reference,
        pysam.AlignmentFile(str(reads), reference_filename=str(fasta)) as file,
    ):
        yield HEADER
        for contig, length in zip(reference.references, reference.lengths, strict=True):
            yield f"##contig=<ID={contig},length={length}>\n"
        yield "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", name]) + "\n"
        for contig in reference.references:
            yield from _contig_lines(file, contig, reference.fetch(contig), haploid)


def _contig_lines(
    file: pysam.AlignmentFile, contig: str, bases: str, haploid: Callable[[str, int], bool]
) -> Iterator[str]:
    counts = np.array(
        file.count_coverage(contig, quality_threshold=LEAST_BASE, read_callback=_usable), np.int64
    )  # by A, C, G, T
    own = np.array(["ACGT".find(base) for base in bases])
    depth = counts.sum(axis=0)
    matching = np.where(own >= 0, counts[np.maximum(own, 0), np.arange(len(bases))], 0)
    indels = _indels(file, contig, bases)
    likely = np.flatnonzero((counts * (np.arange(4)[:, None] != own) >= LEAST_READS).any(axis=0))
    at = 0
    for pos in sorted({*likely.tolist(), *indels}):
        if pos < at or own[pos] < 0 or not depth[pos]:
            continue
        found = Counter(indels.get(pos, {}))
        found |= {(bases[pos], base): int(counts[k, pos]) for k, base in enumerate("ACGT") if k != own[pos]}
        chosen = [
            (allele, reads)
            for allele, reads in sorted(found.items(), key=lambda each: (-each[1], each[0]))[:2]
            if reads >= LEAST_READS and reads >= LEAST_SHARE * depth[pos]
        ]
        if chosen:
            yield from _blocks(contig, bases, at, pos, depth, matching)
            yield _variant(contig, pos, chosen, int(depth[pos]), haploid(contig, pos))
            at = pos + max(len(ref) for (ref, _), _ in chosen)
    yield from _blocks(contig, bases, at, len(bases), depth, matching)


def _usable(read: pysam.AlignedSegment) -> bool:
    return (
        not (read.is_unmapped or read.is_secondary or read.is_supplementary) and read.mapping_quality >= LEAST_MAPPING
    )


def _indels(file: pysam.AlignmentFile, contig: str, bases: str) -> dict[int, dict[Allele, int]]:
    """Reads of each insertion and deletion, by the base before it."""
    found: dict[int, Counter[Allele]] = defaultdict(Counter)
    for read in file.fetch(contig):
        if not _usable(read):
            continue
        pos, place = read.reference_start, 0
        for operation, length in read.cigartuples or ():
            if operation in (1, 2) and pos > read.reference_start:
                anchor, inserted = bases[pos - 1], (read.query_sequence or "")[place : place + length]
                deleted = bases[pos : pos + length]
                found[pos - 1][(anchor, anchor + inserted) if operation == 1 else (anchor + deleted, anchor)] += 1
            pos += length if operation in (0, 2, 3) else 0
            place += length if operation in (0, 1, 4) else 0
    return found


def _variant(contig: str, pos: int, chosen: Sequence[tuple[Allele, int]], depth: int, haploid: bool) -> str:
    ref = max((ref for (ref, _), _ in chosen), key=len)
    alts = [alt + ref[len(own) :] for (own, alt), _ in chosen]
    reads = [reads for _, reads in chosen]
    depths = [max(depth - sum(reads), 0), *reads]
    error = ERRORS["snp" if all(len(alt) == len(ref) for alt in alts) else "indel"]
    pl = _likelihoods(depths, error, haploid)
    best = pl.index(0)
    gq = min(MOST_GQ, sorted(pl)[1])
    pairs = [(a, b) for b in range(len(depths)) for a in range(b + 1)]
    label = "RefCall" if best == 0 else "PASS"
    gt = "./." if best == 0 and gq < SURE_REF else "/".join(map(str, pairs[best]))
    qual = pl[0] if best else round(-10 * np.log10(1 - 10 ** (-min(gq, MOST_GQ) / 10)), 1) if gq else 3.0
    pl += [FILLER] * (len(depths) + 1)
    total = max(sum(depths), 1)
    vaf = ",".join(f"{each / total:.6g}" for each in [*reads, 0])
    values = [gt, str(gq), str(sum(depths)), ",".join(map(str, [*depths, 0])), vaf, ",".join(map(str, pl))]
    columns = [contig, str(pos + 1), ".", ref, ",".join([*alts, "<*>"]), f"{qual:g}", label, ".", "GT:GQ:DP:AD:VAF:PL"]
    return "\t".join([*columns, ":".join(values)]) + "\n"


def _likelihoods(depths: Sequence[int], error: float, haploid: bool) -> list[int]:
    """PL of the genotypes of REF and ALTs; heterozygous ones have the filler where the contig is haploid."""
    count = len(depths)
    chances = [[1 - error if own == read else error / 2 for read in range(count)] for own in range(count)]
    phred = []
    for b in range(count):
        for a in range(b + 1):
            each = [(chances[a][k] + chances[b][k]) / 2 for k in range(count)]
            cost = -10 * float(np.dot(depths, np.log10(each))) + PRIOR_PHRED[(a > 0) + (b > 0)]
            phred.append(np.inf if haploid and a != b else cost)
    return [FILLER if value == np.inf else min(MOST_PL, round(value - min(phred))) for value in phred]


def _blocks(contig: str, bases: str, first: int, end: int, depth: np.ndarray, matching: np.ndarray) -> Iterator[str]:
    """Runs of positions whose confidence in REF is in one bin."""
    if first >= end:
        return
    reads, refs = depth[first:end], matching[first:end]
    error, half = np.log10(0.01 / 3), np.log10(0.5)
    right = np.log10(0.99)
    costs = -10 * np.stack([refs * right + (reads - refs) * error, reads * half, refs * error + (reads - refs) * right])
    costs += np.array(list(PRIOR_PHRED.values()))[:, None] * (reads > 0)
    pl = np.minimum(np.rint(costs - costs.min(axis=0)), MOST_PL).astype(np.int64)
    sure = np.where(pl[0] == 0, np.minimum(pl[1:].min(axis=0), MOST_BLOCK_GQ), 0)
    kind = np.where(reads == 0, -1, np.where(pl[0] > 0, -2, sure // BIN))
    edges = np.flatnonzero(np.diff(kind, prepend=kind[0] - 1))
    for low, high in zip(edges.tolist(), [*edges[1:].tolist(), len(kind)], strict=True):
        worst = low + int(sure[low:high].argmin())
        gt = "0/0" if kind[low] >= 0 else "./."
        values = f"{gt}:{sure[worst]}:{reads[low:high].min()}:{','.join(map(str, pl[:, worst].tolist()))}"
        place = f"{contig}\t{first + low + 1}\t.\t{bases[first + low]}\t<*>\t0\t.\tEND={first + high}"
        yield f"{place}\tGT:GQ:MIN_DP:PL\t{values}\n"
