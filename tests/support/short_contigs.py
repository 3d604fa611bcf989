"""gVCFs over many short contigs: variants up to their ends, deletions, haploid contigs, contigs without records."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

HEAD = """##fileformat=VCFv4.2
##ALT=<ID=NON_REF,Description="Any other">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">
##source=HaplotypeCaller
"""


@dataclass(frozen=True)
class Tig:
    """A contig, its bases, how many copies people have of it, and (0-based start, REF, ALT) of what varies there."""

    name: str
    bases: str
    ploidy: int
    variants: tuple[tuple[int, str, str], ...]


def make_tigs(random: Random, count: int) -> list[Tig]:
    """Some contigs; one in five varies nowhere, one in six is haploid, and variants may take the last base."""
    return [_tig(random, number) for number in range(count)]


def _tig(random: Random, number: int) -> Tig:
    bases = "".join(random.choices("ACGT", k=random.randrange(1, 900)))
    starts = sorted(random.sample(range(len(bases)), min(len(bases), random.choice((0, 1, 3, 6, 12)))))
    if starts and random.random() < 0.5:
        starts = sorted({*starts, 0, len(bases) - 1})
    variants = tuple(_variant(random, bases, start) for start in starts)
    name = f"HLA-A*{number}:01" if number % 9 == 4 else f"tig{number}"
    return Tig(name, bases, 1 if number % 6 == 5 else 2, variants)


def _variant(random: Random, bases: str, start: int) -> tuple[int, str, str]:
    base, kind = bases[start], random.random()
    if kind < 0.3:
        size = random.choice((2, 5, 40, 900))
        ref = bases[start : start + size]
        if len(ref) > 1:
            return start, ref, base
    alt = random.choice([other for other in "ACGT" if other != base])
    return start, base, alt if kind < 0.9 else base + alt


def write_reference(folder: Path, tigs: list[Tig]) -> Path:
    """The contigs as FASTA with its index."""
    path, at, rows = folder / "reference.fa", 0, []
    text = ""
    for tig in tigs:
        at += len(tig.name) + 2
        rows.append(f"{tig.name}\t{len(tig.bases)}\t{at}\t{len(tig.bases)}\t{len(tig.bases) + 1}\n")
        text += f">{tig.name}\n{tig.bases}\n"
        at += len(tig.bases) + 1
    path.write_text(text)
    Path(f"{path}.fai").write_text("".join(rows))
    return path


def write_person(random: Random, folder: Path, name: str, tigs: list[Tig]) -> Path:
    """One person's gVCF; one contig in four has no record of theirs."""
    path = folder / f"{name}.g.vcf.gz"
    contigs = "".join(f"##contig=<ID={tig.name},length={len(tig.bases)}>\n" for tig in tigs)
    lines = [line for tig in tigs if random.random() < 0.75 for line in _records(random, tig)]
    columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{name}\n"
    path.write_bytes(gzip.compress((HEAD + contigs + columns + "".join(lines)).encode()))
    return path


def _records(random: Random, tig: Tig) -> Iterator[str]:
    at = 0
    for start, ref, alt in tig.variants:
        if start < at or random.random() < 0.4:
            continue
        yield from _block(random, tig, at, start)
        yield _called(random, tig, start, ref, alt)
        at = start + len(ref)
    yield from _block(random, tig, at, len(tig.bases))


def _block(random: Random, tig: Tig, start: int, end: int) -> Iterator[str]:
    """The bases between variants; now and then nothing is said of some."""
    if start >= end or random.random() < 0.1:
        return
    gt, pl = ("0/0", "0,60,900") if tig.ploidy == 2 else ("0", "0,900")
    depth = random.choice((0, 20, 30))
    pl = pl if depth else "0,0,0"[: len(pl.split(",")) * 2 - 1]
    cell = f"{gt}:{depth}:{60 if depth else 0}:{depth}:{pl}"
    yield f"{tig.name}\t{start + 1}\t.\t{tig.bases[start]}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t{cell}\n"


def _called(random: Random, tig: Tig, start: int, ref: str, alt: str) -> str:
    gts = ("0/0", "0/1", "1/1") if tig.ploidy == 2 else ("0", "1")
    best = random.randrange(len(gts))
    some = [random.randrange(40, 900) for _ in range(len(gts))]
    some[best] = 0
    pl = ",".join(map(str, some + [950] * (3 if tig.ploidy == 2 else 1)))
    cell = f"{gts[best]}:{random.randrange(30)},{random.randrange(30)},0:30:{min(99, sorted(some)[1])}:{pl}"
    return f"{tig.name}\t{start + 1}\t.\t{ref}\t{alt},<NON_REF>\t600.5\t.\tDP=30\tGT:AD:DP:GQ:PL\t{cell}\n"
