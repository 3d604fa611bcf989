"""People: founder haplotypes from a neutral coalescent, a child by recombination, human rates of SNPs and indels."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from simulate.genome import BASES, PAR_BP, TRANSITION, Reference

SEXES = {
    "child": "male",
    "mother": "female",
    "father": "male",
    "p04": "female",
    "p05": "male",
    "p06": "female",
    "p07": "male",
    "p08": "female",
    "p09": "male",
    "p10": "female",
    "p11": "male",
    "p12": "female",
    "p13": "male",
    "p14": "female",
}
READS_KEPT = ("child", "mother", "father", "p04", "p05", "p06")
"""People given as reads; the others are given as gVCFs."""

# Heterozygous SNPs per base pair. Autosomes 1 per kb (1000 Genomes 2015, Nature 526:68); X three quarters of that;
# Y and MT as differences between two people.
SNP_DIVERSITY = {"chr1": 1e-3, "chr2": 1e-3, "chrX": 7.5e-4, "chrY": 3e-4, "chrM": 2e-3}
# Per genome 4-5 million SNPs and 700,000-800,000 indels: Eichler 2019 (NEJM 381:64), table 1.
INDELS_PER_SNP = 1 / 7
# 43-48 % of indels fall in the repetitive 4 % of the genome: Montgomery et al. 2013 (Genome Research 23:749).
INDEL_SHARE_IN_TRACTS = 0.45
DELETION_SHARE = 0.6
LONGEST_INDEL = 50
LONG_DELETION_BP = 8
"""Each deletion as long as this gets a SNP inside, on other haplotypes: by chance 400 kb would have one or two."""
MULTIALLELIC_SNP_SHARE = 0.02
CPG_RATE = 8.0
TRANSITION_SHARE = 0.677  # two transitions per transversion and a little more, as in whole human genomes
BLOCK_BP = 3_000
"""One tree per block: at 1 cM per Mb and N = 10,000, two lineages keep an ancestor for 1 / (4 N r) = 2,500 bp."""
CLEARANCE_BP = 10
"""Least distance, on one haplotype, from an indel in any of its equivalent places to the next change.

Closer ones can be written in several ways (SNP and deletion, or two deletions), and a caller's way is not the truth's.
"""
MARGIN_BP = 500
"""No variants this close to a contig's end, where reads thin out: human contigs end in N."""


@dataclass(frozen=True, order=True)
class Variant:
    """A change of one haplotype: 0-based position, reference bases, bases instead."""

    pos: int
    ref: str
    alt: str

    @property
    def end(self) -> int:
        """Past the last reference base."""
        return self.pos + len(self.ref)


Haplotype = list[Variant]
CarrierDraw = Callable[[int], np.ndarray]


@dataclass
class Person:
    """Name, sex and, by contig, haplotypes; a man's second chrX haplotype is the start of his Y."""

    name: str
    sex: str
    haplotypes: dict[str, list[Haplotype]] = field(default_factory=dict)

    def ploidy(self, contig: str, pos: int) -> int:
        """0, 1 or 2 at a 0-based position."""
        male = self.sex == "male"
        if contig == "chrM":
            return 1
        if contig == "chrY":
            return 1 if male else 0
        return 1 if male and contig == "chrX" and pos >= PAR_BP else 2


@dataclass(frozen=True)
class Tract:
    """A pure repeat of the reference: 0-based start, unit, number of whole units."""

    start: int
    unit: str
    copies: int

    @property
    def end(self) -> int:
        """Past the last whole unit."""
        return self.start + len(self.unit) * self.copies


def make_people(rng: np.random.Generator, reference: Reference) -> dict[str, Person]:
    """Everyone, in the order of SEXES."""
    people = {name: Person(name, sex) for name, sex in SEXES.items()}
    founders = [person for person in people.values() if person.name != "child"]
    for person in founders:
        person.haplotypes = {contig: [] for contig in reference.contigs}
    for contig, sequence in reference.contigs.items():
        for start, end in _regions(contig, len(sequence)):
            _populate(rng, sequence, contig, start, end, founders)
    people["child"].haplotypes = _conceive(rng, reference, people["mother"], people["father"])
    return people


