"""Federated EM: the cohort's estimates from sums over each source's samples, exchanged in rounds.

starts = [initial_sums(summary, alleles, model) for each source]     at the sources
em = FederatedEM(alleles, starts, model)                             at the coordinator
while (questions := em.questions) is not None:
    em.add_answers([answer_questions(summary, alleles, questions, model) for each source])
em.estimates()                                                       equal to `estimate`, bit for bit
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.aligned_rows import SiteArrays, site_arrays
from genocloud.genotypes.estimation import EstimatedArrays, allele_offsets, can_be_genotyped, pseudocounts, tabulate
from genocloud.genotypes.likelihood_counts import LikelihoodCounts
from genocloud.genotypes.model import Model
from genocloud.kernels import frequencies, key_vectors, site_estimates
from genocloud.kernels.fixed_point import UNIT, sums_of

Array = npt.NDArray[Any]


def initial_sums(summary: LikelihoodCounts, alleles: schema.Alleles, model: Model) -> schema.InitialSums:
    """A source's sums for the first round, one row for each site of ALLELES: STARTS."""
    sites = site_arrays(alleles)
    at, most = allele_offsets(sites), model.max_alternate_alleles
    known, chromosomes, copies, gains = site_estimates.start_sites(
        summary.track, summary.site_keys, summary.totals, at, most
    )
    crowded, alts = np.repeat(_crowded(sites, model), sites.alleles), _alts(at)
    columns = [known, chromosomes, _lists(at, alts & ~crowded, copies), _lists(at, alts & crowded, gains)]
    return _table(schema.STARTS, *columns)


def answer_questions(
    summary: LikelihoodCounts, alleles: schema.Alleles, questions: schema.Questions, model: Model
) -> schema.Answers:
    """A source's sums for QUESTIONS about sites of ALLELES, one row for each question: ANSWERS.

    No state is kept between rounds: any worker that has the source's LikelihoodCounts can answer.
    """
    sites = site_arrays(alleles)
    arrays = _questions_of(questions, sites)
    copies, words = site_estimates.answer_sites(
        summary.track,
        summary.site_keys,
        allele_offsets(sites),
        pseudocounts(sites, model),
        sites.stars,
        model.max_alternate_alleles,
        arrays.site,
        arrays.last,
        arrays.at,
        arrays.chosen,
        arrays.copies,
        arrays.even,
    )
    high, low = (_lists(arrays.at, arrays.wants_words, words[:, n]) for n in range(2))
    return _table(schema.ANSWERS, _lists(arrays.at, arrays.wants_copies, copies), high, low)


