"""Refine a callset's genotypes where they are read: by trios, then by the allele counts of each site."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, gvcf, refinement, samples, schema
from genocloud.callset import GenotypeMatrix, RevisedGenotypes
from genocloud.errors import InputError, shortened
from genocloud.pipeline.genotyping.known_names import check_contigs, known_variants
from genocloud.pipeline.refining.genotype_rows import GenotypeRows, with_posterior_columns
from genocloud.pipeline.refining.posterior_genotypes import SitePriors, refine_by_priors
from genocloud.pipeline.refining.trio_genotypes import refine_trios

_log = logging.getLogger(__name__)


class NothingToRefine(InputError):
    """A callset without samples."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: it has no samples, so that no genotypes are refined: leave out --refined")


class NoTrios(InputError):
    """A pedigree without a trio of the callset's samples."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: no family with exactly three of the callset's samples, mother, father and child; name them as the "
            "callset does, or leave --pedigree out"
        )


@dataclass(frozen=True, kw_only=True)
class RefinementOptions:
    """What genotypes are refined by.

    supporting     VCFs with allele counts (MLEAC or AC, AN, or genotypes), indexed
    pedigree       a .ped or .fam file, whose trios are refined by one another first
    de_novo_prior  of a new mutation
    priors         how counts become priors; None: by trios only
    """

    supporting: tuple[str, ...] = ()
    pedigree: str | None = None
    de_novo_prior: float = refinement.DE_NOVO_PRIOR
    priors: refinement.PriorOptions | None = refinement.DEFAULT_PRIORS


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """A callset.GenotypeRevision: posterior genotypes as GATK's CalculateGenotypePosteriors has them.

    supporting     VCFs with allele counts, indexed
    fingerprints   of these
    trios          whose people are refined by one another, of the callset's samples
    de_novo_prior  of a new mutation
    priors         how counts become priors; None: trios only
    """

    supporting: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    trios: tuple[refinement.TrioNames, ...] = ()
    de_novo_prior: float = refinement.DE_NOVO_PRIOR
    priors: refinement.PriorOptions | None = refinement.DEFAULT_PRIORS

    @classmethod
    def of(cls, options: RefinementOptions, made: callset.Callset) -> "Refinement":
        """The refinement of a callset.

        Raises NothingToRefine, RevisedSubset, NoTrios, OtherContigs, UnreadableFile, BadIndex.
        """
        if made.description.subset:
            raise callset.RevisedSubset(made.url)
        if not made.samples:
            raise NothingToRefine(made.url)
        for url in options.supporting:
            check_contigs(url, made.contigs)
        trios = _trios(options.pedigree, made.samples) if options.pedigree else ()
        return cls(
            supporting=options.supporting,
            fingerprints=tuple(map(known_variants, options.supporting)),
            trios=trios,
            de_novo_prior=options.de_novo_prior,
            priors=options.priors,
        )

    @property
    def settings(self) -> Any:
        """All that genotypes follow from, without places."""
        return {name: value for name, value in asdict(self).items() if name != "supporting"}

    def revise(self, sites: schema.Sites, genotypes: GenotypeMatrix) -> RevisedGenotypes:
        """Refined genotypes of all samples at some sites (contig, pos, ref, alts, MLEAC), and AC, AF, AN, PG of these.

        Raises UnreadableFile, BadIndex, BadRecord, OtherReference.
        """
        alts = np.asarray(pc.list_value_length(sites["alts"])).astype(np.int32)
        columns: dict[str, pa.Array] = {}
        genotypes = genotypes._replace(distinct=with_posterior_columns(genotypes.distinct))
        genotypes = refine_trios(genotypes, alts, self.trios, self.de_novo_prior)
        if self.priors:
            priors = SitePriors(self._parameters(sites, genotypes, alts), alts)
            genotypes = refine_by_priors(genotypes, priors)
            columns["PG"] = priors.phred()
        counts = AlleleTotals.of(genotypes, alts)
        return RevisedGenotypes(genotypes, pa.table(counts.columns() | columns))

    def _parameters(
        self, sites: schema.Sites, genotypes: GenotypeMatrix, alts: npt.NDArray[np.int32]
    ) -> list[tuple[float, ...] | None]:
        """refinement.pseudocounts of each site."""
        assert self.priors is not None
        counts = AlleleTotals.of(genotypes, alts)
        names = ("contig", "pos", "ref", "alts", "MLEAC")
        others = self._others(sites)
        parameters = []
        for row, (contig, pos, ref, names_of_alts, likeliest) in enumerate(
            zip(*(sites[name].to_pylist() for name in names), strict=True)
        ):
            use_likeliest = likeliest and None not in likeliest and not self.priors.default_to_allele_count
            own = refinement.AlleleCounts(
                place=f"{contig}:{pos}",
                ref=ref,
                alts=names_of_alts,
                counts=likeliest if use_likeliest else counts.of_alts(row),
                called=int(counts.called[row]),
            )
            known = others.get((contig, pos), ())
            parameters.append(refinement.pseudocounts(own, known, len(genotypes.samples), self.priors))
        return parameters

    def _others(self, sites: schema.Sites) -> dict[tuple[str, int], list[refinement.AlleleCounts]]:
        """The supporting records that begin where sites do."""
        keys = ("AC",) if self.priors and self.priors.default_to_allele_count else ("MLEAC", "AC")
        words = sites["contig"].unify_dictionaries().combine_chunks()
        firsts = np.flatnonzero(np.diff(schema.numbers(words.indices), prepend=-1)).tolist()
        others = defaultdict(list)
        for first, end in pairwise([*firsts, len(sites)]):
            contig = words[first].as_py()
            positions = np.unique(schema.numbers(sites["pos"].slice(first, end - first))).tolist()
            for url in self.supporting:
                for pos, ref, alts, counts, called in gvcf.read_known_counts(url, contig, positions, keys):
                    place = f"{url}: {contig}:{pos}"
                    others[contig, pos].append(refinement.AlleleCounts(place, ref, alts, counts, called))
        return others


@dataclass(frozen=True, kw_only=True)
class AlleleTotals:
    """How often each site's alleles are called.

    counts   by ALT, of all sites in a row
    offsets  (sites + 1,) int32
    called   (sites,) all alleles
    """

    counts: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int32]
    called: npt.NDArray[np.int64]

    @classmethod
    def of(cls, genotypes: GenotypeMatrix, alts: npt.NDArray[np.int32]) -> "AlleleTotals":
        """Of all samples' genotypes; alts (sites,) int32."""
        rows = GenotypeRows.of(genotypes.distinct)
        words, sites = max(len(rows.words), 1), len(alts)
        codes = rows.codes[genotypes.numbers] + np.arange(sites)[:, None] * words
        texts = np.bincount(codes.ravel(), minlength=sites * words).reshape(sites, words)
        most = int(alts.max(initial=0))
        of_word = np.zeros((words, most + 1), np.int64)
        for word, alleles in enumerate(rows.alleles):
            np.add.at(of_word[word], [allele for allele in alleles if 0 <= allele <= most], 1)
        of_site = texts @ of_word
        offsets = np.concatenate([[0], np.cumsum(alts)]).astype(np.int32)
        is_alt = np.arange(most) < alts[:, None]
        return cls(counts=of_site[:, 1:][is_alt], offsets=offsets, called=of_site.sum(axis=1))

    def of_alts(self, site: int) -> list[int]:
        """AC of a site."""
        counts: list[int] = self.counts[self.offsets[site] : self.offsets[site + 1]].tolist()
        return counts

    def columns(self) -> dict[str, pa.Array]:
        """AC, AF and AN; none where there is no ALT, or nothing is called."""
        called = np.repeat(self.called, np.diff(self.offsets))
        frequencies = np.divide(self.counts, called, out=np.zeros(len(called)), where=called > 0)
        none = pa.array(np.diff(self.offsets) == 0)
        return {
            "AC": pa.ListArray.from_arrays(pa.array(self.offsets), self.counts.astype(np.int32), mask=none),
            "AF": pa.ListArray.from_arrays(pa.array(self.offsets), frequencies, mask=none),
            "AN": pa.array(self.called.astype(np.int32)),
        }


def _trios(url: str, names: Sequence[str]) -> tuple[refinement.TrioNames, ...]:
    """A pedigree's trios; children of larger families are named in a warning. Raises NoTrios, UnreadableFile."""
    pedigree = [(each.family, each.sample, each.father, each.mother) for each in samples.read_pedigree(url)]
    trios, others = refinement.trios_of(pedigree, names)
    if not trios:
        raise NoTrios(url)
    if others:
        _log.warning(
            "%s: %s not refined by their parents: their families have more than three samples, or are not named",
            url,
            shortened(others),
        )
    return trios
