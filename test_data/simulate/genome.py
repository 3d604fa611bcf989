"""The reference: background sequence, dispersed and duplicated repeats and microsatellites at human densities."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BASES = "ACGT"
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
TRANSITION = {"A": "G", "G": "A", "C": "T", "T": "C"}

LENGTHS = {"chr1": 150_000, "chr2": 110_000, "chrX": 80_000, "chrY": 30_000, "chrM": 16_500}
PAR_BP = 12_000
"""The first bases of X and Y are one sequence; on Y it is masked, as in analysis sets."""
LOW_COVERAGE = ("chr1", 97_000, 98_500)
"""0.4 % of the genome: long enough for a few sites with no read at all in some people."""

# Shares of the human genome: Lander et al. 2001 (Nature 409:860), table 11: Alu 10.6 %, LINE1 16.9 %.
ALU_SHARE, LINE_SHARE = 0.106, 0.169
# Segmental duplications, at least 1 kb and 90 % identical: 5.5 % of GRCh38 (Vollger et al. 2022, Science 376:eabj6965).
DUPLICATION_SHARE = 0.055
DUPLICATION_DIVERGENCES = (0.09, 0.05, 0.015)
# About 700,000 microsatellites of unit 2-6 in 3.1 Gb: Willems et al. 2014 (Genome Research 24:1894).
MICROSATELLITES_PER_BP = 1 / 4_400
UNIT_LENGTH_SHARES = {2: 0.35, 3: 0.10, 4: 0.35, 5: 0.14, 6: 0.06}
# GRCh38 has 7,729,694 homopolymers of 6 bp or more, mean 7.6 bp, 1.9 % of the genome (Yu et al. 2020, PLoS Comput Biol
# 16:e1007968, track table 1). The background has about half of them by chance, the tails of repeats the long ones.
HOMOPOLYMERS_PER_BP = 1 / 1_100
CPG_DECAY = 0.87  # leaves a quarter of the CpG sites chance would give; the human genome has a fifth to a quarter
GC_SHARE = 0.445  # of the background, before CpG sites decay; the finished genome has about 0.41

# Alu subfamilies: share of copies, divergence from the consensus (low, high), tail. AluY is the young one.
ALU_AGES = {"J": (0.25, 0.11, 0.17, 14), "S": (0.65, 0.06, 0.12, 18), "Y": (0.10, 0.01, 0.05, 24)}


@dataclass(frozen=True)
class Reference:
    """Contig name to sequence (upper case; N where masked), and the unmasked start of Y that equals the start of X."""

    contigs: dict[str, str]

    def md5(self, contig: str) -> str:
        """The checksum SAM headers carry as M5."""
        return hashlib.md5(self.contigs[contig].encode()).hexdigest()


def make_reference(rng: np.random.Generator) -> Reference:
    """All contigs; PAR of Y is N."""
    families = _families(rng)
    contigs = {name: _contig(rng, length, families) for name, length in LENGTHS.items() if name != "chrM"}
    contigs["chrM"] = bytearray(_background(rng, LENGTHS["chrM"], 0.46).encode())
    _duplicate_segments(rng, contigs)
    contigs["chrY"][:PAR_BP] = b"N" * PAR_BP
    return Reference({name: contigs[name].decode() for name in LENGTHS})


def _families(rng: np.random.Generator) -> dict[str, str]:
    """Consensus sequences; an Alu is two related arms around a short A-rich link."""
    arm = _background(rng, 135, 0.62)
    oldest = arm + "AAAAATACAAAAA" + mutate(rng, arm, 0.15) + _background(rng, 20, 0.6)
    middle = mutate(rng, oldest, 0.06)
    return {
        "J": oldest,
        "S": middle,
        "Y": mutate(rng, middle, 0.03),
        "LINE": _background(rng, 6_000, 0.42),
    }


def _background(rng: np.random.Generator, length: int, gc: float) -> str:
    """Bases whose GC share wanders along the sequence, with most CpG decayed to TpG or CpA."""
    level, levels = 0.0, []
    for _ in range(length // 1_000 + 1):
        level = 0.85 * level + rng.normal(0, 0.03)
        levels.append(min(max(gc + level, 0.25), 0.65))
    local = np.repeat(levels, 1_000)[:length]
    strong = rng.random(length) < local
    bases = np.where(strong, rng.choice([1, 2], length), rng.choice([0, 3], length))
    cpg = np.flatnonzero((bases[:-1] == 1) & (bases[1:] == 2))
    decayed = cpg[rng.random(len(cpg)) < CPG_DECAY]
    to_tpg = rng.random(len(decayed)) < 0.5
    bases[decayed[to_tpg]] = 3
    bases[decayed[~to_tpg] + 1] = 0
    return "".join(BASES[base] for base in bases)


def mutate(rng: np.random.Generator, sequence: str, divergence: float) -> str:
    """Substitutions at the given rate, two thirds of them transitions, and a tenth as many 1-3 bp deletions."""
    out, skip = [], 0
    for base, draw in zip(sequence, rng.random(len(sequence)), strict=True):
        if skip:
            skip -= 1
        elif draw < divergence * 0.1:
            skip = int(rng.integers(0, 3))
        elif draw < divergence and base in TRANSITION:
            out.append(_substitute(rng, base))
        else:
            out.append(base)
    return "".join(out)


def _substitute(rng: np.random.Generator, base: str) -> str:
    if rng.random() < 2 / 3:
        return TRANSITION[base]
    return str(rng.choice([other for other in BASES if other not in (base, TRANSITION[base])]))


def _contig(rng: np.random.Generator, length: int, families: dict[str, str]) -> bytearray:
    """Background with repeats written over it, oldest kind first."""
    contig = bytearray(_background(rng, length, GC_SHARE).encode())
    for copy in _repeat_copies(rng, length, families):
        copy = copy if rng.random() < 0.5 else copy[::-1].translate(COMPLEMENT)
        start = int(rng.integers(0, length - len(copy)))
        contig[start : start + len(copy)] = copy.encode()
    return contig


def _repeat_copies(rng: np.random.Generator, length: int, families: dict[str, str]) -> Iterator[str]:
    yield from _lines(rng, int(length * LINE_SHARE), families["LINE"])
    yield from _alus(rng, int(length * ALU_SHARE), families)
    for _ in range(rng.poisson(length * MICROSATELLITES_PER_BP)):
        yield _microsatellite(rng)
    for _ in range(rng.poisson(length * HOMOPOLYMERS_PER_BP)):
        yield ("A" if rng.random() < 0.92 else "C") * min(5 + int(rng.geometric(0.55)), 30)


def _lines(rng: np.random.Generator, wanted_bp: int, consensus: str) -> Iterator[str]:
    """Copies that keep the 3' end, most of them short; 3 % are recent."""
    while wanted_bp > 0:
        copy = consensus[-min(int(rng.exponential(900)) + 100, 6_000) :] + "A" * int(rng.integers(5, 20))
        divergence = rng.uniform(0.01, 0.05) if rng.random() < 0.03 else rng.uniform(0.06, 0.25)
        wanted_bp -= len(copy)
        yield mutate(rng, copy, divergence)


