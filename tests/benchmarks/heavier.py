"""A cohort made heavier, to see what its worst shard takes: many alleles at one base, or many records in a stretch.

usage: python -m tests.benchmarks.heavier FOLDER OUT [--alleles 60] [--pile-bp 4000]

FOLDER has <sample>.g.vcf.gz and ref.fa, as shared/bench/simcohort.py writes them. Each gVCF gets further records before
its own, in a stretch of the contig where the cohort has none, for which OUT/ref.fa gets bases:

--alleles N   at one base everybody carries one of N insertions
--pile-bp N   N bases with a record on every other one, as in a satellite: 100 times what usual gVCFs have; a tenth are
              variants
"""

import argparse
import random
from pathlib import Path

from isal import igzip

from genocloud.callset.bgzf import END, compress

CONTIG_WIDTH = 100
TEMPLATES = 60
"""Different stretches that samples share out among themselves."""

GAP_BP = 200
"""Bases between the stretch and what the gVCFs hold."""

KEYS, BLOCK_KEYS = "GT:AD:DP:GQ:PL:SB", "GT:DP:GQ:MIN_DP:PL"
INFO = "BaseQRankSum=0.314;DP=30;ExcessHet=3.0103;MQRankSum=-1.386;RAW_MQandDP=108000,30;ReadPosRankSum=-0.662"


def heavier(folder: Path, out: Path, alleles: int, pile_bp: int) -> None:
    """Write the heavier cohort: gVCFs, ref.fa with its index, samples.tsv."""
    out.mkdir(parents=True)
    gvcfs = sorted(folder.glob("*.g.vcf.gz"))
    contig, first = _first_place(gvcfs[0])
    start = first - GAP_BP - pile_bp
    bases = _write_reference(folder / "ref.fa", out, start, first)
    texts = [_stretch(number, contig, start, bases, alleles, pile_bp) for number in range(TEMPLATES)]
    stretches = [compress(text.encode()).data for text in texts]
    rows = []
    for number, gvcf in enumerate(gvcfs):
        text = igzip.decompress(gvcf.read_bytes())
        head = text.index(b"\n", text.index(b"#CHROM")) + 1
        pieces = compress(text[:head]).data, stretches[number % TEMPLATES], compress(text[head:]).data, END
        (out / gvcf.name).write_bytes(b"".join(pieces))
        rows.append(f"{gvcf.name.removesuffix('.g.vcf.gz')}\t{(out / gvcf.name).resolve()}\n")
    (out / "samples.tsv").write_text("".join(rows))


def _first_place(gvcf: Path) -> tuple[str, int]:
    """Contig and 1-based position of a gVCF's first record."""
    with igzip.open(gvcf, "rt") as lines:
        contig, position = next(line for line in lines if not line.startswith("#")).split("\t")[:2]
    return contig, int(position)


def _write_reference(source: Path, out: Path, start: int, end: int) -> str:
    """Copy the FASTA, of one contig, with random bases in start <= base < end (1-based); these bases."""
    name, *lines = source.read_text().splitlines()
    sequence = "".join(lines)
    bases = "".join(random.Random(1).choices("ACGT", k=end - start))
    sequence = sequence[: start - 1] + bases + sequence[end - 1 :]
    rows = [sequence[at : at + CONTIG_WIDTH] for at in range(0, len(sequence), CONTIG_WIDTH)]
    (out / "ref.fa").write_text("\n".join([name, *rows, ""]))
    (out / "ref.fa.fai").write_text(
        f"{name[1:].split()[0]}\t{len(sequence)}\t{len(name) + 1}\t{CONTIG_WIDTH}\t{CONTIG_WIDTH + 1}\n"
    )
    return bases


def _stretch(number: int, contig: str, start: int, bases: str, alleles: int, pile_bp: int) -> str:
    """The records that a sample gets, by the number of its template."""
    chance = random.Random(number)
    lines = [
        _variant(contig, start + at, bases[at], _other(bases[at], chance), chance)
        if chance.random() < 0.1
        else _block(contig, start + at, start + at + 1, bases[at], chance)
        for at in range(0, pile_bp, 2)
    ]
    if alleles:
        site = start + pile_bp + 10
        base = bases[pile_bp + 10]
        inserted = "".join(random.Random(1000 + number % alleles).choices("ACGT", k=8))
        lines.append(_variant(contig, site, base, base + inserted, chance))
    return "".join(lines)


def _other(base: str, chance: random.Random) -> str:
    return chance.choice([each for each in "ACGT" if each != base])


def _variant(contig: str, place: int, ref: str, alt: str, chance: random.Random) -> str:
    alt_depth = chance.randint(8, 20)
    likelihoods = f"{25 * alt_depth},0,{chance.randint(300, 900)},{25 * alt_depth + 40},999,1400"
    values = f"0/1:{30 - alt_depth},{alt_depth},0:30:99:{likelihoods}:7,8,7,8"
    return f"{contig}\t{place}\t.\t{ref}\t{alt},<NON_REF>\t{25.0 * alt_depth:.2f}\t.\t{INFO}\t{KEYS}\t{values}\n"


def _block(contig: str, place: int, end: int, ref: str, chance: random.Random) -> str:
    depth = chance.randint(10, 40)
    values = f"0/0:{depth}:{min(99, 3 * depth)}:{depth}:0,{3 * depth},{45 * depth}"
    return f"{contig}\t{place}\t.\t{ref}\t<NON_REF>\t.\t.\tEND={end}\t{BLOCK_KEYS}\t{values}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--alleles", type=int, default=0)
    parser.add_argument("--pile-bp", type=int, default=0)
    choice = parser.parse_args()
    heavier(choice.folder, choice.out, choice.alleles, choice.pile_bp)


if __name__ == "__main__":
    main()
