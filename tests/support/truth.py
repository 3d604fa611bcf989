"""Compares called genotypes with the truth: allele by allele, after splitting, trimming and left-aligning."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pysam

NOT_ALLELES = frozenset({"*", "<NON_REF>", "<*>"})
"""ALT entries that say what is absent, or unknown, instead of naming bases."""


class Allele(NamedTuple):
    """A trimmed, left-aligned change of the reference; pos is 0-based."""

    contig: str
    pos: int
    ref: str
    alt: str

    @property
    def kind(self) -> str:
        """`snp` or `indel`."""
        return "snp" if len(self.ref) == len(self.alt) else "indel"


@dataclass
class Score:
    """Genotypes non-reference in truth or call: right, missed, false; a wrong genotype is missed and false."""

    right: int = 0
    missed: int = 0
    false: int = 0

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision; 1.0 where there is nothing to find and nothing was called."""
        total = 2 * self.right + self.missed + self.false
        return 2 * self.right / total if total else 1.0


class Difference(NamedTuple):
    """One genotype that is not as in the truth; counts are copies of the allele, None a no-call."""

    sample: str
    allele: Allele
    true_count: int
    called_count: int | None


@dataclass
class Comparison:
    """Scores by kind of variant, and every difference in order of position and sample."""

    snp: Score = field(default_factory=Score)
    indel: Score = field(default_factory=Score)
    differences: list[Difference] = field(default_factory=list)

    def add(self, sample: str, allele: Allele, true_count: int, called_count: int | None) -> None:
        """Count one sample's genotype at one allele."""
        called = called_count or 0
        score: Score = getattr(self, allele.kind)
        if called == true_count:
            score.right += bool(true_count)
            return
        score.missed += bool(true_count)
        score.false += bool(called)
        self.differences.append(Difference(sample, allele, true_count, called_count))


class Call(NamedTuple):
    """One sample's genotype in one record: 0-based POS, allele numbers (None: no-call) and read depth if given."""

    contig: str
    pos: int
    sample: str
    numbers: tuple[int | None, ...]
    depth: int | None


Counts = dict[Allele, dict[str, int | None]]


def compare(
    calls_vcf: Path | str,
    truth_vcf: Path | str,
    reference: Path | str,
    samples: Sequence[str] | None = None,
    exclude_bed: Path | str | None = None,
) -> Comparison:
    """Score a callset.

    `samples` defaults to those of the truth; each must be in both files. Alleles that start inside a stretch of
    `exclude_bed` are left out. A called genotype with some alleles missing counts by the alleles it has, and as
    a no-call where it has none; no record at all counts as a no-call.
    """
    wanted = list(samples) if samples is not None else samples_of(truth_vcf)
    contigs = read_fasta(reference)
    excluded = read_bed(exclude_bed) if exclude_bed is not None else {}
    truth = allele_counts(truth_vcf, contigs, wanted)
    called = allele_counts(calls_vcf, contigs, wanted)
    rank = {contig: number for number, contig in enumerate(contigs)}
    comparison = Comparison()
    for allele in sorted(truth.keys() | called.keys(), key=lambda a: (rank[a.contig], a[1:])):
        if any(start <= allele.pos < end for start, end in excluded.get(allele.contig, [])):
            continue
        for sample in wanted:
            true_count = truth.get(allele, {}).get(sample) or 0
            comparison.add(sample, allele, true_count, called.get(allele, {}).get(sample))
    return comparison


def allele_counts(vcf: Path | str, contigs: Mapping[str, str], samples: Sequence[str]) -> Counts:
    """Copies of each normalised allele per sample, summed over records; None where every record has a no-call."""
    counts: Counts = defaultdict(dict)
    with pysam.VariantFile(str(vcf)) as records:
        for record in records:
            for number, alt in enumerate(record.alts or (), start=1):
                if alt in NOT_ALLELES:
                    continue
                for allele in normalise(contigs, record.contig, record.start, record.ref or "", alt):
                    for sample in samples:
                        _count(counts[allele], sample, record.samples[sample].allele_indices, number)
    return dict(counts)