def _alus(rng: np.random.Generator, wanted_bp: int, families: dict[str, str]) -> Iterator[str]:
    ages = list(ALU_AGES)
    while wanted_bp > 0:
        age = str(rng.choice(ages, p=[ALU_AGES[age][0] for age in ages]))
        _, low, high, tail = ALU_AGES[age]
        body = families[age] if rng.random() < 0.8 else families[age][int(rng.integers(20, 200)) :]
        copy = mutate(rng, body + "A" * rng.poisson(tail), rng.uniform(low, high))
        wanted_bp -= len(copy)
        yield copy


def _microsatellite(rng: np.random.Generator) -> str:
    """A pure tract of 12 bp or more, mean about 24 bp, at most 60 bp."""
    units = list(UNIT_LENGTH_SHARES)
    unit_length = int(rng.choice(units, p=list(UNIT_LENGTH_SHARES.values())))
    unit = "A" * unit_length
    while len(set(unit)) == 1 or unit in ("CG", "GC"):
        unit = "".join(rng.choice(list(BASES), unit_length, p=[0.36, 0.2, 0.14, 0.3]))
    tract_bp = min(12 + int(rng.exponential(12)), 60)
    return (unit * tract_bp)[:tract_bp]


def _duplicate_segments(rng: np.random.Generator, contigs: dict[str, bytearray]) -> None:
    """One pair of segments per divergence, the second copied over from the first."""
    homes = ["chr1", "chr2", "chrX"]
    total = sum(len(contigs[home]) for home in homes)
    segment_bp = int(total * DUPLICATION_SHARE / (2 * len(DUPLICATION_DIVERGENCES)))
    for number, divergence in enumerate(DUPLICATION_DIVERGENCES):
        source = contigs[homes[number]]
        target = contigs[homes[(number + 1) % len(homes)]]
        start = int(rng.integers(PAR_BP + 1_000, len(source) // 2 - segment_bp))
        copy = mutate(rng, source[start : start + segment_bp].decode(), divergence)
        # The copy lands in the second half, so that no later pair starts from it.
        landing = int(rng.integers(len(target) // 2, len(target) - segment_bp - 1_000))
        target[landing : landing + len(copy)] = copy.encode()
