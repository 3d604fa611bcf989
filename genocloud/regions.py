"""Places on the genome: contigs, regions, shards and parts, 0-based and half-open."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from genocloud.errors import InputError, MixedContigs, UnknownContig

PART_BP = 10_000_000
"""Contigs shorter than this share a part, so that thousands of decoys cost few objects."""

SHARD_BP = 1_000_000
"""Default shard length: one window of a store's row groups; a compromise between task overhead and memory."""


@dataclass(frozen=True, slots=True)
class Contig:
    """A sequence of the reference; `length` in bases."""

    name: str
    length: int


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """The bases start <= base < end of one contig (`contig` is its index in the reference's order)."""

    contig: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """The contigs that share the files of one part: a long contig alone, or many short ones.

    `name` starts with the part's number, so that names are unique and sort in genome order.
    """

    name: str
    contigs: tuple[int, ...]


def contigs_from_fai(text: str) -> tuple[Contig, ...]:
    """The contigs that a FASTA index (.fai) lists, in its order."""
    rows = (line.split("\t") for line in text.splitlines() if line)
    return tuple(Contig(row[0], int(row[1])) for row in rows)


def parts(contigs: Sequence[Contig], part_bp: int = PART_BP) -> tuple[Part, ...]:
    """Cut the reference into parts: each contig of `part_bp` and more alone; runs of shorter ones together.

    A run ends when it has grown to `part_bp`, so that no part of short contigs becomes much longer than that.
    """
    runs = _runs(contigs, part_bp)
    return tuple(Part(_part_name(number, run, contigs), run) for number, run in enumerate(runs))


def _runs(contigs: Sequence[Contig], part_bp: int) -> Iterator[tuple[int, ...]]:
    run: list[int] = []
    bases = 0
    for index, contig in enumerate(contigs):
        if run and (contig.length >= part_bp or bases >= part_bp):
            yield tuple(run)
            run, bases = [], 0
        run.append(index)
        bases += contig.length
    if run:
        yield tuple(run)


def _part_name(number: int, run: Sequence[int], contigs: Sequence[Contig]) -> str:
    """The first contig's name, with what object stores and shells dislike replaced (HLA names hold `*`, `:`)."""
    first = re.sub(r"[^A-Za-z0-9._]", "_", contigs[run[0]].name)
    more = f"-and-{len(run) - 1}-more" if len(run) > 1 else ""
    return f"{number:03d}-{first}{more}"


def shards(contigs: Sequence[Contig], part: Part, shard_bp: int = SHARD_BP) -> tuple[Region, ...]:
    """The part's contigs cut into stretches of at most `shard_bp`; a shard owns a site iff start <= pos < end."""
    return tuple(
        Region(index, start, min(start + shard_bp, contigs[index].length))
        for index in part.contigs
        for start in range(0, contigs[index].length, shard_bp)
    )


def parse_region(text: str, contigs: Sequence[Contig], *, clip: bool = False) -> Region:
    """Read `chr1`, `chr1:1,000-2,000` (1-based, inclusive), `chr1:1,000-` (to the contig's end) as a region.

    With `clip` an end beyond the contig is its last base, as tabix has it; without, it is refused, as GATK does. A
    contig whose name itself holds a colon (HLA alleles) is recognised by its whole name first. Raises UnknownContig,
    and InputError for what lies outside its contig.
    """
    names = {contig.name: index for index, contig in enumerate(contigs)}
    if text in names:
        return Region(names[text], 0, contigs[names[text]].length)
    match = re.fullmatch(r"(.+):(\d[\d,]*)(?:(-)(\d[\d,]*)?)?", text)
    name = match[1] if match else text.rpartition(":")[0] or text
    if name not in names:
        raise UnknownContig(name, f"region {text}", _twin(name, names))
    if match is None:
        raise InputError(f"region {text}: START-END cannot be read; write it as {name}:1001-2000")
    index = names[match[1]]
    start = int(match[2].replace(",", "")) - 1
    last = (match[4] or str(contigs[index].length)) if match[3] else match[2]
    end = int(last.replace(",", ""))
    end = min(end, contigs[index].length) if clip else end
    if not 0 <= start < end <= contigs[index].length:
        raise InputError(
            f"region {text}: not inside {match[1]}, which has {contigs[index].length:,} bases; give START-END within it"
        )
    return Region(index, start, end)


def joined(regions: Sequence[Region]) -> list[Region]:
    """The regions in genome order, overlapping and adjacent ones made one."""
    apart: list[Region] = []
    for region in sorted(regions):
        last = apart[-1] if apart else None
        if last and last.contig == region.contig and region.start <= last.end:
            apart[-1] = Region(last.contig, last.start, max(last.end, region.end))
        else:
            apart.append(region)
    return apart


def _twin(name: str, names: Iterable[str]) -> str:
    """The contig that a name stands for in other references (`1`, `chr1`; `MT`, `chrM`) or cases; empty for none."""
    return next((each for each in names if _bare(each) == _bare(name)), "")


def _bare(name: str) -> str:
    bare = name.lower().removeprefix("chr")
    return "m" if bare == "mt" else bare


def region_text(region: Region, contigs: Sequence[Contig]) -> str:
    """A region as samtools writes it: 1-based, inclusive."""
    return f"{contigs[region.contig].name}:{region.start + 1}-{region.end}"


def check_contigs(source: str, declared: Iterable[Contig], reference: Sequence[Contig]) -> None:
    """Refuse a file whose header declares a contig that the reference lacks or has in another length.

    Raises UnknownContig or MixedContigs.
    """
    lengths = {contig.name: contig.length for contig in reference}
    for contig in declared:
        if contig.name not in lengths:
            raise UnknownContig(contig.name, source)
        if contig.length != lengths[contig.name]:
            raise MixedContigs(contig.name, {source: contig.length, "reference": lengths[contig.name]})
