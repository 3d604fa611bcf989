"""People with gVCFs of two autosomes, X, Y and MT, whose reads are drawn from genotypes: with faults, if they shall.

Common variants lie 30,000 bases apart, so that they are independent; a genotype is the likelier of those that the reads
allow. Reads of a contaminated sample come from another person's genotypes in some of the cases.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pysam

from genocloud import cohort, gvcf
from genocloud.regions import Contig
from genocloud.storage import open_store

CONTIGS = tuple(
    Contig(name, length)
    for name, length in (
        ("chr1", 45_000_000),
        ("chr2", 35_000_000),
        ("chrX", 12_000_000),
        ("chrY", 4_000_000),
        ("chrM", 16_569),
    )
)
LAYOUT = cohort.Layout(CONTIGS)
SPACING_BP = 30_000
ERROR = 0.002
MT_DEPTH = 900


@dataclass(frozen=True, kw_only=True)
class Person:
    """A sample: the number of the genome that its reads are of, and what is wrong with them."""

    name: str
    genome: int
    copies_of_x: int = 2
    copies_of_y: int = 0
    depth: float = 32.0
    contamination: float = 0.0
    by: int = 0
    autosomes: Sequence[int] = (0, 1)


@dataclass(frozen=True, kw_only=True)
class Population:
    """Sites with frequencies of REF, and genotypes (genomes, sites) in ALTs."""

    contig: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    ref_frequency: npt.NDArray[np.float64]
    genotypes: npt.NDArray[np.int64]
    chance: np.random.Generator = field(repr=False)

    @classmethod
    def drawn(cls, seed: int, genomes: int) -> "Population":
        chance = np.random.default_rng(seed)
        places = [(number, start) for number in (0, 1) for start in range(500, CONTIGS[number].length, SPACING_BP)]
        contig, start = np.array(places).T
        ref_frequency = chance.uniform(0.1, 0.9, len(start))
        genotypes = chance.binomial(2, 1 - ref_frequency, (genomes, len(start)))
        return cls(contig=contig, start=start, ref_frequency=ref_frequency, genotypes=genotypes, chance=chance)

    def write_sites(self, folder: Path) -> str:
        """The sites as an indexed VCF with AF."""
        header = "##fileformat=VCFv4.2\n" + "".join(
            f"##contig=<ID={each.name},length={each.length}>\n" for each in CONTIGS
        )
        rows = (
            f"{CONTIGS[contig].name}\t{start + 1}\t.\tA\tC\t.\t.\tAF={1 - p:.6f}\n"
            for contig, start, p in zip(
                self.contig.tolist(), self.start.tolist(), self.ref_frequency.tolist(), strict=True
            )
        )
        path = folder / "sites.vcf"
        path.write_text(header + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "".join(rows))
        return str(pysam.tabix_index(str(path), preset="vcf", force=True))

    def gvcf(self, person: Person) -> str:
        """The text of a person's gVCF."""
        header = "".join(f"##contig=<ID={each.name},length={each.length}>\n" for each in CONTIGS)
        lines = [
            "##fileformat=VCFv4.2\n",
            header,
            f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{person.name}\n",
        ]
        for number in person.autosomes:
            lines += self._autosome(person, number)
        for number, copies in ((2, person.copies_of_x), (3, person.copies_of_y)):
            depths = self.chance.poisson(person.depth * copies / 2, 100)
            length = CONTIGS[number].length // 100
            lines += [_block(number, at * length, (at + 1) * length, depth) for at, depth in enumerate(depths.tolist())]
        lines.append(_block(4, 0, CONTIGS[4].length, MT_DEPTH))
        return "".join(lines)

    def _autosome(self, person: Person, number: int) -> Iterable[str]:
        here = np.flatnonzero(self.contig == number)
        of_alt = self.genotypes[[person.genome, person.by]][:, here] / 2
        share = (1 - person.contamination) * of_alt[0] + person.contamination * of_alt[1]
        depth = self.chance.poisson(person.depth, len(here))
        alt = self.chance.binomial(depth, share * (1 - ERROR) + (1 - share) * ERROR)
        done = 0
        for start, reads, of in zip(self.start[here].tolist(), depth.tolist(), alt.tolist(), strict=True):
            if of < 2:
                yield _block(number, done, start + 1, reads)
            else:
                yield _block(number, done, start, reads)
                yield _variant(number, start, reads - of, of)
            done = start + 1
        yield _block(number, done, CONTIGS[number].length, round(person.depth))


def _block(number: int, start: int, stop: int, depth: int) -> str:
    quality = min(99, 3 * depth)
    values = f"0/0:{depth}:{quality}:{depth}:0,{quality},{15 * quality}"
    return f"{CONTIGS[number].name}\t{start + 1}\t.\tA\t<NON_REF>\t.\t.\tEND={stop}\tGT:DP:GQ:MIN_DP:PL\t{values}\n"


RARE, EVEN = -10 * math.log10(ERROR), -10 * math.log10(0.5)


def _variant(number: int, start: int, ref: int, alt: int) -> str:
    costs = [round(alt * RARE), round((ref + alt) * EVEN), round(ref * RARE)]
    costs = [cost - min(costs) for cost in costs]
    genotype = ("0/0", "0/1", "1/1")[costs.index(0)]
    values = (
        f"{genotype}:{ref},{alt},0:{ref + alt}:{min(99, sorted(costs)[1])}:{','.join(map(str, costs))},900,900,1800"
    )
    return f"{CONTIGS[number].name}\t{start + 1}\t.\tA\tC,<NON_REF>\t50\t.\tDP={ref + alt}\tGT:AD:DP:GQ:PL\t{values}\n"


def store(folder: Path, population: Population, batches: Sequence[Sequence[Person]]) -> cohort.Cohort:
    """The people's gVCFs, and a cohort of them, batch by batch."""
    url = str(folder / "cohort")
    for people in batches:
        sources = []
        for person in people:
            path = folder / f"{person.name}.g.vcf"
            path.write_text(population.gvcf(person))
            fingerprint = gvcf.fingerprint(str(path))
            sources.append(
                cohort.Source(sample=person.name, fingerprint=fingerprint, rows=gvcf.read_rows(str(path), CONTIGS))
            )
        receipt = cohort.write_batch(open_store(url), sources, LAYOUT)
        made = cohort.append(open_store(url), [receipt], LAYOUT, {"md5": "of the contigs"})
    return made
