"""The cohort's estimates in rounds: of each source of samples, only sums over its samples cross to who estimates.

started = [start(summary, alleles, model) for each source]           at the sources
rounds = Estimating(alleles, started, model)                         at the coordinator
while (question := rounds.question) is not None:
    rounds.answered([answer(summary, alleles, question, model) for each source])
rounds.estimates()                                                   as `estimate` gives them, bit for bit
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.aligned_rows import Places, places
from genocloud.genotypes.estimation import allele_offsets, can_be_genotyped, pseudocounts, tabulate
from genocloud.genotypes.likelihood_counts import LikelihoodCounts
from genocloud.genotypes.model import Model
from genocloud.kernels import frequencies
from genocloud.kernels.fixed_point import UNIT, sums_of

Array = npt.NDArray[Any]


def start(summary: LikelihoodCounts, alleles: pa.Table, model: Model) -> pa.Table:
    """What a source says unasked of a shard's sites, those of ALLELES: STARTS, a row a site."""
    sites = places(alleles)
    at, most = allele_offsets(sites), model.max_alternate_alleles
    known, chromosomes, copies, gains = frequencies.start_sites(
        summary.site_offsets, summary.offsets, summary.values, summary.counts, summary.totals, at, most
    )
    crowded, alts = np.repeat(_crowded(sites, model), sites.alleles), _alts(at)
    columns = [known, chromosomes, _lists(at, alts & ~crowded, copies), _lists(at, alts & crowded, gains)]
    return _table(schema.STARTS, *columns)


def answer(summary: LikelihoodCounts, alleles: pa.Table, question: pa.Table, model: Model) -> pa.Table:
    """What a source says to QUESTIONS about a shard's sites, those of ALLELES: ANSWERS, a row a question.

    Nothing is kept between questions: any worker that has the source's Summary may answer.
    """
    sites = places(alleles)
    asked = _asked_in(question, sites)
    copies, words = frequencies.answer_sites(
        summary.site_offsets,
        summary.offsets,
        summary.values,
        summary.counts,
        allele_offsets(sites),
        pseudocounts(sites, model),
        sites.stars,
        model.max_alternate_alleles,
        asked.site,
        asked.last,
        asked.at,
        asked.chosen,
        asked.copies,
        asked.even,
    )
    high, low = (_lists(asked.at, asked.wants_words, words[:, n]) for n in range(2))
    return _table(schema.ANSWERS, _lists(asked.at, asked.wants_copies, copies), high, low)


class Estimating:
    """The estimate of a shard (ALLELES) whose samples are in several sources; their order does not matter."""

    def __init__(self, alleles: pa.Table, starts: Sequence[pa.Table], model: Model) -> None:
        """`starts` is what `start` gave for each source."""
        self._alleles, self._model, self._sites = alleles, model, places(alleles)
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
        self._asked = _everything(at, taken)
        self._advance(copies[taken], ~_crowded(self._sites, model)[self._asked.site])

    @property
    def question(self) -> pa.Table | None:
        """What the sources are to answer: QUESTIONS, all sites that are still open; None at the end."""
        asked = self._asked
        if not len(asked.site):
            return None
        crowded = _crowded(self._sites, self._model)[asked.site]
        named, told = (asked.alts & np.repeat(rows, np.diff(asked.at)) for rows in (crowded, ~asked.even))
        lists = _lists(asked.at, named, asked.chosen), _lists(asked.at, told, asked.copies)
        return _table(schema.QUESTIONS, asked.site, asked.last, self._chromosomes[asked.site], *lists)

    def answered(self, answers: Sequence[pa.Table]) -> None:
        """Take every source's answer to the question, and put the next one."""
        asked, last = self._asked, self._asked.last
        words, copies = np.zeros((len(asked.chosen), 2), np.int64), np.zeros(len(asked.chosen), np.int64)
        words[asked.wants_words] = np.stack([_added(answers, name) for name in ("high", "low")], axis=1)
        copies[asked.wants_copies] = _added(answers, "copies")
        self._close(asked.only(last), words[np.repeat(last, np.diff(asked.at))])
        self._asked = asked.only(~last)
        self._advance(copies[np.repeat(~last, np.diff(asked.at))], np.ones(len(self._asked.site), bool))

    def estimates(self) -> pa.Table:
        """ESTIMATES, once there is no question any more: those of `estimate` with all sources' summaries."""
        return tabulate(self._alleles, self._known, self._variant, self._absent, self._copies, self._model)

    def _best(self, crowded: Array, gains: Array) -> Array:
        """Which alleles go into the EM: (alleles,) bool; arguments by allele."""
        best, scores = np.ones(len(crowded), bool), sums_of(gains[:, 0], gains[:, 1])
        for begin, end in zip(self._at[:-1], self._at[1:], strict=True):
            if crowded[begin]:
                chosen = frequencies.best_alleles(scores[begin:end], self._model.max_alternate_alleles)
                best[begin:end] = np.isin(np.arange(end - begin), chosen)
        return best

    def _advance(self, copies: Array, told: Array) -> None:
        """Ask on with the copies that were told, (chosen alleles,) int64, of some questions, (questions,) bool."""
        asked = self._asked
        refs, widths = asked.at[:-1], np.diff(asked.at)
        copies = np.where(np.repeat(told, widths), copies, 0)
        _add_refs(copies, asked.at, self._chromosomes[asked.site])
        moved = np.maximum.reduceat(np.abs(copies - asked.copies), refs) if len(refs) else refs
        last = told & ~(moved / UNIT > frequencies.STOP)
        self._asked = replace(
            asked, last=last, even=asked.even & ~told, copies=np.where(np.repeat(told, widths), copies, 0)
        )

    def _close(self, asked: "_Asked", words: Array) -> None:
        """Keep what is known in the end of some sites."""
        variant, absent = frequencies.absences(words, asked.at, asked.chosen, self._sites.stars[asked.site])
        places = np.repeat(self._at[asked.site], np.diff(asked.at)) + asked.chosen
        self._variant[asked.site], self._absent[places] = variant, absent
        self._copies[places] = asked.copies / UNIT


