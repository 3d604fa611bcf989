"""A batch's likelihood counts and raw annotations as tables, one row for each site, to be stored and reused."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema
from genocloud.annotations import HISTOGRAMS, RAW
from genocloud.differences import folded, unfolded
from genocloud.genotypes.allele_specific import AlleleRawAnnotations
from genocloud.genotypes.likelihood_counts import LikelihoodCounts, select
from genocloud.genotypes.nonvariant import NonvariantRawAnnotations, in_order, is_nonvariant
from genocloud.genotypes.raw_annotations import RawAnnotations, sum_widths
from genocloud.genotypes.runs import Runs
from genocloud.kernels import nonvariant_genotypes
from genocloud.kernels.allele_specific_sums import SUMS
from genocloud.kernels.key_tracks import KeyTrack, SiteKeys, changes_of_rows, shortest_rows
from genocloud.kernels.stored_keys import pack_keys, unpack_keys

Array = npt.NDArray[Any]
SUMMARY_TOTALS = 3
"""Columns of `LikelihoodCounts.totals`."""
_RUNS = ("lengths", "counts", "values")


def summary_table(summary: LikelihoodCounts) -> schema.Summary:
    """SUMMARY: what changes from row to row; the first row has the keys that change."""
    track, site_keys = summary.track, summary.site_keys
    whole, at, keys, steps = shortest_rows(track)
    begins = at[:-1][np.diff(at) > 0]
    differences = np.diff(keys, prepend=np.int32(0))
    differences[begins] = keys[begins]
    first = np.arange(len(whole) + 1) > 0
    columns = {
        "key_lengths": _lists(first * (len(track.offsets) - 1), np.diff(track.offsets)),
        "key_values": _lists(first * len(track.values), pack_keys(track.offsets, track.values)),
        "whole": pa.array(whole),
        "numbers": _lists(at, differences),
        "steps": _lists(at, folded(steps)),
        "lengths": _lists(site_keys.at, np.diff(site_keys.offsets)),
        "values": _lists(site_keys.offsets[site_keys.at], pack_keys(site_keys.offsets, site_keys.values)),
        "counts": _lists(site_keys.at, site_keys.counts),
        "totals": _rows(summary.totals),
    }
    return pa.table([columns[field.name].cast(field.type) for field in schema.SUMMARY], schema.SUMMARY)


def summary_of(table: schema.Summary) -> LikelihoodCounts:
    """The reverse of `summary_table`."""
    (at, differences), (keys_at, lengths) = (schema.ragged(table[name]) for name in ("numbers", "lengths"))
    names = "key_lengths", "key_values", "steps", "values", "counts", "totals"
    key_lengths, key_values, steps, values, counts, totals = (np.array(schema.ragged(table[name])[1]) for name in names)
    sums = np.cumsum(differences, dtype=np.int64)
    keys = sums - np.repeat(np.append(0, sums)[at[:-1]], np.diff(at))
    key_offsets, offsets = _offsets(key_lengths), _offsets(lengths)
    key_values, values = unpack_keys(key_offsets, key_values), unpack_keys(offsets, values)
    rows = KeyTrack(key_offsets, key_values, at, keys.astype(np.int32), unfolded(steps))
    changes = changes_of_rows(np.array(schema.numbers(table["whole"])), rows)
    return LikelihoodCounts(
        track=KeyTrack(rows.offsets, rows.values, *changes),
        site_keys=SiteKeys(keys_at, offsets, values, counts),
        totals=totals.reshape(len(table), SUMMARY_TOTALS),
    )


def summary_at(tables: Sequence[schema.Summary], keys: npt.NDArray[np.int64]) -> LikelihoodCounts:
    """The summary of the sites with these keys (column `key`), in order in all tables; each key is in one of them."""
    held = [schema.numbers(table["key"]) for table in tables]
    if len(held) == 1 and np.array_equal(held[0], keys):
        return summary_of(tables[0])
    every, bounds = np.concatenate(held), np.cumsum([0, *map(len, held)])
    order = np.argsort(every, kind="stable")
    rows = order[np.searchsorted(every, keys, sorter=order)]
    which = np.searchsorted(bounds, rows, side="right") - 1
    return select([summary_of(table) for table in tables], which, rows - bounds[which])


def shares_table(raw: RawAnnotations, sites: schema.Settled, ranks: npt.NDArray[np.int32]) -> schema.Shares:
    """SHARES, with the columns of ALLELE_SHARES if any, of a batch at the emitted sites of SETTLED.

    ranks  (active samples,) int32, ascending: cohort ranks of the batch, which may differ in another cohort
    """
    nonvariant_mask = is_nonvariant(sites)
    alleles = np.diff(schema.ragged(sites["kept"])[0])[~nonvariant_mask] + 1
    columns = _plain(raw.totals, raw.runs, ()) | {
        "quiet": np.zeros(len(alleles), bool),
        "ac": _lists(_offsets(alleles), raw.ac),
    }
    kind = annotations.SHARES
    if raw.alleles:
        columns |= _allele_columns(raw.alleles, _offsets(alleles), ranks)
        kind = pa.schema([*annotations.SHARES, *annotations.ALLELE_SHARES])
    table = _table(columns, kind, len(alleles))
    if not raw.nonvariant:
        return table
    nonvariant = raw.nonvariant
    others = _plain(nonvariant.totals, nonvariant.runs, nonvariant.ids) | {
        "quiet": np.ones(int(nonvariant_mask.sum()), bool)
    }
    return in_order(table, _table(others, kind, int(nonvariant_mask.sum())), nonvariant_mask)


def shares_of(table: schema.Shares, ranks: npt.NDArray[np.int32]) -> RawAnnotations:
    """The reverse of `shares_table`, for any selection of rows of the batch's tables."""
    nonvariant_mask = schema.numbers(table["quiet"])
    nonvariant = None
    if nonvariant_mask.any():
        nonvariant = NonvariantRawAnnotations(
            *_parts(table.filter(pa.array(nonvariant_mask)), nonvariant_genotypes.TOTALS)
        )
        table = table.filter(pa.array(~nonvariant_mask))
    totals, runs, _ = _parts(table, sum(sum_widths().values()))
    at, ac = schema.ragged(table["ac"])
    alleles = _alleles_of(table, at, ranks) if "sums" in table.column_names else None
    return RawAnnotations(totals=totals, ac=ac, runs=runs, samples=len(ranks), alleles=alleles, nonvariant=nonvariant)


