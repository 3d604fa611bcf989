"""Force-output sites: every base that a record covers, inside some intervals or everywhere."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.regions import Region
from genocloud.sites.merging import nothing_forced

Array = npt.NDArray[np.bool_]
Bounds = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Starts and stops."""


def covered(rows: Sequence[schema.Records], ranks: npt.NDArray[np.int32], region: Region) -> Array:
    """Mask of the region's bases that a row of an active sample covers: (bases,) bool; `rows`: VARIANTS and BLOCKS."""
    return _under([_stretches(table, ranks, region) for table in rows], region)


def _stretches(table: schema.Records, ranks: npt.NDArray[np.int32], region: Region) -> Bounds:
    active = (ranks[schema.numbers(table["sample"])] >= 0) & (schema.numbers(table["contig"]) == region.contig)
    return schema.numbers(table["start"])[active], schema.numbers(table["stop"])[active]


def _under(stretches: Sequence[Bounds], region: Region) -> Array:
    """Mask of the region's bases inside any of the stretches: (bases,) bool."""
    edges = np.zeros(region.end - region.start + 1, np.int64)
    for starts, stops in stretches:
        for places, step in ((starts, 1), (np.maximum(starts, stops), -1)):
            edges += step * np.bincount(np.clip(places, region.start, region.end) - region.start, minlength=len(edges))
    return np.cumsum(edges)[:-1] > 0


def within(regions: Sequence[Region], region: Region) -> Array:
    """Mask of the region's bases inside any of `regions`: (bases,) bool."""
    inside = np.zeros(region.end - region.start, bool)
    for other in regions:
        if other.contig == region.contig:
            inside[max(0, other.start - region.start) : max(0, other.end - region.start)] = True
    return inside


def deciding(inside: Array, spans: Sequence[schema.Spans], region: Region) -> Array:
    """Mask of the region's bases that are inside, or under a chain of deletions that reaches inside: (bases,) bool.

    Only sites there can decide which `*` are kept at sites that are inside.
    """
    starts, stops = (np.concatenate([schema.numbers(each[name]) for each in spans]) for name in ("start", "stop"))
    linked = _under([(starts - 1, stops)], region)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], linked, [False]])))
    chains = np.repeat(np.arange(len(edges) // 2), np.diff(edges)[::2])
    reaching = np.bincount(chains, inside[linked], minlength=len(edges) // 2) > 0
    out = inside.copy()
    out[linked] |= reaching[chains]
    return out


def force_output(
    alleles: schema.Alleles, wanted: Array, spans: Sequence[schema.Spans], bases: str, region: Region
) -> schema.Alleles:
    """ALLELES with a force-output site at every wanted base of the region, also at bases without any ALT.

    wanted  (bases of the region,) bool: the bases to emit, of those that a row covers
    spans   the batches' SPANS: a base under a deletion from upstream has `*`
    bases   the region's reference bases; all but A, C, G and T become N, as in GATK
    """
    starts = schema.numbers(alleles["start"]) - region.start
    alone = wanted.copy()
    alone[starts] = False
    new = np.flatnonzero(alone)
    under = _under([(schema.numbers(each["start"]), schema.numbers(each["stop"])) for each in spans], region)[new]
    refs = np.frombuffer(bases.upper().encode(), np.uint8)
    refs = np.where(np.isin(refs, np.frombuffer(b"ACGT", np.uint8)), refs, np.uint8(ord("N")))[new]
    stars = pa.array(["*"]).take(pa.array(np.zeros(np.count_nonzero(under), np.int32)))
    added = [
        np.full(len(new), region.contig, np.int32),
        (new + region.start).astype(np.int32),
        _single_bases(refs),
        pa.ListArray.from_arrays(np.concatenate([[0], np.cumsum(under)]).astype(np.int32), stars),
        np.ones(len(new), bool),
        nothing_forced(len(new))[1],
        np.zeros(len(new), np.int32),
    ]
    known = schema.with_column(alleles, "forced", pa.array(wanted[starts]))
    whole = pa.concat_tables([known, pa.table(added, schema.ALLELES)])
    return whole.take(pc.sort_indices(whole["start"])).combine_chunks()


def _single_bases(bases: npt.NDArray[np.uint8]) -> pa.Array:
    offsets = np.arange(len(bases) + 1, dtype=np.int32)
    return pa.StringArray.from_buffers(len(bases), pa.py_buffer(offsets), pa.py_buffer(bases.copy()))