@dataclass(frozen=True, slots=True)
class _Asked:
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
        """Which chosen alleles are ALTs: (chosen alleles,) bool."""
        return _alts(self.at)

    @property
    def wants_copies(self) -> Array:
        """Of which chosen alleles copies are told."""
        return np.asarray(self.alts & ~np.repeat(self.last, np.diff(self.at)))

    @property
    def wants_words(self) -> Array:
        """Of which chosen alleles absence is told: REF's stands for all, and where there is one ALT only this is."""
        widths = np.diff(self.at)
        return np.asarray(np.repeat(self.last, widths) & (self.alts | np.repeat(widths > 2, widths)))

    def only(self, rows: Array) -> "_Asked":
        """Some of the questions."""
        widths = np.diff(self.at)
        entries, at = np.repeat(rows, widths), _offsets(widths[rows])
        return _Asked(self.site[rows], self.last[rows], self.even[rows], at, self.chosen[entries], self.copies[entries])


def _everything(at: Array, taken: Array) -> _Asked:
    """The question for copies at even frequencies about all sites; taken (alleles,) bool: some, or none, of each."""
    widths = np.diff(_offsets(taken)[at])
    site = np.flatnonzero(widths)
    number = np.arange(at[-1]) - np.repeat(at[:-1], np.diff(at))
    nothing, chosen = np.zeros(len(site), bool), number[taken]
    return _Asked(site, nothing, ~nothing, _offsets(widths[site]), chosen, np.zeros(len(chosen), np.int64))


def _asked_in(question: pa.Table, sites: Places) -> _Asked:
    """The reverse of `Estimating.question`."""
    site = schema.numbers(question["site"]).astype(np.int64)
    (named_at, named), (told_at, told) = (schema.ragged(question[name]) for name in ("chosen", "copies"))
    crowded, even = np.diff(named_at) > 0, np.diff(told_at) == 0
    widths = np.where(crowded, np.diff(named_at) + 1, sites.alleles[site])
    at = _offsets(widths)
    chosen, copies = np.arange(at[-1]) - np.repeat(at[:-1], widths), np.zeros(at[-1], np.int64)
    chosen[_alts(at) & np.repeat(crowded, widths)] = named
    copies[_alts(at) & ~np.repeat(even, widths)] = told
    _add_refs(copies, at, schema.numbers(question["chromosomes"]))
    return _Asked(site, np.array(schema.numbers(question["last"])), even, at, chosen, copies)


def _crowded(sites: Places, model: Model) -> Array:
    """Which sites have more ALTs than go into the EM: (sites,) bool."""
    return np.asarray(sites.alleles > model.max_alternate_alleles + 1)


def _alts(at: Array) -> Array:
    """Which alleles are ALTs; at: the sites' slices of the alleles, REF first."""
    out = np.ones(at[-1], bool)
    out[at[:-1]] = False
    return out


def _add_refs(copies: Array, at: Array, chromosomes: Array) -> None:
    """Set REF's copies, 0 as yet, from the others'; that sums over many sites wrap around does not matter."""
    sums = _offsets(copies)[at]
    copies[at[:-1]] = chromosomes * np.int64(UNIT) - np.diff(sums)


def _added(tables: Sequence[pa.Table], name: str) -> Array:
    """The sum of a column of lists over all sources' tables: (entries,) int64."""
    return np.asarray(np.sum([schema.ragged(each[name])[1] for each in tables], axis=0, dtype=np.int64))


def _lists(at: Array, told: Array, values: Array) -> pa.ListArray:
    """The rows that are told, (n,) bool, of values, by the slices to which they belong."""
    offsets = _offsets(told)[at] * values[:1].size
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values[told].ravel()))


def _table(kind: pa.Schema, *columns: Any) -> pa.Table:
    arrays = [column if isinstance(column, pa.Array) else pa.array(column) for column in columns]
    return pa.table([array.cast(field.type) for array, field in zip(arrays, kind, strict=True)], kind)


def _offsets(lengths: Array) -> Array:
    return np.concatenate([[0], np.cumsum(lengths)])