def _plain(totals: Array, runs: Runs, ids: Sequence[tuple[int, str]]) -> dict[str, Any]:
    sites = len(totals)
    fields = (len(runs.at) - 1) // max(sites, 1)
    words: list[list[str]] = [[] for _ in range(sites)]
    for site, word in ids:
        words[site].append(word)
    return _run_columns("run", "", runs, np.arange(sites + 1) * fields) | {"totals": _rows(totals), "ids": words}


def _parts(table: schema.Shares, width: int) -> tuple[Array, Runs, tuple[tuple[int, str], ...]]:
    """Totals, runs and IDs of either variant or nonvariant sites."""
    totals = schema.ragged(table["totals"])[1].reshape(len(table), width)
    ids = sorted({(site, word) for site, words in enumerate(table["ids"].to_pylist()) for word in words})
    return totals, _runs_of(table, "run", ""), tuple(ids)


def _run_columns(name: str, number: str, runs: Runs, at: Array) -> dict[str, pa.Array]:
    """Multisets as columns; at (sites + 1,): the sites' slices of them."""
    slices = runs.at[at]
    columns = {
        "lengths": _lists(at, np.diff(runs.at[: at[-1] + 1])),
        "counts": _lists(slices, runs.counts),
        "values": _lists(slices, runs.values),
    }
    return {f"{name}_{part}{number}": column for part, column in columns.items()}


def _runs_of(table: schema.Shares, name: str, number: str) -> Runs:
    lengths, counts, values = (schema.ragged(table[f"{name}_{part}{number}"])[1] for part in _RUNS)
    return Runs(_offsets(lengths), counts, values)


def _allele_columns(raw: AlleleRawAnnotations, at: Array, ranks: Array) -> dict[str, pa.Array]:
    """ALLELE_SHARES; at (sites + 1,) int64: the sites' slices of the emitted alleles."""
    order = np.argsort(raw.cells, kind="stable")
    cells = raw.cells[order]
    site = np.searchsorted(at, cells, side="right") - 1
    slices = np.searchsorted(cells, at)
    columns = {
        "sums": _lists(at * raw.sums.shape[1], raw.sums.ravel()),
        "samples": _rows(raw.samples),
        "records": _rows(raw.record_counts),
        "cells": _lists(slices, cells - at[site]),
        "ranks": _lists(slices, np.searchsorted(ranks, raw.ranks[order])),
        "squares": _lists(slices, raw.squares[order]),
    }
    for n in range(len(HISTOGRAMS)):
        first = raw.bins.at[n * at[-1] : (n + 1) * at[-1] + 1]
        part = slice(first[0], first[-1])
        runs = Runs(first - first[0], raw.bins.counts[part], raw.bins.values[part])
        columns |= _run_columns("bin", f"_{n}", runs, at)
    return columns


def _alleles_of(table: schema.Shares, at: Array, ranks: Array) -> AlleleRawAnnotations:
    slices, cells = schema.ragged(table["cells"])
    bins = [_runs_of(table, "bin", f"_{n}") for n in range(len(HISTOGRAMS))]
    lengths = np.concatenate([np.diff(each.at) for each in bins])
    sums, samples, record_counts = (schema.ragged(table[name])[1] for name in ("sums", "samples", "records"))
    return AlleleRawAnnotations(
        sums=sums.reshape(at[-1], SUMS),
        samples=samples.reshape(len(table), 2),
        record_counts=record_counts.reshape(len(table), len(RAW)),
        bins=Runs(
            _offsets(lengths),
            np.concatenate([each.counts for each in bins]),
            np.concatenate([each.values for each in bins]),
        ),
        cells=cells + np.repeat(at[:-1], np.diff(slices)),
        ranks=ranks[schema.ragged(table["ranks"])[1]],
        squares=schema.ragged(table["squares"])[1],
    )


def _table(columns: Mapping[str, Any], kind: pa.Schema, rows: int) -> pa.Table:
    """A table of the schema `kind`; columns that are absent become empty lists."""
    nothing = np.zeros(rows + 1, np.int64)
    arrays = []
    for field in kind:
        values = columns[field.name] if field.name in columns else _lists(nothing, np.zeros(0, np.int32))
        array = values if isinstance(values, pa.Array) else pa.array(values, field.type)
        arrays.append(array.cast(field.type))
    return pa.table(arrays, kind)


def _rows(table: Array) -> pa.ListArray:
    """The rows of a two-dimensional array as lists."""
    return _lists(np.arange(len(table) + 1) * table.shape[1], table.ravel())


def _lists(offsets: Array, values: Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))


def _offsets(lengths: Array) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
