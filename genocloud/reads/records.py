"""Turn pileup evidence into records and quiet stretches: evidence floor, one record a position, deletions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

from genocloud.reads.phred import (
    Likelihoods,
    at,
    fold,
    genotype,
    haploid,
    index_of,
    pairs,
    quality,
    reference_only,
    side_by_side,
    under_deletion,
)
from genocloud.reads.pileup import PileupEvidence, Quiet, trimmed

MIN_ALT_READS = 2
MIN_ALT_FRACTION = 0.1
"""The floor: an ALT with fewer reads, or a smaller share of the depth, gets no record, unless LONE_PHRED says so. A
single read is what base errors make (20,000 of 400,000 sites of a simulated person at 15x); a heterozygote falls below
the floor once in 2,000 at 15x, in 50,000 at 20x (binomial). What is below stays in the block's likelihoods, folded."""

LONE_PHRED = 10
"""An ALT of the likeliest genotype is above the floor if hom-ref is this much less likely, phred: in thin coverage one
read may be all there is. Measured on 6 people, joint calls by GATK: SNP F1 0.948 without, 0.971 with at 8x; 0.9960 and
0.9964 at 15x, for 6 % more records. With 3 instead of 10: 15 % more records again, F1 the same."""

STAR = "*"
_NOWHERE = Quiet(-1, -1, 0, [0, 0, 0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The alleles that are worth a record at one position, with their diploid likelihoods (the symbolic allele last).

    `forward`, `reverse` are reads by allele, the symbolic one's (those of alleles below the floor) last.
    """

    start: int
    alleles: tuple[str, ...]
    pl: Likelihoods
    forward: tuple[int, ...]
    reverse: tuple[int, ...]
    source: PileupEvidence

    @property
    def depths(self) -> tuple[int, ...]:
        """Reads by allele."""
        return tuple(a + b for a, b in zip(self.forward, self.reverse, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A site with its genotype: `called` are allele numbers; `pl` and `gq` are for the ploidy of the tile."""

    site: Site
    called: tuple[int, ...]
    pl: Likelihoods
    gq: int
    depth: int

    @property
    def start(self) -> int:
        """The first base of REF."""
        return self.site.start

    @property
    def deletion_end(self) -> int:
        """The base before which the called deletions end; `start` if none is called.

        Left-aligned alleles share their first base, so ALT deletes the len(REF) - len(ALT) bases after it.
        """
        ref = len(self.site.alleles[0])
        lost = [ref - len(self.site.alleles[i]) for i in self.called if self.site.alleles[i] != STAR]
        return self.start + 1 + max(lost) if lost and max(lost) > 0 else self.start

    def deletes(self, base: int) -> list[int]:
        """The alleles that delete a base."""
        ref, offset = len(self.site.alleles[0]), base - self.start
        return [i for i, alt in enumerate(self.site.alleles) if alt != STAR and 0 < offset <= ref - len(alt)]


@dataclass(slots=True, kw_only=True)
class PileupCaller:
    """Turns mpileup's stream into records and quiet stretches, for one ploidy (1 or 2); counts what became of evidence.

    Evidence is counted where start <= position < end; what comes before and after is context.
    """

    ploidy: int
    start: int
    end: int
    outcomes: Counter[str] = field(default_factory=Counter)
    _deletion: Record | None = None
    _deleted_until: int = 0

    def calls(self, stream: Iterable[Quiet | PileupEvidence]) -> Iterator[Quiet | Record]:
        """Records and quiet stretches in order, no base in two of them; a base in none has no data."""
        for item in _positions(stream):
            call = self._quiet(item) if isinstance(item, Quiet) else self._position(*item)
            if call is not None:
                yield call

    def _quiet(self, quiet: Quiet) -> Quiet | None:
        """A quiet stretch without the bases that a called deletion's record covers."""
        if quiet.start >= self._deleted_until:
            return quiet
        return replace(quiet, start=self._deleted_until) if self._deleted_until < quiet.end else None

    def _position(self, bases: PileupEvidence, indels: PileupEvidence | None) -> Quiet | Record | None:
        site = _site(bases, indels, self.ploidy)
        if self._deleted_until > bases.start:
            return self._under(site, bases, indels)
        if len(site.alleles) == 1:
            self._count("below_floor", bases, indels)
            return Quiet(site.start, site.start + 1, bases.depth, site.pl)
        return self._emit(_record(site, self.ploidy), bases, indels)

    def _under(self, site: Site, bases: PileupEvidence, indels: PileupEvidence | None) -> Record | None:
        """A record with `*` if the likeliest genotype has an ALT of the site; else the deletion's record says all."""
        assert self._deletion is not None
        if self.ploidy == 2 and len(site.alleles) > 1:
            record = _record(_starred(site, self._deletion), 2)
            if any(0 < allele < len(site.alleles) for allele in record.called):
                return self._emit(record, bases, indels)
        self._count("under_deletion", bases, indels)
        return None

    def _emit(self, record: Record, bases: PileupEvidence, indels: PileupEvidence | None) -> Record:
        self._count("recorded", bases, indels)
        if record.deletion_end > self._deleted_until:
            self._deletion, self._deleted_until = record, record.deletion_end
        return record

    def _count(self, outcome: str, bases: PileupEvidence, indels: PileupEvidence | None) -> None:
        if self.start <= bases.start < self.end:
            self.outcomes[outcome] += (len(bases.alleles) > 1) + (indels is not None)


def _positions(
    stream: Iterable[Quiet | PileupEvidence],
) -> Iterator[Quiet | tuple[PileupEvidence, PileupEvidence | None]]:
    """Quiet stretches; at other positions the evidence for bases, and for indels if there is any.

    Where mpileup shows no ALT base but an indel, it ends the quiet stretch before that base, or, if that base is all of
    the stretch, writes it all the same; either way the stretch tells the base's likelihoods; the record speaks for it.
    """
    quiet, before = _NOWHERE, None
    for item, after in pairwise(chain(stream, [None])):
        indel = after if isinstance(after, PileupEvidence) and after.is_indel else None
        if isinstance(item, Quiet):
            quiet = item
            if indel is None or item.end <= indel.start:
                yield item
            elif item.start < indel.start:
                yield replace(item, end=indel.start)
        elif isinstance(item, PileupEvidence) and not item.is_indel:
            yield item, indel if indel and indel.start == item.start else None
        elif isinstance(item, PileupEvidence) and not (
            isinstance(before, PileupEvidence) and before.start == item.start
        ):
            yield _plain(item, quiet), item
        before = item


def _plain(indel: PileupEvidence, quiet: Quiet) -> PileupEvidence:
    """Evidence that the base before an indel is the reference's: as in the quiet stretch that ends here, else none."""
    pl = quiet.pl if quiet.end >= indel.start else _NOWHERE.pl
    return replace(indel, alleles=(indel.alleles[0][0],), pl=pl, forward=(0, 0), reverse=(0, 0), info="")


def _site(bases: PileupEvidence, indels: PileupEvidence | None, ploidy: int) -> Site:
    """The alleles above the floor at one position, from both kinds of evidence."""
    base_site = _above_floor(bases, ploidy)
    if indels is None:
        return base_site
    indel_site = _above_floor(indels, ploidy)
    return _joined(base_site, indel_site)


def _above_floor(evidence: PileupEvidence, ploidy: int) -> Site:
    """The evidence with the ALTs below the floor folded into the symbolic allele."""
    keep = [0, *_worth_a_record(evidence, ploidy)]
    if len(keep) == 1:
        return _reference_site(evidence)
    rest = [i for i in range(len(evidence.alleles) + 1) if i not in keep]
    groups = [*([i] for i in keep), rest]
    return Site(
        start=evidence.start,
        alleles=trimmed([evidence.alleles[i] for i in keep]),
        pl=fold(evidence.pl, groups),
        forward=tuple(sum(evidence.forward[i] for i in group) for group in groups),
        reverse=tuple(sum(evidence.reverse[i] for i in group) for group in groups),
        source=evidence,
    )


def _reference_site(evidence: PileupEvidence) -> Site:
    """Evidence of which no ALT is above the floor: nine in ten positions, so the quick way."""
    base, forward, reverse = evidence.alleles[0][0], evidence.forward, evidence.reverse
    return Site(
        start=evidence.start,
        alleles=(base,),
        pl=reference_only(evidence.pl),
        forward=(forward[0], sum(forward[1:])),
        reverse=(reverse[0], sum(reverse[1:])),
        source=evidence,
    )


def _worth_a_record(evidence: PileupEvidence, ploidy: int) -> list[int]:
    """The ALTs above the floor."""
    if evidence.alleles[0][0] not in "ACGT":
        return []
    needed = max(MIN_ALT_READS, MIN_ALT_FRACTION * evidence.depth)
    alts = range(1, len(evidence.alleles))
    named = _likeliest(evidence, ploidy)
    return [i for i in alts if i in named or evidence.forward[i] + evidence.reverse[i] >= needed]


def _likeliest(evidence: PileupEvidence, ploidy: int) -> tuple[int, ...]:
    """The alleles of the likeliest genotype, if hom-ref is LONE_PHRED less likely (mostly told at a glance)."""
    if evidence.pl[0] < LONE_PHRED:
        return ()
    alleles = len(evidence.alleles) + 1
    pl = haploid(evidence.pl, alleles) if ploidy == 1 else evidence.pl
    return genotype(pl, alleles, ploidy) if pl[0] >= LONE_PHRED else ()


def _joined(bases: Site, indels: Site) -> Site:
    """One site of the bases' and the indels' ALTs; haplotypes with both only where no genotype without is as likely."""

    def likelihoods(haplotypes: Sequence[tuple[int, int]]) -> Likelihoods:
        return side_by_side(bases.pl, len(bases.alleles), indels.pl, len(indels.alleles), haplotypes)

    single = [*((i, 0) for i in range(len(bases.alleles))), *((0, j) for j in range(1, len(indels.alleles)))]
    double = [(i, j) for i in range(1, len(bases.alleles)) for j in range(1, len(indels.alleles))]
    pl = likelihoods([*single, *double])
    if min(at(pl, a, b) for a, b in pairs(len(single))) > 0:
        best = genotype(pl, len(single) + len(double) + 1, 2)
        single += [both for number, both in enumerate(double, len(single)) if number in best]
    return Site(
        start=bases.start,
        alleles=trimmed([bases.alleles[i] + indels.alleles[j][1:] for i, j in single]),
        pl=likelihoods(single),
        forward=_joined_reads(bases.forward, indels.forward, single),
        reverse=_joined_reads(bases.reverse, indels.reverse, single),
        source=indels.source,
    )


def _joined_reads(bases: Sequence[int], indels: Sequence[int], alleles: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Reads by haplotype. A read with an ALT base counts in both kinds of evidence: it is taken off the reference's."""
    reads = [indels[j] if j else bases[i] for i, j in alleles]
    other = indels[-1]
    reads[0] = max(0, indels[0] - sum(bases[1:-1]))
    return (*reads, other)


def _starred(site: Site, deletion: Record) -> Site:
    deleting = deletion.deletes(site.start)
    kept = [i for i in range(len(deletion.site.alleles) + 1) if i not in deleting]
    gone = sum(deletion.site.forward[i] for i in deleting), sum(deletion.site.reverse[i] for i in deleting)
    return replace(
        site,
        alleles=(*site.alleles, STAR),
        pl=under_deletion(site.pl, len(site.alleles) + 1, fold(deletion.site.pl, (kept, deleting))),
        forward=(*site.forward[:-1], gone[0], site.forward[-1]),
        reverse=(*site.reverse[:-1], gone[1], site.reverse[-1]),
    )


def _record(site: Site, ploidy: int) -> Record:
    alleles = len(site.alleles) + 1
    pl = haploid(site.pl, alleles) if ploidy == 1 else site.pl
    called = genotype(pl, alleles, ploidy)
    depth = max(site.source.depth, sum(site.depths))
    return Record(site=site, called=called, pl=pl, gq=quality(pl, index_of(called)), depth=depth)