def _regions(contig: str, length: int) -> list[tuple[int, int]]:
    """Stretches within which the number of copies in the population is one number."""
    if contig == "chrX":
        return [(MARGIN_BP, PAR_BP), (PAR_BP, length - MARGIN_BP)]
    if contig == "chrY":
        return [(PAR_BP, length - MARGIN_BP)]
    return [(MARGIN_BP, length - MARGIN_BP)]


def _populate(
    rng: np.random.Generator, sequence: str, contig: str, start: int, end: int, founders: list[Person]
) -> None:
    """Extend the founders' haplotypes by the variants of one region."""
    copies = [(person, copy) for person in founders for copy in range(person.ploidy(contig, start))]
    variants: list[list[Variant]] = [[] for _ in copies]
    region = _Region(sequence, start, end, SNP_DIVERSITY[contig])
    block_bp = end - start if contig in ("chrY", "chrM") else BLOCK_BP  # these two do not recombine
    for low in range(start, end, block_bp):
        # The last lineage is the reference itself, so that reference alleles are as rare as they are in life.
        branches = coalescent(rng, len(copies) + 1)
        for number, found in enumerate(region.block(rng, low, min(low + block_bp, end), branches)):
            variants[number].extend(found)
    for (person, copy), found in zip(copies, variants, strict=True):
        haplotypes = person.haplotypes[contig]
        if copy == len(haplotypes):
            haplotypes.append([])
        haplotypes[copy] = without_overlaps(sequence, haplotypes[copy] + found)


def coalescent(rng: np.random.Generator, lineages: int) -> list[tuple[float, np.ndarray]]:
    """Branches of a Kingman tree: length (two lineages meet after 1 on average) and (lineages,) bool of the leaves."""
    active = [(0.0, np.eye(lineages, dtype=bool)[leaf]) for leaf in range(lineages)]
    now, branches = 0.0, []
    while len(active) > 1:
        now += rng.exponential(2 / (len(active) * (len(active) - 1)))
        merged = np.zeros(lineages, dtype=bool)
        for pick in sorted(rng.choice(len(active), 2, replace=False), reverse=True):
            born, leaves = active.pop(pick)
            branches.append((now - born, leaves))
            merged |= leaves
        active.append((now, merged))
    return branches