class FederatedEM:
    """The coordinator's side of the EM for one shard (ALLELES); the order of the sources does not matter."""

    def __init__(self, alleles: schema.Alleles, starts: Sequence[schema.InitialSums], model: Model) -> None:
        """`starts`: the result of `initial_sums` for each source."""
        self._alleles, self._model, self._sites = alleles, model, site_arrays(alleles)
        self._at = at = allele_offsets(self._sites)
        self._known = np.bitwise_or.reduce([schema.numbers(each["known"]) for each in starts])
        self._chromosomes = np.sum([schema.numbers(each["chromosomes"]) for each in starts], axis=0)
        self._variant = np.zeros(len(alleles))
        self._absent, self._copies = np.full((2, at[-1]), np.nan)
        crowded = np.repeat(_crowded(self._sites, model), self._sites.alleles)
        copies, gains = np.zeros(at[-1], np.int64), np.zeros((at[-1], 2), np.int64)
        copies[_alts(at) & ~crowded] = _added(starts, "copies")
        gains[_alts(at) & crowded] = _added(starts, "gains").reshape(-1, 2)
        taken = np.repeat(can_be_genotyped(self._known), self._sites.alleles) & self._best(crowded, gains)
        self._pending = _first_questions(at, taken)
        self._advance(copies[taken], ~_crowded(self._sites, model)[self._pending.site])

    @property
    def questions(self) -> schema.Questions | None:
        """QUESTIONS for the next round: all sites that are still open; None at the end."""
        pending = self._pending
        if not len(pending.site):
            return None
        crowded = _crowded(self._sites, self._model)[pending.site]
        with_choice, with_copies = (
            pending.alts & np.repeat(rows, np.diff(pending.at)) for rows in (crowded, ~pending.even)
        )
        lists = _lists(pending.at, with_choice, pending.chosen), _lists(pending.at, with_copies, pending.copies)
        return _table(schema.QUESTIONS, pending.site, pending.last, self._chromosomes[pending.site], *lists)

    def add_answers(self, answers: Sequence[schema.Answers]) -> None:
        """Add the sources' ANSWERS and make the next QUESTIONS."""
        pending, last = self._pending, self._pending.last
        words, copies = np.zeros((len(pending.chosen), 2), np.int64), np.zeros(len(pending.chosen), np.int64)
        words[pending.wants_words] = np.stack([_added(answers, name) for name in ("high", "low")], axis=1)
        copies[pending.wants_copies] = _added(answers, "copies")
        self._close(pending.only(last), words[np.repeat(last, np.diff(pending.at))])
        self._pending = pending.only(~last)
        self._advance(copies[np.repeat(~last, np.diff(pending.at))], np.ones(len(self._pending.site), bool))

    def estimates(self) -> schema.Estimates:
        """ESTIMATES, when `questions` is None: those of `estimate` with all sources' summaries."""
        estimated = EstimatedArrays(self._known, self._variant, self._absent, self._copies)
        return tabulate(self._alleles, estimated, self._model)

    def _best(self, crowded: Array, gains: Array) -> Array:
        """Alleles that go into the EM: (alleles,) bool; arguments by allele."""
        best, scores = np.ones(len(crowded), bool), sums_of(gains[:, 0], gains[:, 1])
        for begin, end in zip(self._at[:-1], self._at[1:], strict=True):
            if crowded[begin]:
                chosen = key_vectors.best_alleles(scores[begin:end], self._model.max_alternate_alleles)
                best[begin:end] = np.isin(np.arange(end - begin), chosen)
        return best

    def _advance(self, copies: Array, has_copies: Array) -> None:
        """Set the next questions from copies, (chosen alleles,) int64, where `has_copies`, (questions,) bool."""
        pending = self._pending
        refs, widths = pending.at[:-1], np.diff(pending.at)
        copies = np.where(np.repeat(has_copies, widths), copies, 0)
        _add_refs(copies, pending.at, self._chromosomes[pending.site])
        moved = np.maximum.reduceat(np.abs(copies - pending.copies), refs) if len(refs) else refs
        last = has_copies & ~(moved / UNIT > frequencies.STOP)
        self._pending = replace(
            pending,
            last=last,
            even=pending.even & ~has_copies,
            copies=np.where(np.repeat(has_copies, widths), copies, 0),
        )

    def _close(self, closed: "_Questions", words: Array) -> None:
        """Store the final estimates of sites whose EM has ended."""
        variant, absent = site_estimates.absences(words, closed.at, closed.chosen, self._sites.stars[closed.site])
        indices = np.repeat(self._at[closed.site], np.diff(closed.at)) + closed.chosen
        self._variant[closed.site], self._absent[indices] = variant, absent
        self._copies[indices] = closed.copies / UNIT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Questions:
    """Questions as arrays.

    site (questions,) int64; last, even (questions,) bool
    at (questions + 1,) int64; slices of chosen and copies, int64, which have REF first
    """

    site: Array
    last: Array
    even: Array
    at: Array
    chosen: Array
    copies: Array

    @property
    def alts(self) -> Array:
        """Mask of the chosen alleles that are ALTs: (chosen alleles,) bool."""
        return _alts(self.at)

    @property
    def wants_copies(self) -> Array:
        """Mask of the chosen alleles whose expected copies are in the answer."""
        return np.asarray(self.alts & ~np.repeat(self.last, np.diff(self.at)))

    @property
    def wants_words(self) -> Array:
        """Mask of the chosen alleles whose absence is in the answer: each ALT, and, of several, REF for all of them."""
        widths = np.diff(self.at)
        return np.asarray(np.repeat(self.last, widths) & (self.alts | np.repeat(widths > 2, widths)))

    def only(self, rows: Array) -> "_Questions":
        """Some of the questions."""
        widths = np.diff(self.at)
        entries, at = np.repeat(rows, widths), _offsets(widths[rows])
        return _Questions(
            site=self.site[rows],
            last=self.last[rows],
            even=self.even[rows],
            at=at,
            chosen=self.chosen[entries],
            copies=self.copies[entries],
        )


