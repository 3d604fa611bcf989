"""Who carries which ALT: one row for each sample and ALT of its genotype, from rows of CALLS."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset.call_rows import SitePlaces
from genocloud.genotype_text import allele_numbers_of
from genocloud.regions import Region

SITE_COLUMNS = ["contig", "pos", "ref", "alts", "filter"]
CALL_COLUMNS = ["contig", "pos", "sample", "GT", "LAA", "LAD", "DP", "GQ", "PGT", "PID", "PS"]
"""Columns of SITES and CALLS that rows of CARRIERS follow from, with `nth` where several sites share a position."""

_Ints = npt.NDArray[np.int64]


class _Copies(NamedTuple):
    """For each genotype and ALT of it: the row of the genotype, the number of the ALT, and its copies."""

    rows: _Ints
    alts: _Ints
    copies: _Ints


def carriers_at(sites: schema.Sites, calls: schema.CallRows, ranks: Mapping[str, int]) -> schema.Carriers:
    """The carriers of each ALT at some sites, by site, ALT and the rank of the sample.

    sites  SITE_COLUMNS; all at each place
    calls  CALL_COLUMNS, and `nth`, at these sites and perhaps others; samples without a rank are left out
    """
    calls = calls.unify_dictionaries().combine_chunks()
    words = calls["sample"].combine_chunks()
    codes = np.array([ranks.get(name, -1) for name in words.dictionary.to_pylist()], np.int64)
    of_sample = codes[schema.numbers(words.indices)]
    of_site = _sites_of(calls, sites)
    copies = _copies(calls["GT"].combine_chunks(), (of_sample >= 0) & (of_site >= 0))
    keys = (of_site[copies.rows] * (copies.alts.max(initial=0) + 1) + copies.alts) * len(ranks) + of_sample[copies.rows]
    order = np.argsort(keys, kind="stable")  # batches are sorted already, so that these are few runs to merge
    held = _Copies(*(each[order] for each in copies))
    site, rows = pa.array(of_site[held.rows]), pa.array(held.rows)
    taken = calls.take(rows)
    starts = np.concatenate([[0], np.cumsum(schema.numbers(pc.list_value_length(sites["alts"])))])
    alts = pa.array(starts[of_site[held.rows]] + held.alts - 1)
    columns = {
        **{name: taken[name] for name in ("sample", "GT", "DP", "GQ", "PGT", "PID", "PS")},
        "contig": sites["contig"].take(site),
        "pos": sites["pos"].take(site),
        "ref": sites["ref"].take(site),
        "alt": sites["alts"].combine_chunks().flatten().take(alts),
        "copies": pa.array(held.copies.astype(np.int32)),
        "AD": _depths(calls, held),
        "filter": sites["filter"].take(site),
    }
    return pa.table([columns[name] for name in schema.CARRIERS.names], names=schema.CARRIERS.names).cast(
        schema.CARRIERS
    )


def chosen_carriers(
    table: schema.Carriers, regions: Sequence[Region], alleles: Collection[tuple[str, int, str, str]]
) -> schema.Carriers:
    """The rows in some regions, which are on the contig of all rows, and of some alleles: contig, pos, REF, ALT."""
    positions = schema.numbers(table["pos"])
    wanted = np.zeros(len(positions), np.bool_)
    for region in regions:
        wanted |= (positions > region.start) & (positions <= region.end)
    others = np.flatnonzero(~wanted)
    rest = table.select(["contig", "pos", "ref", "alt"]).take(pa.array(others))
    names = zip(*(rest[name].to_pylist() for name in rest.column_names), strict=True)
    wanted[others] = [name in alleles for name in names]
    return table.filter(pa.array(wanted))


def _sites_of(calls: schema.CallRows, sites: schema.Sites) -> _Ints:
    """The number of the site of each row, the nth of those at its place; -1 of none."""
    places, words = SitePlaces.of(sites), calls["contig"].combine_chunks()
    ranks = {name: rank for rank, name in enumerate(places.contigs)}
    contigs = np.array([ranks.get(name, -1) for name in words.dictionary.to_pylist()], np.int64)
    keys = contigs[schema.numbers(words.indices)] << 32 | schema.numbers(calls["pos"]).astype(np.int64)
    stored = places.ranks << 32 | places.positions
    firsts = np.searchsorted(stored, keys)
    nth = schema.numbers(pc.fill_null(calls["nth"], 0)) if "nth" in calls.column_names else 0
    return np.asarray(np.where(np.append(stored, -1)[firsts] == keys, firsts + nth, -1))


def _copies(genotypes: pa.DictionaryArray, wanted: npt.NDArray[np.bool_]) -> _Copies:
    """Each ALT of each of the wanted genotypes once."""
    texts = [allele_numbers_of(word) for word in genotypes.dictionary.to_pylist()]
    table = np.zeros((len(texts), max(map(len, texts), default=1)), np.int64)  # 0 for REF and no call
    for row, alleles in zip(table, texts, strict=True):
        row[: len(alleles)] = np.maximum(alleles, 0)
    copies = (table[:, :, None] == table[:, None, :]).sum(axis=2)
    before = [[allele in row[:place] for place, allele in enumerate(row)] for row in table.tolist()]
    is_first = ~np.array(before, np.bool_).reshape(table.shape) & (table > 0)
    words = schema.numbers(genotypes.indices)
    rows, places = np.nonzero(is_first[words] & wanted[:, None])
    return _Copies(rows, table[words[rows], places], copies[words[rows], places])


def _depths(calls: schema.CallRows, held: _Copies) -> pa.Array:
    """AD of each ALT; one that is not local has the last entry of LAD (see schema.LOCAL_COLUMNS)."""
    laa_at, laa = schema.ragged(calls["LAA"])
    lad_at, lad = schema.ragged(calls["LAD"])
    keys = np.repeat(np.arange(len(calls)), np.diff(laa_at)) << 32 | laa.astype(np.int64)
    wanted = held.rows << 32 | held.alts
    at = np.searchsorted(keys, wanted)
    is_local = np.append(keys, -1)[at] == wanted
    lengths = np.diff(lad_at)[held.rows]
    place = np.where(is_local, at - laa_at[held.rows] + 1, lengths - 1)
    has = (place < lengths) & (lengths > 0)
    values = np.append(lad, schema.MISSING)[np.where(has, lad_at[held.rows] + place, len(lad))]
    return schema.nullable(values.astype(np.int32), schema.INT32)