class _Region:
    """Where mutations fall in one region, and what they do."""

    def __init__(self, sequence: str, start: int, end: int, diversity: float) -> None:
        self.sequence = sequence
        self.diversity = diversity
        self.tracts = [t for t in find_tracts(sequence) if start <= t.start - 1 and t.end < end]
        self.tract_weights = np.array([_mutability(tract) for tract in self.tracts])
        self.weight_per_bp = self.tract_weights.sum() / (end - start)

    def block(
        self, rng: np.random.Generator, low: int, high: int, branches: list[tuple[float, np.ndarray]]
    ) -> list[list[Variant]]:
        """Variants of every lineage but the last, which is the reference."""
        lengths = np.array([length for length, _ in branches])
        leaves = np.array([carriers for _, carriers in branches])
        expected_snps = self.diversity / 2 * lengths.sum() * (high - low)

        def carriers(count: int) -> np.ndarray:
            return leaves[rng.choice(len(leaves), count, p=lengths / lengths.sum())]

        found: list[list[Variant]] = [[] for _ in range(leaves.shape[1] - 1)]
        snps: dict[int, list[np.ndarray]] = defaultdict(list)
        in_tracts = expected_snps * INDELS_PER_SNP * INDEL_SHARE_IN_TRACTS
        elsewhere = expected_snps * INDELS_PER_SNP - in_tracts
        for who in carriers(rng.poisson(elsewhere)):
            indel = self._indel(rng, low, high)
            changed = who != who[-1]
            _give(found, changed, indel)
            if len(indel.ref) - 1 >= LONG_DELETION_BP:
                for outside in _most_common_outside(carriers(10), changed):
                    snps[int(rng.integers(indel.pos + 1, indel.end))].append(outside)
        for pos, who in zip(self._snp_positions(rng, low, high, expected_snps), carriers(10_000), strict=False):
            snps[pos].append(who)
        for pos, mutations in sorted(snps.items()):
            self._give_snp(rng, found, pos, mutations)
        self._give_tracts(rng, found, low, high, in_tracts, carriers)
        return found

    def _snp_positions(self, rng: np.random.Generator, low: int, high: int, expected: float) -> Iterator[int]:
        weights = np.array(
            [
                CPG_RATE if self.sequence[p : p + 2] == "CG" or self.sequence[p - 1 : p + 1] == "CG" else 1.0
                for p in range(low, high)
            ]
        )
        positions = low + rng.choice(high - low, rng.poisson(expected), p=weights / weights.sum())
        for pos in positions.tolist():
            yield pos
            if rng.random() < MULTIALLELIC_SNP_SHARE:
                yield pos

    def _give_snp(
        self, rng: np.random.Generator, found: list[list[Variant]], pos: int, mutations: list[np.ndarray]
    ) -> None:
        """Each history of mutations at one base is an allele; the reference lineage's history is the reference base."""
        ref = self.sequence[pos]
        states = [tuple(history) for history in np.array(mutations).T]
        changed = [str(base) for base in rng.permutation(list(BASES)) if base not in (ref, TRANSITION[ref])]
        changed.insert(0 if rng.random() < TRANSITION_SHARE else 1, TRANSITION[ref])
        bases = iter(changed)
        alleles = {states[-1]: ref}
        for lineage, state in enumerate(states[:-1]):
            if state not in alleles:
                alleles[state] = next(bases, ref)
            if alleles[state] != ref:
                found[lineage].append(Variant(pos, ref, alleles[state]))

    def _indel(self, rng: np.random.Generator, low: int, high: int) -> Variant:
        """Length by a power law; half of the insertions repeat what stands before them."""
        sizes = np.arange(1, LONGEST_INDEL + 1)
        weights = sizes**-1.7
        size = int(rng.choice(sizes, p=weights / weights.sum()))
        pos = int(rng.integers(low, high - LONGEST_INDEL - 1))
        anchor = self.sequence[pos]
        if rng.random() < DELETION_SHARE:
            return left_align(self.sequence, Variant(pos, self.sequence[pos : pos + size + 1], anchor))
        new = self.sequence[pos + 1 - size : pos + 1]
        if rng.random() < 0.5:
            new = "".join(rng.choice(list(BASES), size, p=[0.3, 0.2, 0.2, 0.3]))
        return left_align(self.sequence, Variant(pos, anchor, anchor + new))

    def _give_tracts(
        self,
        rng: np.random.Generator,
        found: list[list[Variant]],
        low: int,
        high: int,
        expected: float,
        carriers: CarrierDraw,
    ) -> None:
        """Stepwise gains and losses of units; what counts is the net change against the reference's lineage."""
        here = [i for i, tract in enumerate(self.tracts) if low <= tract.start < high]
        weights = self.tract_weights[here]
        if not here:
            return
        # A block rich in tracts mutates more: the expectation holds for the region as a whole.
        count = rng.poisson(expected * weights.sum() / (self.weight_per_bp * (high - low)))
        steps: dict[int, np.ndarray] = {}
        picks = rng.choice(here, count, p=weights / weights.sum())
        for pick, who in zip(picks.tolist(), carriers(count), strict=True):
            step = int(rng.choice([1, 2, 3], p=[0.88, 0.09, 0.03])) * (1 if rng.random() < 0.45 else -1)
            steps[pick] = steps.get(pick, np.zeros(len(who), dtype=int)) + step * who
        for pick, net in sorted(steps.items()):
            for lineage, change in enumerate((net - net[-1])[:-1].tolist()):
                if change:
                    found[lineage].append(resize(self.sequence, self.tracts[pick], change))


def _most_common_outside(branches: np.ndarray, deleted: np.ndarray) -> list[np.ndarray]:
    """The branch with most leaves of those that no deleted lineage belongs to, if any."""
    outside = [leaves for leaves in branches if not (leaves & deleted).any()]
    return [max(outside, key=np.count_nonzero)] if outside else []


def _give(found: list[list[Variant]], carriers: np.ndarray, variant: Variant) -> None:
    for lineage in np.flatnonzero(carriers[:-1]):
        found[lineage].append(variant)