def _count(by_sample: dict[str, int | None], sample: str, numbers: tuple[int | None, ...] | None, wanted: int) -> None:
    known = [number for number in numbers or () if number is not None]
    before = by_sample.get(sample)
    here = known.count(wanted) if known else None
    by_sample[sample] = before if here is None else here + (before or 0)


def normalise(contigs: Mapping[str, str], contig: str, pos: int, ref: str, alt: str) -> list[Allele]:
    """The trimmed, left-aligned allele; an exchange of several bases gives one SNP per base that differs.

    Source: Tan, Abecasis, Kang 2015, Bioinformatics 31:2202, algorithm 1.
    """
    ref, alt = ref.upper(), alt.upper()
    if len(ref) == len(alt):
        return [
            Allele(contig, pos + offset, old, new)
            for offset, (old, new) in enumerate(zip(ref, alt, strict=True))
            if old != new
        ]
    pos, ref, alt = _left_aligned(contigs[contig], pos, ref, alt)
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        pos, ref, alt = pos + 1, ref[1:], alt[1:]
    return [Allele(contig, pos, ref, alt)]


def _left_aligned(sequence: str, pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    while ref[-1] == alt[-1] and (pos > 0 or min(len(ref), len(alt)) > 1):
        ref, alt = ref[:-1], alt[:-1]
        if not ref or not alt:
            pos -= 1
            ref, alt = sequence[pos] + ref, sequence[pos] + alt
    return pos, ref, alt


def wrong_ploidy(calls_vcf: Path | str, sexes: Mapping[str, str], par_bed: Path | str) -> list[Call]:
    """Called genotypes whose number of alleles is not the person's: chrX outside PAR and chrY by sex, chrM always one.

    A woman has no copies of Y: any allele she is given there is wrong. Genotypes without a called allele pass.
    """
    par = read_bed(par_bed)

    def copies(call: Call) -> int:
        in_par = any(start <= call.pos < end for start, end in par.get(call.contig, []))
        if call.contig == "chrM":
            return 1
        if call.contig not in ("chrX", "chrY") or in_par:
            return 2
        if sexes[call.sample] == "male":
            return 1
        return 2 if call.contig == "chrX" else 0

    return [call for call in called_genotypes(calls_vcf) if len(call.numbers) != copies(call)]


def references_without_data(calls_vcf: Path | str) -> list[Call]:
    """Genotypes given as reference although no read covers the site (DP is 0 or missing)."""
    return [call for call in called_genotypes(calls_vcf) if not call.depth and not any(call.numbers)]


def called_genotypes(vcf: Path | str) -> Iterator[Call]:
    """Every genotype with at least one called allele."""
    with pysam.VariantFile(str(vcf)) as records:
        for record in records:
            for sample, values in record.samples.items():
                numbers = values.allele_indices or ()
                if any(number is not None for number in numbers):
                    yield Call(record.contig, record.start, sample, numbers, values.get("DP"))


def samples_of(vcf: Path | str) -> list[str]:
    """Sample names in file order."""
    with pysam.VariantFile(str(vcf)) as records:
        return list(records.header.samples)


def read_fasta(path: Path | str) -> dict[str, str]:
    """Contig to sequence, upper case."""
    with pysam.FastxFile(str(path)) as entries:
        return {entry.name: entry.sequence.upper() for entry in entries}


def read_bed(path: Path | str) -> dict[str, list[tuple[int, int]]]:
    """Contig to (start, end), 0-based half-open."""
    stretches = defaultdict(list)
    for line in Path(path).read_text().splitlines():
        contig, start, end = line.split("\t")[:3]
        stretches[contig].append((int(start), int(end)))
    return dict(stretches)


def summary(comparison: Comparison) -> str:
    """Two lines for people: F1 and its parts."""
    scores = {"SNP": comparison.snp, "indel": comparison.indel}
    return "\n".join(
        f"{kind}: F1 {s.f1:.4f} (right {s.right}, missed {s.missed}, false {s.false})" for kind, s in scores.items()
    )
