"""One batch's genotypes at the sites put out, and its share of their annotations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes.alignment import Lines, line_up, places
from genocloud.genotypes.allele_specific import AlleleShares, Runs, allele_shares
from genocloud.kernels.calling import Calls, Evidence, call_sites
from genocloud.kernels.likelihoods import OWN, START
from genocloud.kernels.words import number_words
from genocloud.regions import Contig

RANKED = {
    "base_q_rank_sum": "BaseQRankSum",
    "clipping_rank_sum": "ClippingRankSum",
    "mq_rank_sum": "MQRankSum",
    "read_pos_rank_sum": "ReadPosRankSum",
    "mq": "MQ",
    "excess_het": "ExcessHet",
}
"""Columns of VARIANTS of which a site keeps the median, in the order of `Evidence.ranked`; what SITES calls them."""
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Shares:
    """What one batch adds to the annotations of the sites put out; adding is exact, in any order.

    totals   (sites, kernels.calling.TOTALS) int64; ac int64: called copies of each allele put out, REF too
    runs     sites x fields of RANKED: what the records say
    ids      (site, ID) pairs, sorted and distinct; samples: how many of the batch are in force
    alleles  the allele-specific part, where it was asked for
    """

    totals: npt.NDArray[np.int64]
    ac: npt.NDArray[np.int64]
    runs: Runs
    ids: tuple[tuple[int, str], ...]
    samples: int
    alleles: AlleleShares | None = None


def emitted(settled: pa.Table) -> pa.Table:
    """The rows of SETTLED that are put out."""
    return settled.filter(pc.is_null(settled["reason"])).combine_chunks()


def call(
    variants: pa.Table,
    blocks: pa.Table,
    samples: Sequence[str],
    ranks: npt.NDArray[np.int32],
    settled: pa.Table,
    contigs: Sequence[Contig],
    ploidies: npt.NDArray[np.int8],
    allele_specific: bool = False,
) -> tuple[pa.Table, Shares]:
    """Genotype one batch at the sites of SETTLED that are put out: (GENOTYPES, the batch's Shares).

    variants, blocks  rows of the shard's contig, sorted by (sample, start)
    samples, ranks    (samples of the batch,): names; int32 cohort ranks, -1 for samples that are not in force
    ploidies          (samples of the batch,) int8: how many `.` to write where a sample has no record at all
    allele_specific   whether the shares hold what the AS_ annotations need

    Sites in order, within each the batch's samples in force in the batch's order; sites x samples rows.
    """
    sites = emitted(settled)
    under = places(sites)
    lines = line_up(variants, blocks, ranks, under)
    kept_at, kept = _kept(sites)
    in_force = np.flatnonzero(ranks >= 0)
    evidence = _evidence(variants, lines)
    calls, totals, ac, *runs = call_sites(
        lines.facts,
        lines.pl,
        lines.own,
        evidence,
        lines.speaking,
        under.positions,
        under.alleles,
        under.stars,
        kept_at,
        kept,
        ploidies.astype(np.int64)[in_force],
        len(variants),
    )
    names = [samples[sample] for sample in in_force.tolist()]
    alleles = None
    if allele_specific:
        alleles = allele_shares(variants, lines, under, (kept_at, kept), calls, evidence, ranks[in_force])
    shares = Shares(totals, ac, Runs(*runs), _ids(variants, lines, under.positions), len(names), alleles)
    return _table(calls, variants, sites, names, contigs), shares


def _kept(sites: pa.Table) -> tuple[Array, Array]:
    """Merged numbers of the alleles put out, REF first: (offsets (sites + 1,) int64, numbers int64)."""
    lists, numbers = schema.ragged(sites["kept"])
    offsets = lists + np.arange(len(lists))
    kept = np.zeros(offsets[-1], np.int64)
    is_alt = np.ones(len(kept), bool)
    is_alt[offsets[:-1]] = False
    kept[is_alt] = numbers
    return offsets, kept


def _evidence(variants: pa.Table, lines: Lines) -> Evidence:
    gt_at, gt = schema.ragged(variants["gt"])
    ad_at, ad = schema.ragged(variants["ad"])
    raw_mq = np.stack([schema.numbers(variants[name]) for name in ("raw_mq", "raw_mq_dp")], axis=1)
    return Evidence(
        gt_at=gt_at,
        gt=np.array(gt),
        ad_at=ad_at,
        ad=np.array(ad),
        merged_at=lines.merged_at,
        merged=lines.merged,
        sb=_strands(variants["sb"]),
        raw_mq=raw_mq,
        ranked=np.stack([schema.numbers(variants[name]).astype(np.float32) for name in RANKED], axis=1),
    )


def _strands(column: pa.ChunkedArray) -> Array:
    """SB as (rows, 4) int32, MISSING where it is absent or has another length."""
    offsets, values = schema.ragged(column)
    out = np.full((len(column), 4), schema.MISSING)
    whole = np.flatnonzero(np.diff(offsets) == 4)
    out[whole] = values[offsets[whole][:, None] + np.arange(4)]
    return out


def _ids(variants: pa.Table, lines: Lines, positions: Array) -> tuple[tuple[int, str], ...]:
    """IDs of the records that speak where they start."""
    named = np.flatnonzero(variants["id"].is_valid().to_numpy())
    if not len(named):
        return ()
    speaks = np.zeros(len(lines.facts) + 1, bool)
    speaks[lines.speaking] = True
    named = named[speaks[named] & (lines.facts[named, OWN] >= 0)]
    sites = np.searchsorted(positions, lines.facts[named, START])
    return tuple(sorted(set(zip(sites.tolist(), variants["id"].take(named).to_pylist(), strict=True))))


def _table(
    calls: Calls, variants: pa.Table, sites: pa.Table, names: Sequence[str], contigs: Sequence[Contig]
) -> pa.Table:
    numbers = pa.array(calls.numbers.ravel())
    contig = contigs[sites["contig"][0].as_py()].name if len(sites) else ""
    distinct = (
        _genotypes(calls),
        _lists(calls.ad_at, calls.ad),
        schema.nullable(calls.dp, schema.INT32),
        schema.nullable(calls.gq, schema.INT32),
        _copied_phase(calls, variants["pgt"]),
        _copied(calls, variants["pid"]),
        _lists(calls.pl_at, calls.pl),
        _positions(calls, variants["ps"]),
    )
    return pa.table(
        [
            _words(np.zeros(len(numbers), np.int32), [contig]),
            np.repeat(schema.numbers(sites["start"]) + np.int32(1), len(names)),
            _words(np.tile(np.arange(len(names), dtype=np.int32), len(sites)), list(names)),
            *(column.take(numbers) for column in distinct),
        ],
        schema.GENOTYPES,
    )


def _words(numbers: Array, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers < 0), pa.array(words, pa.string()))


def _genotypes(calls: Calls) -> pa.DictionaryArray:
    """GT as words: phase is made part of each genotype, as a last allele number of its own, and taken off again."""
    offsets = calls.gt_at + np.arange(len(calls.gt_at))
    marked = np.empty(offsets[-1], np.int8)
    is_mark = np.zeros(len(marked), bool)
    is_mark[offsets[1:] - 1] = True
    marked[is_mark], marked[~is_mark] = calls.phased, calls.gt
    numbers, firsts = number_words(offsets, marked)
    return _words(numbers, [_genotype(marked[offsets[first] : offsets[first + 1]].tolist()) for first in firsts])


def _genotype(marked: list[int]) -> str:
    *alleles, phased = marked
    return "/|"[phased].join("." if allele < 0 else str(allele) for allele in alleles)


def _lists(offsets: Array, values: Array) -> pa.ListArray:
    """Slices of values as lists; an empty one is null. Missing values become null entries."""
    empty = pa.array(offsets[1:] == offsets[:-1])
    entries = schema.nullable(values, schema.INT32)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), entries, mask=empty)


def _copied(calls: Calls, column: pa.ChunkedArray) -> pa.DictionaryArray:
    words = column.combine_chunks().dictionary_encode()
    numbers = np.append(schema.numbers(words.indices), schema.MISSING)[calls.row]
    return _words(np.maximum(numbers, -1), words.dictionary.to_pylist())


def _copied_phase(calls: Calls, column: pa.ChunkedArray) -> pa.DictionaryArray:
    """PGT; GATK writes `1|1` at hom-var genotypes that have one."""
    words = _copied(calls, column)
    numbers = np.where(words.indices.is_valid(), words.indices.fill_null(-1), -1)
    dictionary = words.dictionary.to_pylist()
    both = dictionary.index("1|1") if "1|1" in dictionary else len(dictionary)
    numbers = np.where(calls.homozygous & (numbers >= 0), both, numbers).astype(np.int32)
    return _words(numbers, dictionary + ["1|1"] * (both == len(dictionary)))


def _positions(calls: Calls, column: pa.ChunkedArray) -> pa.Array:
    return schema.nullable(np.append(schema.numbers(column), schema.MISSING)[calls.row].astype(np.int32), schema.INT32)
