"""Ploidy of each stretch of the genome by sex, with pseudo-autosomal regions."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from genocloud.errors import SettingError
from genocloud.regions import Contig, parse_region

Sex = Literal["male", "female", "unknown"]

log = logging.getLogger(__name__)

PAR_BY_X_LENGTH: Mapping[int, tuple[tuple[int, int], ...]] = {
    154_259_566: ((0, 2_394_410), (153_925_834, 154_259_566)),  # T2T-CHM13v2.0
    155_270_560: ((60_000, 2_699_520), (154_931_043, 155_260_560)),  # GRCh37
    156_040_895: ((10_000, 2_781_479), (155_701_382, 156_030_895)),  # GRCh38
}
"""X's pseudo-autosomal regions, 0-based half-open, by its length.

Sources: the Genome Reference Consortium's assembly pages; chm13v2.0_PAR.bed of the Telomere-to-Telomere Consortium.
"""


class NoPar(SettingError):
    """Regions given as pseudo-autosomal that are not X's."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"par: {problem}; give the regions of X (rows of Y are passed over), or none at all")


@dataclass(frozen=True, slots=True, kw_only=True)
class SexContigs:
    """The contigs whose copies are not two in everybody; `par` are X's pseudo-autosomal regions, 0-based half-open.

    With `par` None they are those of GRCh37, GRCh38 or T2T-CHM13v2.0, by the length of X; an X of
    another length has none then.
    """

    x: frozenset[str] = field(default=frozenset({"chrX", "X"}))
    y: frozenset[str] = field(default=frozenset({"chrY", "Y"}))
    mt: frozenset[str] = field(default=frozenset({"chrM", "chrMT", "M", "MT"}))
    par: tuple[tuple[int, int], ...] | None = None

    @classmethod
    def with_par(cls, regions: Sequence[tuple[str, int, int]]) -> Self:
        """The usual contigs, with these (contig, start, end) as pseudo-autosomal; without any, those of the reference.

        Rows on Y are passed over: lists give each region twice, and Y is haploid all along. Raises NoPar.
        """
        usual = cls()
        for contig, start, end in regions:
            if contig not in usual.x | usual.y:
                raise NoPar(f"{contig}:{start + 1}-{end} is on neither X nor Y")
        par = tuple((start, end) for contig, start, end in regions if contig in usual.x)
        if regions and not par:
            raise NoPar("no region is on X")
        return cls(par=par or None)

    @classmethod
    def with_par_texts(cls, texts: Sequence[str], contigs: Sequence[Contig]) -> Self:
        """The same from texts such as chrX:10001-2781479. Raises NoPar, and what parse_region raises."""
        regions = [parse_region(text, contigs) for text in texts]
        return cls.with_par([(contigs[region.contig].name, region.start, region.end) for region in regions])

    def par_of(self, x: Contig) -> tuple[tuple[int, int], ...]:
        """The pseudo-autosomal regions of the contig X; none where its length is of no known reference."""
        return PAR_BY_X_LENGTH.get(x.length, ()) if self.par is None else self.par


@dataclass(frozen=True, slots=True)
class Copies:
    """The bases start <= base < end of a contig and how many copies (1 or 2) of them there are."""

    start: int
    end: int
    ploidy: int


def copies(contig: Contig, sex: Sex, special: SexContigs) -> Sequence[Copies]:
    """The stretches of a contig by ploidy, in order, without those of which there is no copy (Y in females).

    MT is haploid in everybody, X in males outside its pseudo-autosomal regions. Y is haploid, all of it: references
    mask its pseudo-autosomal regions, or the aligner splits their reads between X and Y. With sex `unknown`, X is as
    in females and Y as in males.
    """
    whole = Copies(0, contig.length, 2)
    if contig.name in special.y:
        return [] if sex == "female" else [Copies(0, contig.length, 1)]
    if contig.name in special.mt:
        return [Copies(0, contig.length, 1)]
    if contig.name in special.x and sex == "male":
        return list(_alternating(contig.length, _par(contig, special)))
    return [whole]


def _par(contig: Contig, special: SexContigs) -> tuple[tuple[int, int], ...]:
    if special.par is None and contig.length not in PAR_BY_X_LENGTH:
        log.warning(
            "%s is %d bases long: no known pseudo-autosomal regions, all of it is haploid in males",
            contig.name,
            contig.length,
        )
    return special.par_of(contig)


def _alternating(length: int, diploid: Sequence[tuple[int, int]]) -> Iterator[Copies]:
    done = 0
    for start, end in sorted(diploid):
        stretches = Copies(done, min(start, length), 1), Copies(max(start, done), min(end, length), 2)
        yield from (stretch for stretch in stretches if stretch.start < stretch.end)
        done = max(done, end)
    if done < length:
        yield Copies(done, length, 1)
