"""Genotypes refined by their site's allele counts: each distinct pair of a genotype and a site's priors once."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import refinement, schema
from genocloud.callset import GenotypeMatrix, take_rows
from genocloud.pipeline.refining.genotype_rows import GenotypeRows, joined

_VALUES = 1 << 22
"""Posteriors that are computed at once."""


def refine_by_priors(genotypes: GenotypeMatrix, priors: "SitePriors") -> GenotypeMatrix:
    """Diploid genotypes with likelihoods at sites with ALTs by their posteriors; others stay as they are."""
    rows = GenotypeRows.of(genotypes.distinct)
    refined = (_likelihoods(rows)[genotypes.numbers] == priors.states[:, None]) & (priors.states > 1)[:, None]
    pairs = genotypes.numbers + np.where(refined, (priors.of_site[:, None] + 1) * len(rows), 0)
    kinds, which = np.unique(pairs.astype(np.int64), return_inverse=True)
    prior, row = np.divmod(kinds, max(len(rows), 1))
    prior -= 1
    first, has_pl = int(np.searchsorted(prior, 0)), rows.known > 0
    tables = [take_rows(rows.table.combine_chunks(), row[:first].astype(np.int32))]
    place = np.arange(len(kinds))
    for number, some in _alike(priors.log10, prior, first):
        place[some] = sum(map(len, tables)) + np.arange(len(some))
        log10 = _log10(rows, row[some], number) + _stacked(priors.log10, prior[some])
        called = refinement.call(refinement.normalised(log10))
        # GATK calls who has only a trio's PP, hardly likelier REF alone or not
        called = called._replace(no_call=called.no_call & has_pl[row[some]])
        tables.append(rows.called(row[some], called))
    numbers = place[which.reshape(genotypes.numbers.shape)].astype(np.int32)
    return GenotypeMatrix(genotypes.samples, joined(tables), numbers)


class SitePriors:
    """The priors of sites' genotypes, each distinct vector once.

    log10    of diploid genotypes in VCF's order; where nothing is known all 1, as GATK has it, for the last bit
    of_site  (sites,) int64; which of them each site has
    states   (sites,) how many genotypes there are
    """

    def __init__(self, parameters: Sequence[tuple[float, ...] | None], alts: npt.NDArray[np.int32]) -> None:
        keys: dict[tuple[int, tuple[float, ...] | None], int] = {}
        self.log10: list[npt.NDArray[np.float64]] = []
        of_site = []
        for some, count in zip(parameters, (alts + 1).tolist(), strict=True):
            number = keys.setdefault((count, some), len(keys))
            if number == len(self.log10):
                flat = np.ones(count * (count + 1) // 2)
                self.log10.append(flat if some is None else refinement.genotype_priors(np.array([some]))[0])
            of_site.append(number)
        self.of_site = np.array(of_site, np.int64)
        self.states = np.array([len(each) for each in self.log10], np.int64)[self.of_site] if of_site else alts

    def phred(self) -> pa.ListArray:
        """Of each site, as PG has them."""
        lists = pa.array([refinement.phred(each).tolist() for each in self.log10], schema.INTS)
        return lists.take(pa.array(self.of_site))


def _likelihoods(rows: GenotypeRows) -> npt.NDArray[np.int64]:
    """How many PP, or else PL, each row has to be refined by: none if it is not diploid, if fewer than two are known,
    or if its PL is 0 throughout for want of reads. Source: PosteriorProbabilitiesUtils.hasRealLikelihoods (GATK
    4.6.2.0).
    """
    (offsets, values), known = rows.pl, rows.known
    some = np.concatenate([[0], np.cumsum(values > 0)])
    empty = (some[offsets[1:]] == some[offsets[:-1]]) & (schema.numbers(rows.table["DP"]) == 0)
    empty |= known < 2
    likelihoods, posteriors = np.where(empty, 0, np.diff(offsets)), np.diff(rows.pp[0])
    return np.where(rows.is_diploid, np.where(posteriors > 0, posteriors, likelihoods), 0)


def _alike(
    log10: Sequence[npt.NDArray[np.float64]], prior: npt.NDArray[np.int64], first: int
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Pairs from `first` on with as many genotypes each, not too many at once: this number, and which pairs."""
    states = np.array([len(each) for each in log10], np.int64)[prior[first:]] if log10 else prior[first:]
    for number in np.unique(states).tolist():
        some, step = first + np.flatnonzero(states == number), max(_VALUES // number, 1)
        for start in range(0, len(some), step):
            yield number, some[start : start + step]


def _log10(rows: GenotypeRows, row: npt.NDArray[np.int64], states: int) -> npt.NDArray[np.float64]:
    """log10 likelihoods: PP where it is, else PL; -inf of genotypes whose PL is not known, which are not chosen."""
    out = np.empty((len(row), states))
    refined = np.diff(rows.pp[0])[row] > 0
    for which, (offsets, values) in ((refined, rows.pp), (~refined, rows.pl)):
        some = values[offsets[row[which], None] + np.arange(states)]
        out[which] = np.where(some == schema.MISSING, -np.inf, some / -10.0)
    return out


def _stacked(log10: Sequence[npt.NDArray[np.float64]], prior: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The priors of pairs that have as many genotypes each."""
    kinds, which = np.unique(prior, return_inverse=True)
    return np.asarray(np.stack([log10[kind] for kind in kinds.tolist()])[which])