def find_tracts(sequence: str) -> list[Tract]:
    """Homopolymers from 6 bp and pure repeats of units of 2-6 bp from 3 copies and 10 bp."""
    return [
        Tract(match.start(), match[1], len(match[0]) // unit_bp)
        for unit_bp, least in ((1, 6), (2, 5), (3, 4), (4, 3), (5, 3), (6, 3))
        for match in re.finditer(rf"([ACGT]{{{unit_bp}}})\1{{{least - 1},}}", sequence)
        # A unit that is itself a repeat belongs to the shorter unit.
        if (match[1] * 2).find(match[1], 1) == unit_bp
    ]


def _mutability(tract: Tract) -> float:
    """Relative rate: grows with the number of copies, levels off at 16 (1 bp) or 12 (longer units)."""
    if len(tract.unit) == 1:
        return float(min(tract.copies, 16) - 5) ** 2 / 10
    return float(min(tract.copies, 12) - 1.5) ** 2 / 10


def resize(sequence: str, tract: Tract, change: int) -> Variant:
    """The variant that gives or takes whole units; one unit always stays."""
    anchor = tract.start - 1
    change = max(change, 1 - tract.copies)
    longer = sequence[anchor] + tract.unit * abs(change)
    ref, alt = (sequence[anchor], longer) if change > 0 else (longer, sequence[anchor])
    return left_align(sequence, Variant(anchor, ref, alt))


def left_align(sequence: str, variant: Variant) -> Variant:
    """The same indel as far left as it goes (Tan et al. 2015, Bioinformatics 31:2202)."""
    pos, ref, alt = variant.pos, variant.ref, variant.alt
    while ref[-1] == alt[-1] and pos > 0:
        ref, alt = ref[:-1], alt[:-1]
        if not ref or not alt:
            pos -= 1
            ref, alt = sequence[pos] + ref, sequence[pos] + alt
    return Variant(pos, ref, alt)


def without_overlaps(sequence: str, variants: list[Variant]) -> Haplotype:
    """Sorted; what lies inside or too near an earlier indel of the same haplotype is left out."""
    kept: Haplotype = []
    free_from = 0
    for variant in sorted(set(variants)):
        is_indel = len(variant.ref) != len(variant.alt)
        if variant.pos < free_from or (is_indel and kept and variant.pos < kept[-1].end + CLEARANCE_BP):
            continue
        kept.append(variant)
        free_from = reach(sequence, variant) + CLEARANCE_BP if is_indel else variant.end
    return kept


def reach(sequence: str, indel: Variant) -> int:
    """Past the last base of the rightmost place that says the same."""
    inside = indel.ref[1:] or indel.alt[1:]
    end = indel.end
    while sequence[end] == inside[0]:
        inside = inside[1:] + inside[0]
        end += 1
    return end


def _conceive(
    rng: np.random.Generator, reference: Reference, mother: Person, father: Person
) -> dict[str, list[Haplotype]]:
    """A son: no new mutations; one crossover or two per chromosome, one inside the PAR of X and Y."""
    son = {}
    for contig in ("chr1", "chr2"):
        sequence = reference.contigs[contig]
        son[contig] = [_gamete(rng, sequence, parent.haplotypes[contig]) for parent in (mother, father)]
    x, y = father.haplotypes["chrX"]
    crossover = int(rng.integers(PAR_BP // 4, 3 * PAR_BP // 4))
    sequence = reference.contigs["chrX"]
    from_father = _join(sequence, [x, y], [crossover])
    son["chrX"] = [
        _gamete(rng, sequence, mother.haplotypes["chrX"]),
        [variant for variant in from_father if variant.pos < PAR_BP],
    ]
    son["chrY"] = [list(father.haplotypes["chrY"][0])]
    son["chrM"] = [list(mother.haplotypes["chrM"][0])]
    return son


def _gamete(rng: np.random.Generator, sequence: str, pair: list[Haplotype]) -> Haplotype:
    crossovers = sorted(rng.integers(len(sequence) // 10, len(sequence), int(rng.integers(1, 3))).tolist())
    return _join(sequence, pair if rng.random() < 0.5 else pair[::-1], crossovers)


def _join(sequence: str, pair: list[Haplotype], crossovers: list[int]) -> Haplotype:
    """The pair's variants, changing sides at each crossover."""
    bounds = [0, *crossovers, 2**31]
    chosen: list[Variant] = []
    for number, (low, high) in enumerate(pairwise(bounds)):
        chosen.extend(variant for variant in pair[number % 2] if low <= variant.pos < high)
    return without_overlaps(sequence, chosen)