def _first_questions(at: Array, taken: Array) -> _Questions:
    """The questions of the first round, at even frequencies; taken (alleles,) bool: the alleles in the EM."""
    widths = np.diff(_offsets(taken)[at])
    site = np.flatnonzero(widths)
    number = np.arange(at[-1]) - np.repeat(at[:-1], np.diff(at))
    nothing, chosen = np.zeros(len(site), bool), number[taken]
    return _Questions(
        site=site,
        last=nothing,
        even=~nothing,
        at=_offsets(widths[site]),
        chosen=chosen,
        copies=np.zeros(len(chosen), np.int64),
    )


def _questions_of(questions: schema.Questions, sites: SiteArrays) -> _Questions:
    """The reverse of `FederatedEM.questions`."""
    site = schema.numbers(questions["site"]).astype(np.int64)
    (named_at, named), (copies_at, copies_) = (schema.ragged(questions[name]) for name in ("chosen", "copies"))
    crowded, even = np.diff(named_at) > 0, np.diff(copies_at) == 0
    widths = np.where(crowded, np.diff(named_at) + 1, sites.alleles[site])
    at = _offsets(widths)
    chosen, copies = np.arange(at[-1]) - np.repeat(at[:-1], widths), np.zeros(at[-1], np.int64)
    chosen[_alts(at) & np.repeat(crowded, widths)] = named
    copies[_alts(at) & ~np.repeat(even, widths)] = copies_
    _add_refs(copies, at, schema.numbers(questions["chromosomes"]))
    return _Questions(
        site=site, last=np.array(schema.numbers(questions["last"])), even=even, at=at, chosen=chosen, copies=copies
    )


def _crowded(sites: SiteArrays, model: Model) -> Array:
    """Mask of the sites with more ALTs than go into the EM: (sites,) bool."""
    return np.asarray(sites.alleles > model.max_alternate_alleles + 1)


def _alts(at: Array) -> Array:
    """Mask of the ALTs; at: the sites' slices of the alleles, REF first."""
    out = np.ones(at[-1], bool)
    out[at[:-1]] = False
    return out


def _add_refs(copies: Array, at: Array, chromosomes: Array) -> None:
    """Set REF's copies, 0 so far, from the ALTs'; int64 overflow of the running sums cancels out."""
    sums = _offsets(copies)[at]
    copies[at[:-1]] = chromosomes * np.int64(UNIT) - np.diff(sums)


def _added(tables: Sequence[pa.Table], name: str) -> Array:
    """The sum of a column of lists over all sources' tables: (entries,) int64."""
    return np.asarray(np.sum([schema.ragged(each[name])[1] for each in tables], axis=0, dtype=np.int64))


def _lists(at: Array, mask: Array, values: Array) -> pa.ListArray:
    """The masked rows, (n,) bool, of values as lists, by the slices to which they belong."""
    offsets = _offsets(mask)[at] * values[:1].size
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values[mask].ravel()))


def _table(kind: pa.Schema, *columns: Any) -> pa.Table:
    arrays = [column if isinstance(column, pa.Array) else pa.array(column) for column in columns]
    return pa.table([array.cast(field.type) for array, field in zip(arrays, kind, strict=True)], kind)


def _offsets(lengths: Array) -> Array:
    return np.concatenate([[0], np.cumsum(lengths)])
