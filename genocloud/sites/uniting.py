"""Merge the sites of several locations: each location's contribution, and the union of all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.sites.merging import unify

LocationSites = tuple[schema.Alleles, schema.Stretches]
"""A location's ALLELES, and its STRETCHES."""


def location_sites(observations: Sequence[schema.Observations], spans: Sequence[schema.Spans]) -> LocationSites:
    """A location's contribution to a shard: its own sites (ALLELES), and the bases under its deletions (STRETCHES).

    Neither has ranks or carriers. `deciding` and `force_output` take STRETCHES for SPANS.
    """
    return unify(observations, spans), stretches_of(pa.concat_tables([schema.SPANS.empty_table(), *spans]))


def unite(parts: Sequence[LocationSites]) -> schema.Alleles:
    """The sites (ALLELES) of all locations' samples, those of the first location before those of the next.

    They are what `unify` makes of all observations and spans with ranks in that order: REF is the longest one, and
    ALTs are in the order of the first location that has them, then in its own. A location without a record at a site
    contributes `*` where one of its deletions spans it.
    """
    starts = np.unique(np.concatenate([np.zeros(0, np.int32), *(schema.numbers(sites["start"]) for sites, _ in parts)]))
    shown = [
        table
        for place, each in enumerate(parts)
        for table in (shown_sites(each[0], place), star_observations(each, place, starts))
    ]
    return unify(shown, [])


def stretches_of(spans: schema.Spans) -> schema.Stretches:
    """The union of the spans, as stretches that do not touch."""
    spans = spans.sort_by("start").combine_chunks()
    starts, stops = (schema.numbers(spans[name]) for name in ("start", "stop"))
    reached = np.maximum.accumulate(stops)
    first = np.flatnonzero(np.append(True, starts[1:] > reached[:-1])[: len(spans)])
    columns = [spans["contig"].take(first), starts[first], np.maximum.reduceat(stops, first) if len(first) else first]
    return pa.table([pa.array(column).cast(schema.INT32) for column in columns], schema.STRETCHES)


def shown_sites(alleles: schema.Alleles, place: int) -> schema.Observations:
    """A location's sites as observations of one sample; the site's count is at its first ALT."""
    lists, _, _ = schema.string_lists(alleles["alts"])
    row = np.repeat(np.arange(len(alleles)), np.diff(lists))
    order = np.arange(len(row)) - lists[row]
    observed = np.where(order == 0, schema.numbers(alleles["observed"])[row], 0)
    shown = {name: alleles[name].take(row) for name in ("contig", "start", "ref")}
    return listed_observations(place, **shown, alt=pc.list_flatten(alleles["alts"]), order=order, observed=observed)


def star_observations(each: LocationSites, place: int, starts: Any) -> schema.Observations:
    """`*`, with empty REF, at other locations' sites where this one has a deletion but no record."""
    alleles, stretches = each
    others = np.setdiff1d(starts, schema.numbers(alleles["start"]), assume_unique=True)
    under = np.searchsorted(schema.numbers(stretches["start"]), others, side="right") - 1
    stops = np.append(schema.numbers(stretches["stop"]), np.int32(0))  # the last is for -1: under none
    reached = others < stops[under]
    nothing = np.zeros(np.count_nonzero(reached), np.int32)
    ref, alt = (pa.array([text]).take(nothing) for text in ("", "*"))
    contig = stretches["contig"].take(under[reached])
    return listed_observations(
        place, contig=contig, start=others[reached], ref=ref, alt=alt, order=nothing, observed=nothing
    )


def listed_observations(place: int, **columns: Any) -> schema.Observations:
    """Observations of one sample, whose rank is its location's place."""
    columns["rank"] = np.full(len(columns["order"]), place)
    arrays = [
        pa.array(column) if isinstance(column := columns[name], np.ndarray) else column
        for name in schema.OBSERVATIONS.names
    ]
    return pa.table(
        [array.cast(kind.type) for array, kind in zip(arrays, schema.OBSERVATIONS, strict=True)], schema.OBSERVATIONS
    )
