"""Larger random cohorts for the comparison with GATK: each contig is rich in one thing that is hard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from math import log10
from random import Random

from tests.support.joint_cohorts import allele_specific, cohort_records

MOST_ALTS = 48
"""A locus with more alleles is folded for GATK, which skips sites of more than 50 (REF and perhaps `*` included)."""

CLUSTER = 16
"""Loci in a cluster."""


@dataclass(frozen=True)
class Style:
    """How a contig's records are drawn; shares are of carriers, of records or of blocks.

    `alts` alleles at a locus, every `step` bases; `carriers` of them among the samples; `ploidies` by sample in turn;
    `weak_reads`: as many tell of the ALT, whatever the depth; `deletions` among the alleles, up to `reach` bases long;
    `cluster_bp`: loci stand around each multiple of it, where shards are cut; `crowd`: alleles at a locus in turn, most
    of them doomed: some sample lists them, nobody carries them.
    """

    loci: int
    step: int = 10
    alts: tuple[int, ...] = (1, 1, 1, 2)
    carriers: float = 0.25
    ploidies: tuple[int, ...] = (2,)
    depths: tuple[int, int] = (8, 40)
    weak_reads: int = 0
    deletions: float = 0.15
    reach: int = 4
    wild: float = 0.1
    phased: float = 0.2
    missing: float = 0.05
    gq_only: float = 0.0
    gaps: float = 0.05
    crowd: tuple[int, ...] = ()
    cluster_bp: int = 0


STYLES = {
    "many": Style(600, 14, alts=(3, 4, 5, 8, 10), carriers=0.6, deletions=0.2),
    "spanning": Style(960, 5, carriers=0.25, deletions=0.5, reach=14, depths=(4, 30), cluster_bp=400),
    "ploidies": Style(500, 10, alts=(1, 1, 2, 3), ploidies=(2, 1, 2, 3, 1, 2, 2, 1)),
    "haploid": Style(250, 10, ploidies=(1,)),
    "reblocked": Style(500, 10, gq_only=0.8, gaps=0.02),
    "weak": Style(900, 8, carriers=0.04, depths=(16, 20), weak_reads=3, deletions=0.1, wild=0.0, gaps=0.0),
    "ragged": Style(500, 10, missing=0.35, phased=0.5, wild=0.3, alts=(1, 1, 2, 3)),
    "crowded": Style(70, 30, carriers=0.9, alts=(8,), crowd=(43, 46, 48, 52, 53, 55, 56, 58, 60, 66), wild=0.0),
}
SMALL = {
    f"small_{name}": replace(STYLES[name], loci=loci)
    for name, loci in (
        ("many", 9),
        ("spanning", 32),
        ("ploidies", 10),
        ("reblocked", 8),
        ("weak", 12),
        ("ragged", 10),
    )
}
"""The same in little, quick enough for kernels that are not compiled."""


@dataclass(frozen=True)
class Locus:
    """Alleles at a base: `pairs` of (REF, ALT) as the allele alone would be written; `doomed` ones nobody keeps."""

    start: int
    pairs: tuple[tuple[str, str], ...]
    doomed: tuple[tuple[str, str], ...] = ()


Lines = dict[str, list[str]]
"""VCF lines by sample."""


def styled_contig(name: str, style: Style, samples: int, seed: int = 5) -> tuple[str, Lines, Lines]:
    """The contig's bases, and each sample's VCF lines: as they are, and with doomed alleles folded for GATK."""
    random = Random(f"{name} {seed}")
    places = [_place(style, number) for number in range(style.loci)]
    reference = "".join(random.choices("ACGT", k=places[-1] + 40))
    loci = [_locus(random, style, reference, place, number) for number, place in enumerate(places)]
    full, folded = {}, {}
    for number in range(samples):
        writer = _Writer(random, style, name, reference, style.ploidies[number % len(style.ploidies)])
        sample = f"s{number:02}"
        full[sample], folded[sample] = writer.lines(loci, number)
    return reference, full, folded


def wild_contig(name: str, samples: int, seed: int) -> tuple[str, Lines]:
    """The same of a cohort of `joint_cohorts`, which knows no biology."""
    reference, records = cohort_records(seed, samples)
    rows = {f"s{number:02}": records[f"s{number}"] for number in range(samples)}
    return reference, {sample: ["\t".join([name, *line[1:]]) for line in lines] for sample, lines in rows.items()}


def _place(style: Style, number: int) -> int:
    """The first base where the locus of a number may stand."""
    if not style.cluster_bp:
        return 5 + number * style.step
    cluster, inside = divmod(number, CLUSTER)
    return (cluster + 1) * style.cluster_bp + (inside - CLUSTER // 2) * style.step


def _locus(random: Random, style: Style, reference: str, regular: int, number: int) -> Locus:
    start = regular + random.randint(0, max(0, style.step // 2 - 1))
    pairs: list[tuple[str, str]] = []
    wanted = random.choice(style.alts)
    while len(pairs) < wanted:
        pair = _pair(random, style, reference, start)
        if pair not in pairs:
            pairs.append(pair)
    doomed: set[tuple[str, str]] = set()
    crowd = style.crowd[number % len(style.crowd)] - wanted if style.crowd else 0
    while len(doomed) < crowd:
        doomed.add((reference[start], reference[start] + "".join(random.choices("ACGT", k=9))))
    return Locus(start, tuple(pairs), tuple(sorted(doomed)))


def _pair(random: Random, style: Style, reference: str, start: int) -> tuple[str, str]:
    base = reference[start]
    if random.random() < style.deletions:
        return reference[start : start + 1 + random.randint(1, style.reach)], base
    if random.random() < 0.7:
        return base, random.choice([other for other in "ACGT" if other != base])
    return base, base + "".join(random.choices("ACGT", k=random.randint(1, 5)))


class _Writer:
    """One sample's lines along a contig."""

    def __init__(self, random: Random, style: Style, name: str, reference: str, ploidy: int) -> None:
        self.random, self.style, self.name, self.reference, self.ploidy = random, style, name, reference, ploidy

    def lines(self, loci: Sequence[Locus], number: int) -> tuple[list[str], list[str]]:
        full, folded, at = [], [], 0
        for locus in loci:
            if locus.start < at or self.random.random() > self.style.carriers:
                continue
            filling = list(self.filling(at, locus.start))
            record = self.record(locus, number)
            full += [*filling, record[0]]
            folded += [*filling, record[1]]
            at = locus.start + record[2] - (self.random.randint(0, record[2] - 1) if self.random.random() < 0.3 else 0)
        filling = list(self.filling(at, len(self.reference)))
        return full + filling, folded + filling

    def filling(self, start: int, end: int) -> Iterator[str]:
        """Blocks and gaps over [start, end)."""
        while start < end:
            stop = min(end, start + self.random.choice((1, 3, 10, 25, 60)))
            if self.random.random() >= self.style.gaps:
                yield self.block(start, stop)
            start = stop

    def block(self, start: int, stop: int) -> str:
        random, ploidy = self.random, self.ploidy
        gq = random.choice((0, 3, 20, 30, 60, 99, 99, 99))
        depth = random.choice((0, 2, 20)) if gq == 0 else max(1, gq // 3 + random.randint(-1, 3))
        called = gq > 0 or random.random() < 0.7
        values = {"GT": "/".join(("0" if called else ".") * ploidy), "DP": str(depth), "GQ": str(gq)}
        if random.random() >= self.style.gq_only or not called:
            every = len(list(combinations_with_replacement(range(2), ploidy)))
            steps = [0, gq, gq * 12 if depth else 0, gq * 20 if depth else 0]
            values |= {"MIN_DP": str(max(0, depth - random.randint(0, 2))), "PL": ",".join(map(str, steps[:every]))}
        return self.line(start, self.reference[start], "<NON_REF>", f"END={stop}", values)

    def record(self, locus: Locus, number: int) -> tuple[str, str, int]:
        """A record, the same with doomed alleles folded, and the length of its REF."""
        random = self.random
        mine = random.sample(locus.pairs, min(len(locus.pairs), random.choice((1, 1, 1, 2))))
        doomed = _dealt(locus, number)
        ref = max((ref for ref, _ in mine + doomed), key=len)
        alts = [alt + ref[len(own) :] for own, alt in mine + doomed]
        many = len(locus.pairs) + len(locus.doomed) > MOST_ALTS
        folds = {pair: f"{ref[0]}{'GA' * (6 + place)}{ref[1:]}" for place, pair in enumerate(doomed) if many}
        others = [folds.get(pair, alt) for pair, alt in zip(mine + doomed, alts, strict=True)]
        if not doomed and random.random() < 0.04:
            others, alts = [*others, "*"], [*alts, "*"]
        strong = [0, *range(1, len(mine) + 1)]
        likely = self.likely(strong)
        depths = self.depths(likely, len(alts) + 2)
        pl = self.likelihoods(likely, depths, len(alts) + 2)
        values = self.values(likely, depths, pl, locus.start)
        info = self.info(len(alts) + 1, sum(depths))
        texts = [self.line(locus.start, ref, ",".join([*each, "<NON_REF>"]), info, values) for each in (alts, others)]
        return texts[0], texts[1], len(ref)

    def likely(self, strong: Sequence[int]) -> tuple[int, ...]:
        carried = [self.random.choice(strong[1:])]
        carried += [self.random.choice((0, 0, *strong)) for _ in range(self.ploidy - 1)]
        return tuple(sorted(carried))

    def depths(self, likely: tuple[int, ...], alleles: int) -> list[int]:
        random, total = self.random, self.random.randint(*self.style.depths)
        depths = [0] * alleles
        if self.style.weak_reads:
            depths[0], depths[likely[-1]] = total - self.style.weak_reads, self.style.weak_reads
            return depths
        for allele in random.choices(likely, k=total):
            depths[allele] += 1
        if random.random() < 0.1:
            depths[random.randrange(alleles - 1)] += 1
        return depths

    def likelihoods(self, likely: tuple[int, ...], depths: Sequence[int], alleles: int) -> list[int]:
        every = sorted(combinations_with_replacement(range(alleles), self.ploidy), key=lambda each: each[::-1])
        if self.random.random() < self.style.wild:
            return [0 if each == likely else self.random.choice((0, 3, 20, 40, 200, 900)) for each in every]
        costs = [_cost(each, depths) + self.random.choice((0, 0, 1)) for each in every]
        return [round(cost - min(costs)) for cost in costs]

    def values(self, likely: tuple[int, ...], depths: Sequence[int], pl: Sequence[int], start: int) -> dict[str, str]:
        random = self.random
        phased = random.random() < self.style.phased
        order = list(likely)
        random.shuffle(order)
        values = {
            "GT": ("|" if phased else "/").join(map(str, order if phased else sorted(order))),
            "AD": ",".join(map(str, depths)),
            "DP": str(sum(depths)),
            "GQ": str(min(99, sorted(pl)[1])),
        }
        if phased and random.random() < 0.9:
            first = max(0, start - start % 50)
            values |= {"PGT": random.choice(("0|1", "1|0", "1|1")), "PID": f"{first + 1}_{self.reference[first]}_T"}
        values["PL"] = ",".join(map(str, pl))
        if phased and random.random() < 0.8:
            values["PS"] = str(max(1, start - start % 50))
        forward = [random.randint(0, depths[0]), random.randint(0, sum(depths[1:]))]
        values["SB"] = f"{forward[0]},{depths[0] - forward[0]},{forward[1]},{sum(depths[1:]) - forward[1]}"
        for name in ("AD", "SB", "GQ", "DP"):
            if random.random() < self.style.missing:
                del values[name]
        return values

    def info(self, alts: int, depth: int) -> str:
        random, missing = self.random, self.style.missing
        fields = {"DP": str(depth)}
        for name in ("BaseQRankSum", "MQRankSum", "ReadPosRankSum", "ClippingRankSum"):
            fields[name] = f"{random.gauss(0, 1.2):.3f}"
        fields["RAW_MQandDP"] = f"{depth * random.choice((3600, 3600, 3481, 900, 0))},{depth}"
        fields["ExcessHet"] = random.choice(("3.0103", "0.0000"))
        fields |= {"MQ": "58.31"} if random.random() < 0.1 else {}
        kept = {name: text for name, text in fields.items() if random.random() >= missing}
        text = ";".join(f"{name}={value}" for name, value in kept.items()) + allele_specific(random, alts)
        return text.removeprefix(";") or "."

    def line(self, start: int, ref: str, alts: str, info: str, values: dict[str, str]) -> str:
        keys, texts = ":".join(values), ":".join(values.values())
        return "\t".join([self.name, str(start + 1), ".", ref, alts, ".", ".", info, keys, texts])


def _dealt(locus: Locus, number: int) -> list[tuple[str, str]]:
    """The doomed alleles that fall to a sample; all are dealt out among the samples, some twice."""
    return [pair for place, pair in enumerate(locus.doomed) if place % 20 == number % 20]


def _cost(genotype: tuple[int, ...], depths: Sequence[int], error: float = 0.002) -> float:
    """Phred-scaled likelihood of the reads, each from one of the genotype's alleles or wrong."""
    shares = [genotype.count(allele) / len(genotype) for allele in range(len(depths))]
    return -10 * sum(
        count * log10(share * (1 - error) + (1 - share) * error / 3)
        for count, share in zip(depths, shares, strict=True)
        if count
    )
