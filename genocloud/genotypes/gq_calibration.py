"""GQ as measured on truth: a table of how often genotypes are wrong, the map that follows from it, and its use.

counts = count_wrong(kinds, gq, wrong)        of genotypes whose truth is known
table  = fitted(counts)                       what each GQ becomes, by kind
text   = map_text(table)                      as a model has it; mapped(text, kinds, gq) applies it
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import SettingError
from genocloud.kernels.called_genotypes import Calls

Array = npt.NDArray[Any]

KINDS = ("ref", "het_snp", "het_indel", "hom_snp", "hom_indel")
"""Of genotypes: REF alone; two different alleles; one ALT alone. Indels are records with an ALT of another length."""

GQS = 100
"""GQ from 0 to 99, the largest that callers write. 0 stays 0: it says that nothing is known."""

PRIOR_WRONG = 0.1, 1.0
"""Wrong genotypes that the prior of a GQ weighs; the larger share counts, so that a GQ falls on less evidence than it
rises on: none wrong of many says little of how few there are."""

_NO_KIND = -1


class BadCalibration(SettingError):
    """A table of GQ that is none, or not ascending."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"gq-calibration: {problem}; give a table with the columns kind ({', '.join(KINDS)}), gq and calibrated"
        )


def count_wrong(kinds: Array, gq: Array, wrong: Array) -> npt.NDArray[np.int64]:
    """Genotypes and the wrong ones among them, by kind and GQ: (KINDS, GQS, 2) int64.

    kinds  (genotypes,) places in KINDS;  gq (genotypes,) int, phred;  wrong (genotypes,) bool
    """
    out = np.zeros((len(KINDS), GQS, 2), np.int64)
    np.add.at(out, (kinds, np.clip(gq, 0, GQS - 1)), np.stack([np.ones(len(wrong)), wrong], axis=1).astype(np.int64))
    return out


def fitted(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """What each GQ becomes: (KINDS, GQS) int32, phred, ascending in GQ.

    counts  (KINDS, GQS, 2), as of `count_wrong`

    GQ q predicts a share of 10^(-q/10) wrong. Seen shares are made to descend by isotonic regression (pool adjacent
    violators), and to a pool's genotypes are added, for each GQ, those that predict PRIOR_WRONG wrong ones, with these:
    a GQ that is right, or of which few genotypes are seen, keeps its value (Gamma prior whose mean is the prediction).
    Where a GQ would then become more than a larger one does, it becomes as much.
    """
    out = np.tile(np.arange(GQS, dtype=np.int32), (len(KINDS), 1))
    predicted = 10 ** (np.arange(1, GQS) / 10)
    for kind, seen in enumerate(counts):
        genotypes, wrong = _pooled(*seen[1:].T)
        shares = np.max([(wrong + prior) / (genotypes + prior * predicted) for prior in PRIOR_WRONG], axis=0)
        becomes = np.clip(np.rint(-10 * np.log10(shares)), 1, GQS - 1)
        out[kind, 1:] = np.minimum.accumulate(becomes[::-1])[::-1]
    return out


def _pooled(genotypes: Array, wrong: Array) -> tuple[Array, Array]:
    """Genotypes and wrong ones of each GQ's pool: neighbours together until shares descend; 0 where none is seen."""
    pools: list[list[int]] = []  # genotypes, wrong, how many GQs
    places = np.flatnonzero(genotypes)
    for each in places.tolist():
        pool = [int(genotypes[each]), int(wrong[each]), 1]
        while pools and pools[-1][1] * pool[0] <= pool[1] * pools[-1][0]:
            pool = [own + before for own, before in zip(pool, pools.pop(), strict=True)]
        pools.append(pool)
    out = np.zeros((2, len(genotypes)), np.int64)
    out[:, places] = np.repeat([pool[:2] for pool in pools], [pool[2] for pool in pools], axis=0).reshape(-1, 2).T
    return out[0], out[1]


def map_text(table: npt.NDArray[np.int32]) -> str:
    """The entries that change GQ, as `het_snp:12-19=9,20=15;hom_snp:3=1`; empty for none.

    table  (KINDS, GQS), as of `fitted`. Raises BadCalibration for one that does not ascend.
    """
    if (np.diff(table, axis=1) < 0).any():
        raise BadCalibration("a larger GQ becomes a smaller one")
    if (table[:, 0] != 0).any() or (table[:, 1:] < 1).any() or (table >= GQS).any():
        raise BadCalibration(f"GQ 0 stays 0, others become 1 to {GQS - 1}")
    texts = {kind: ",".join(_runs(row)) for kind, row in zip(KINDS, table.tolist(), strict=True)}
    return ";".join(f"{kind}:{text}" for kind, text in texts.items() if text)


def _runs(row: list[int]) -> list[str]:
    """Stretches of GQ that become one other GQ."""
    out: list[str] = []
    gq = 0
    while gq < GQS:
        end = gq + 1
        while end < GQS and row[end] == row[gq]:
            end += 1
        if row[gq:end] != list(range(gq, end)):
            out.append(f"{gq}={row[gq]}" if end == gq + 1 else f"{gq}-{end - 1}={row[gq]}")
        gq = end
    return out


def map_of(text: str) -> npt.NDArray[np.int32]:
    """The inverse of `map_text`: (KINDS, GQS) int32."""
    out = np.tile(np.arange(GQS, dtype=np.int32), (len(KINDS), 1))
    for part in filter(None, text.split(";")):
        kind, _, runs = part.partition(":")
        for run in runs.split(","):
            span, _, becomes = run.partition("=")
            first, _, last = span.partition("-")
            out[KINDS.index(kind), int(first) : int(last or first) + 1] = int(becomes)
    return out


def map_from_rows(rows: list[dict[str, str]]) -> npt.NDArray[np.int32]:
    """From rows of a table with kind, gq and calibrated; a GQ without a row keeps its value. Raises BadCalibration."""
    out = np.tile(np.arange(GQS, dtype=np.int32), (len(KINDS), 1))
    for row in rows:
        try:
            kind, gq, becomes = KINDS.index(row["kind"]), int(row["gq"]), int(row["calibrated"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadCalibration(f"a row that cannot be read ({error})") from error
        if not 0 <= gq < GQS:
            raise BadCalibration(f"GQ {gq} is not from 0 to {GQS - 1}")
        out[kind, gq] = becomes
    return out


def mapped(text: str, kinds: Array, gq: Array) -> Array:
    """GQ by a map's text: (genotypes,); those of no kind, MISSING, or above 99 where that stays, keep theirs.

    kinds  (genotypes,) places in KINDS, -1 for none;  gq (genotypes,) int32, phred
    """
    known = (kinds != _NO_KIND) & (gq >= 0)
    capped = np.clip(gq, 0, GQS - 1)
    becomes = map_of(text)[kinds, capped]
    return np.where(known & (becomes != capped), becomes, gq).astype(gq.dtype)


def kinds_of(calls: Calls, indels: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The place in KINDS of each distinct genotype, -1 for one that is not called: (genotypes,).

    indels  (variants,) bool: records with an ALT of another length than REF; calls.row are places in it
    """
    owner = np.repeat(np.arange(len(calls.gt_at) - 1), np.diff(calls.gt_at))
    first = calls.gt[calls.gt_at[:-1]]
    uncalled, other = (np.bincount(owner, mask, len(first)) > 0 for mask in (calls.gt < 0, calls.gt != first[owner]))
    indel = np.append(indels, False)[calls.row]
    kinds = np.where(other, 1, 3) + indel
    return np.where(uncalled, _NO_KIND, np.where(~other & (first == 0), 0, kinds)).astype(np.int64)
