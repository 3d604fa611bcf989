"""How often the alleles of sites are called in some samples: AC, AF and AN of a subset of them."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.genotype_text import allele_numbers_of
from genocloud.kernels.cell_runs import CellRuns

_Ints = npt.NDArray[np.int64]

COUNTED = "AC", "AF", "AN"
"""The columns of SITES that follow from genotypes alone, and so can be those of a subset."""


class CalledAlleles(NamedTuple):
    """Called alleles at some sites, exact whatever the samples' grouping.

    called  (sites,) all of them
    counts  (ALTs,) of these each ALT's, site after site
    alts    (sites,) int32; the number of ALTs of each site
    """

    called: _Ints
    counts: _Ints
    alts: npt.NDArray[np.int32]

    @classmethod
    def none(cls, alts: npt.NDArray[np.int32]) -> "CalledAlleles":
        """Those of no sample."""
        return cls(np.zeros(len(alts), np.int64), np.zeros(int(alts.sum()), np.int64), alts)

    @classmethod
    def of(cls, genotypes: SparseGenotypes) -> "CalledAlleles":
        """Those of some samples, of whose genotypes GT is needed."""
        words = genotypes.distinct["GT"].unify_dictionaries().combine_chunks()
        alleles = [called_numbers(text) for text in words.dictionary.to_pylist()]
        codes, runs = schema.numbers(words.indices), genotypes.runs
        number_of = np.array([len(each) for each in alleles], np.int64)[codes]
        starts = np.cumsum(genotypes.alts, dtype=np.int64) - genotypes.alts
        out = cls.none(genotypes.alts)
        called = _along(runs, number_of, len(genotypes.alts))
        for copy in range(max(map(len, alleles), default=0)):
            of_word = np.array([each[copy] if copy < len(each) else 0 for each in alleles], np.int64)
            site, allele = _cells(runs, of_word[codes])
            out.counts[:] += np.bincount(starts[site] + allele - 1, minlength=len(out.counts))
        return out._replace(called=called)

    def plus(self, more: Iterable["CalledAlleles"]) -> "CalledAlleles":
        """With those of other samples at the same sites."""
        called, counts = self.called.copy(), self.counts.copy()
        for each in more:
            called += each.called
            counts += each.counts
        return CalledAlleles(called, counts, self.alts)

    def columns(self) -> schema.Sites:
        """COUNTED; null where there is no ALT. AF of no called allele is 0.

        Source: htsjdk VariantContextUtils.calculateChromosomeCounts.
        """
        offsets = pa.array(np.append(0, np.cumsum(self.alts)).astype(np.int32))
        called, none = np.repeat(self.called, self.alts), self.alts == 0
        shares = np.divide(self.counts, called, out=np.zeros(len(called)), where=called > 0)
        columns = {
            "AC": pa.ListArray.from_arrays(offsets, pa.array(self.counts.astype(np.int32)), mask=pa.array(none)),
            "AF": pa.ListArray.from_arrays(offsets, pa.array(shares), mask=pa.array(none)),
            "AN": pa.array(self.called.astype(np.int32), mask=none),
        }
        return pa.table(columns)


def called_numbers(text: str) -> list[int]:
    """The numbers of the called alleles of a GT."""
    return [number for number in allele_numbers_of(text) if number >= 0]


def _along(runs: CellRuns, values: _Ints, sites: int) -> _Ints:
    """The sum of the values of each site's genotypes: what a run adds at its first site goes off behind its last."""
    weights = values[runs.numbers]
    steps = np.bincount(runs.firsts, weights, sites + 1) - np.bincount(runs.stops, weights, sites + 1)
    return np.rint(np.cumsum(steps[:sites])).astype(np.int64)


def _cells(runs: CellRuns, alleles: _Ints) -> tuple[_Ints, _Ints]:
    """Site and allele of each cell whose genotype has an ALT here; such runs are short. alleles: (genotypes,)."""
    with_alt = np.flatnonzero(alleles[runs.numbers] > 0)
    firsts = runs.firsts[with_alt].astype(np.int64)
    lengths = runs.stops[with_alt] - firsts
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(firsts, lengths) + within, np.repeat(alleles[runs.numbers[with_alt]], lengths)
