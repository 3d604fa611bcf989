"""The sites of a shard that kinship, components and sex may be computed from, and their genotypes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.kernels.cell_runs import CellRuns, at_sites, fill_cells
from genocloud.qc.allele_classes import HailKind, SiteAlleles
from genocloud.qc.genotype_words import GenotypeClass, GenotypeWords, words_of
from genocloud.qc.packed_genotypes import MISSING, PackedGenotypes, pack
from genocloud.qc.sample_counts import CLASSES
from genocloud.qc.site_set import SiteSetOptions, qualifying, ranks_of, unlinked

SET_CLASSES = ("autosomes", "X")
"""The classes of contigs that have a set of sites."""

MOST_CELLS = 1 << 22
"""Genotypes that are looked at together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Sites that may be of a set, by SITES alone, and their genotypes, filled batch by batch.

    places   (candidates,) which sites of the shard
    classes  (candidates,) place in CLASSES
    codes    (candidates, samples) uint8
    """

    sites: schema.Sites
    places: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int8]
    ranks: npt.NDArray[np.uint64]
    codes: npt.NDArray[np.uint8]
    count: int
    options: SiteSetOptions

    @classmethod
    def of(
        cls,
        sites: schema.Sites,
        alleles: SiteAlleles,
        classes: npt.NDArray[np.int8],
        *,
        options: SiteSetOptions,
        highest_rank: int,
        samples: int,
    ) -> "Candidates":
        """SNVs with one ALT and no FILTER that SITES' own numbers do not rule out, up to a rank."""
        names, positions = sites["contig"].to_pylist(), schema.numbers(sites["pos"]).astype(np.int64)
        ranks = ranks_of(names, positions)
        kept = np.isin(classes, [CLASSES.index(name) for name in SET_CLASSES])
        kept &= (alleles.alts == 1) & ~alleles.filtered & (ranks <= np.uint64(highest_rank))
        first = alleles.offsets[:-1][kept]
        kept[kept] = alleles.hail[first] <= HailKind.TRANSVERSION
        inbreeding = schema.numbers(sites["InbreedingCoeff"])
        kept &= ~(inbreeding < options.min_inbreeding)
        kept &= ~_too_rare(sites, options.min_frequency)
        places = np.flatnonzero(kept)
        return cls(
            sites=sites,
            places=places,
            classes=classes[places],
            ranks=ranks[places],
            codes=np.full((len(places), samples), MISSING, np.uint8),
            count=len(kept),
            options=options,
        )

    def add(self, rows: npt.NDArray[np.int64], distinct: schema.LocalGenotypes, runs: CellRuns) -> None:
        """Fill in a batch; rows: its samples' places."""
        codes, words = words_of(distinct["GT"])
        by_class = {name: _codes(words, haploid=name == "X")[codes] for name in SET_CLASSES}
        is_candidate = np.zeros(self.count, np.bool_)
        is_candidate[self.places] = True
        own = at_sites(runs, is_candidate)
        for start, stop in self._spans(len(rows)):
            numbers = np.zeros((stop - start, len(rows)), np.int32)
            fill_cells(own, start, numbers)
            for name, lookup in by_class.items():
                here = self.classes[start:stop] == CLASSES.index(name)
                self.codes[np.ix_(start + np.flatnonzero(here), rows)] = lookup[numbers[here]]

    def _spans(self, samples: int) -> Iterator[tuple[int, int]]:
        step = max(MOST_CELLS // max(samples, 1), 1)
        return ((start, min(start + step, len(self.places))) for start in range(0, len(self.places), step))

    def chosen(self) -> dict[str, PackedGenotypes]:
        """By class: the sites that qualify by the genotypes, and are not linked to one another."""
        return {name: self._set(name) for name in SET_CLASSES}

    def _set(self, name: str) -> PackedGenotypes:
        here = np.flatnonzero(self.classes == CLASSES.index(name))
        here = here[qualifying(self.codes[here], self.options, diploid=name != "X")]
        rows = self.sites.select(["contig", "pos", "ref", "alts"]).take(self.places[here])
        contigs = np.array(rows["contig"].to_pylist(), np.str_)
        positions = schema.numbers(rows["pos"]).astype(np.int64)
        kept = np.zeros(len(here), np.bool_)
        for contig in dict.fromkeys(contigs.tolist()):
            on = np.flatnonzero(contigs == contig)
            kept[on] = unlinked(self.codes[here[on]], positions[on], self.options)
        chosen = here[kept]
        alts = [alts[0] for alts in rows["alts"].to_pylist()]
        return PackedGenotypes(
            contigs=contigs[kept],
            positions=positions[kept],
            refs=np.array(rows["ref"].to_pylist(), np.str_)[kept],
            alts=np.array(alts, np.str_)[kept],
            ranks=self.ranks[chosen],
            packed=pack(self.codes[chosen]),
            samples=self.codes.shape[1],
        )


def _too_rare(sites: schema.Sites, least: float) -> npt.NDArray[np.bool_]:
    """Sites of whose first ALT the callset has too few copies, or too many, by AC and AN where there are any."""
    offsets, values = schema.ragged(sites["AC"])
    an = schema.numbers(sites["AN"]).astype(np.int64)
    known = (np.diff(offsets) > 0) & (an > 0)
    ac = np.zeros(len(an), np.int64)
    ac[known] = values[offsets[:-1][known]]
    return np.asarray(known & (np.minimum(ac, an - ac) < least * an))


def _codes(words: GenotypeWords, *, haploid: bool) -> npt.NDArray[np.uint8]:
    """The code of each word: copies of the ALT of a diploid; on X a haploid counts as homozygous."""
    out = np.full(len(words.classes), MISSING, np.uint8)
    called = (words.classes != GenotypeClass.NOT_CALLED) & (words.classes != GenotypeClass.PARTIAL)
    copies = (words.alleles > 0).sum(axis=1)
    diploid, single = called & (words.ploidy == 2), called & (words.ploidy == 1)
    out[diploid] = copies[diploid]
    if haploid:
        out[single] = 2 * copies[single]
    return out
