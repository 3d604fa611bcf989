"""The alleles that `--alleles` names: read from a VCF, brought to one form, compared with the reference."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import gvcf, schema
from genocloud.cohort import Layout
from genocloud.errors import InputError, UnknownContig
from genocloud.pipeline.reference import Reference, bases_of, read_bases
from genocloud.regions import Contig, Places, Region

DUPLICATE, NO_ALT, STAR = "named before", "no ALT", "`*`, which stands where a deletion reaches"
"""Why ALTs of the file are not forced."""
NORMALISE = "normalise the file: bcftools norm -f REF.fa -m -any --atomize"


class BadAllele(InputError):
    """An allele of the file that cannot be forced."""

    def __init__(self, url: str, line: int, problem: str, remedy: str) -> None:
        self.url, self.line, self.problem, self.remedy = url, line, problem, remedy
        super().__init__(f"{url}, line {line}: {problem}; {remedy}")


@dataclass(frozen=True, eq=False, kw_only=True)
class ForcedAlleles:
    """Alleles to genotype whatever the evidence; equal where the alleles are, whatever file names them.

    table    FORCED_ALLELES; of a shard on its axis
    dropped  ALTs of the file that are not forced, by reason
    """

    table: schema.ForcedAlleleRows
    dropped: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """A hash of the alleles in their order."""
        return hashlib.sha256(json.dumps(self.rows()).encode()).hexdigest()[:20]

    def rows(self) -> list[list[int | str]]:
        """[contig, start, REF, ALT] of each allele."""
        return [list(row) for row in zip(*(self.table[name].to_pylist() for name in _NAMES), strict=True)]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int | str]]) -> "ForcedAlleles | None":
        """From what `rows` returns; None of nothing."""
        columns = [[row[place] for row in rows] for place in range(len(_NAMES))]
        return cls(table=pa.table([*columns, [0] * len(rows)], schema.FORCED_ALLELES)) if rows else None

    def __eq__(self, other: object) -> bool:
        """Whether the alleles are the same."""
        return isinstance(other, ForcedAlleles) and self.digest == other.digest

    def __hash__(self) -> int:
        """Of the alleles."""
        return hash(self.digest)

    def __len__(self) -> int:
        """Number of alleles."""
        return len(self.table)

    @cached_property
    def _places(self) -> npt.NDArray[np.int64]:
        return _place(schema.numbers(self.table["contig"]), schema.numbers(self.table["start"]))

    def clip(self, region: Region) -> "ForcedAlleles | None":
        """Those that begin in a region; None for none."""
        edges = _place(np.full(2, region.contig), np.array([region.start, region.end]))
        first, end = np.searchsorted(self._places, edges).tolist()
        return ForcedAlleles(table=self.table.take(np.arange(first, end))) if first < end else None

    def along(self, layout: Layout) -> "ForcedAlleles":
        """The same on the axes of the layout's parts."""
        contigs, starts = (schema.numbers(self.table[name]).copy() for name in ("contig", "start"))
        for number in np.unique(contigs).tolist():
            axis, own = layout.axis(number), schema.numbers(self.table["contig"]) == number
            starts[own] = axis.onto(contigs[own], starts[own])
            contigs[own] = axis.first
        table = schema.with_column(self.table, "contig", pa.array(contigs))
        return ForcedAlleles(table=schema.with_column(table, "start", pa.array(starts)), dropped=self.dropped)


_NAMES = "contig", "start", "ref", "alt"


def _place(contigs: Places, starts: Places) -> npt.NDArray[np.int64]:
    """One number that sorts by contig, then base."""
    return (contigs.astype(np.int64) << 32) + starts


def read_forced_alleles(url: str, contigs: Sequence[Contig], reference: Reference | None = None) -> ForcedAlleles:
    """The alleles of a VCF or BCF, each once, without bases that REF and ALT both begin or end with.

    With the `reference`, REF is compared with it. Raises BadAllele, UnknownContig, UnreadableFile, BadRecord, and
    InputError where nothing is left.
    """
    bases = None if reference is None else _reader(reference)
    numbers = {contig.name: number for number, contig in enumerate(contigs)}
    dropped: Counter[str] = Counter()
    lines: dict[tuple[int, int, str, str], int] = {}
    for record in gvcf.read_listed_alleles(url):
        if record.contig not in numbers:
            raise UnknownContig(record.contig, f"{url}, line {record.line}")
        number = numbers[record.contig]
        if not 0 < record.pos <= contigs[number].length + 1 - len(record.ref):
            problem = f"it lies outside {record.contig}, which has {contigs[number].length:,} bases"
            raise BadAllele(url, record.line, problem, "use a file made for this reference")
        if bases is not None:
            _check_ref(url, record, bases(Region(number, record.pos - 1, record.pos - 1 + len(record.ref))).upper())
        dropped[NO_ALT] += not record.alts
        for alt in record.alts:
            if alt == "*":
                dropped[STAR] += 1
                continue
            allele = number, *_minimal(url, record, alt)
            dropped[DUPLICATE] += allele in lines
            lines.setdefault(allele, record.line)
    if not lines:
        raise InputError(f"{url}: it names no allele; give a VCF with ALTs, or leave it out")
    ordered = sorted(lines, key=lambda allele: allele[:2])
    columns = [list(column) for column in zip(*((*allele, lines[allele]) for allele in ordered), strict=True)]
    return ForcedAlleles(table=pa.table(columns, schema.FORCED_ALLELES), dropped=+dropped)


_BASES = re.compile("[ACGT]+")


def _minimal(url: str, record: gvcf.ListedRecord, alt: str) -> tuple[int, str, str]:
    """(start, REF, ALT) of an allele without the bases that both end with, then begin with; each keeps one.

    Raises BadAllele for an allele that a gVCF has as several records, or not at all.
    """
    ref, start = record.ref, record.pos - 1
    if not (_BASES.fullmatch(ref) and _BASES.fullmatch(alt)):
        problem = f"REF {_short(ref)}, ALT {_short(alt)}: only alleles of A, C, G and T can be genotyped"
        raise BadAllele(url, record.line, problem, "leave it out")
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    if ref == alt:
        raise BadAllele(url, record.line, f"ALT {_short(alt)} is REF", "correct it, or leave it out")
    if min(len(ref), len(alt)) > 1 or (len(ref) != len(alt) and ref[0] != alt[0]):
        problem = f"{_short(ref)} to {_short(alt)} is several changes, which a gVCF has one by one"
        raise BadAllele(url, record.line, problem, NORMALISE)
    if start and ref[-1] == alt[-1]:
        problem = f"{_short(ref)} to {_short(alt)} is not left-aligned, as gVCFs have it"
        raise BadAllele(url, record.line, problem, NORMALISE)
    return start, ref, alt


def _reader(reference: Reference) -> Callable[[Region], str]:
    """Returns the bases of a region; a local FASTA is opened once."""
    local = read_bases(reference)

    def bases(region: Region) -> str:
        name = reference.contigs[region.contig].name
        return bases_of(reference, region) if local is None else local.sequences[name].between(region.start, region.end)

    return bases


def _check_ref(url: str, record: gvcf.ListedRecord, there: str) -> None:
    if there != record.ref:
        problem = f"REF {_short(record.ref)} is not the reference's {_short(there)} at {record.contig}:{record.pos:,}"
        raise BadAllele(url, record.line, problem, "use a file made for this reference")


def _short(bases: str) -> str:
    return bases if len(bases) <= 20 else f"{bases[:20]}... ({len(bases):,} bases)"
