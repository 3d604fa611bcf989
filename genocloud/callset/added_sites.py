"""A segment's files in a callset that grows: without calls at sites that have gone, and beside them added sites."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset.call_rows import SitePlaces, Windows, members_of, numbers_of, window_of
from genocloud.callset.layout import SHARES_FOLDER, batch_file_name
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.callset.reached_sites import ReachedCells, cells_of, runs_beyond
from genocloud.callset.segments import GONE, PLACES, Segment, is_sound, label_of, read_shares, write_shares
from genocloud.callset.shard_cells import read_calls, read_runs
from genocloud.callset.stored_shares import packed, unpacked
from genocloud.callset.writing import NamedExtent, write_calls, write_genotypes
from genocloud.kernels.cell_runs import CellRuns, renumbered
from genocloud.storage import Store

LARGEST_SHARE = 4
"""At most one site added for each four of the segment, which are called anew whenever the callset grows, and one gone.

A site whose alleles are others than before, and so its key, has gone and is added.
"""


def may_stay(segment: Segment, sites: schema.StoredSites) -> bool:
    """Whether sites, of which `contig`, `pos` and `key` are used, are a segment's but for few, on all its contigs."""
    keys = schema.numbers(sites["key"])
    held, stay = len(segment.keys), int(schema.are_among(segment.keys, keys).sum())
    few = max(len(keys) - stay, held - stay) * LARGEST_SHARE <= held
    return few and set(SitePlaces.of(segment.places).contigs) <= set(SitePlaces.of(sites).contigs)


def without_stale_calls(store: Store, segment: Segment, *, sites: schema.StoredSites, samples: int) -> Segment:
    """The segment without rows of CALLS at sites that have gone; itself where there are none. Raises DamagedFile.

    sites    `contig`, `pos` and `key` of all sites
    samples  their number
    """
    gone = ~schema.are_among(segment.keys, schema.numbers(sites["key"]))
    if not gone.any():
        return segment
    at = read_calls(store, segment.genotypes, ["contig", "pos"])
    numbers = SitePlaces.of(segment.places).find(at["contig"], at["pos"])
    left = ~gone[numbers]
    if left.all():
        return segment
    calls = read_calls(store, segment.genotypes).filter(pa.array(left))
    windows = Windows.of(len(gone), window_of(samples))
    rows = np.bincount(windows.places[numbers[left]], minlength=windows.windows)
    store.delete(segment.shares.name)
    file = write_calls(store, segment.genotypes.calls, calls, rows.tolist())
    keys = pa.array(np.where(gone, GONE, segment.keys))
    return write_shares(
        store,
        segment.shares.name,
        schema.with_column(segment.places, "key", keys),
        segment.stored,
        genotypes=replace(segment.genotypes, calls=file),
        made=segment.made,
        label=segment.label,
        by_genotypes=segment.by_genotypes,
    )


def find_added(
    store: Store, shard: NamedExtent, batch: str, segment: Segment, keys: npt.NDArray[np.int64]
) -> Segment | None:
    """What `write_added` wrote for the same sites."""
    added = read_shares(store, batch_file_name(SHARES_FOLDER, batch, shard.name, label_of(keys)))
    if added is None or added.made != _made(segment) or not schema.are_among(added.keys, keys).all():
        return None
    return added if is_sound(store, added) else None


def write_added(
    store: Store,
    shard: NamedExtent,
    batch: str,
    segment: Segment,
    *,
    sites: schema.StoredSites,
    genotypes: SparseGenotypes,
    shares: schema.Shares,
) -> Segment | None:
    """Write genotypes at sites that a segment lacks; None where one of its rows stands for another genotype.

    sites      `contig`, `pos` and `key` of all sites
    genotypes  of the batch's samples at the sites that the segment lacks, as are `shares`

    A run of the segment stands for all sites between its first and its last, so that only other cells have rows. No
    run of these reaches over another site. Raises DamagedFile.
    """
    keys = schema.numbers(sites["key"])
    is_added, places = ~schema.are_among(keys, segment.keys), SitePlaces.of(sites)
    numbers = np.flatnonzero(is_added)
    rest = _beyond_runs(read_runs(store, segment.genotypes), genotypes, places, numbers)
    if rest is None:
        return None
    starts = _windows_of(segment, places, len(genotypes.samples))
    windows = Windows(len(starts), np.searchsorted(starts, numbers, "right") - 1, numbers)
    own, label = sites.select(PLACES).filter(pa.array(is_added)), label_of(keys)
    name = batch_file_name(SHARES_FOLDER, batch, shard.name, label)
    store.delete(name)
    files = write_genotypes(store, shard, batch, own, rest, segment=label, windows=windows)
    return write_shares(
        store, name, own, packed(shares, None), genotypes=files, made=_made(segment), label=label, by_genotypes=False
    )


def shares_at(added: Segment, keys: npt.NDArray[np.int64]) -> schema.Shares:
    """The shares of an added segment at those of its sites that have one of the keys."""
    return unpacked(added.stored, None).filter(pa.array(schema.are_among(added.keys, keys)))


def among(segments: tuple[Segment, ...], sites: schema.StoredSites, samples: int) -> tuple[Segment, ...]:
    """A segment, and what was added to it, as entries of a shard have them, which has these sites."""
    keys = schema.numbers(sites["key"])
    if np.array_equal(segments[0].keys, keys):
        return segments
    windows = _windows_of(segments[0], SitePlaces.of(sites), samples)
    held = [int(schema.are_among(each.keys, keys).sum()) for each in segments]
    return tuple(
        replace(each, genotypes=replace(each.genotypes, windows=tuple(windows.tolist()), sites=count))
        for each, count in zip(segments, held, strict=True)
    )


def _windows_of(segment: Segment, places: SitePlaces, samples: int) -> npt.NDArray[np.int64]:
    """The first of all sites in each window of a segment: (windows,)."""
    firsts = segment.places.take(pa.array(np.arange(0, len(segment.keys), window_of(samples))))
    starts = places.nearest(firsts["contig"], firsts["pos"], "left").astype(np.int64)
    starts[0] = 0
    return starts


def _made(segment: Segment) -> str:
    return f"{segment.made} {segment.shares.sha256}"


def _beyond_runs(
    runs: schema.ReferenceRuns, genotypes: SparseGenotypes, places: SitePlaces, added: npt.NDArray[np.int64]
) -> SparseGenotypes | None:
    """The cells over which none of the runs reaches; None where one does that has another genotype.

    places  all sites; added  (sites of the genotypes,): which of them these are
    """
    firsts, lasts = places.reach(runs)
    numbers = np.arange(len(runs), dtype=np.int32)
    of_runs = CellRuns(members_of(runs, genotypes.samples), firsts, lasts + np.int32(1), numbers)
    reached = ReachedCells.of(of_runs, added)
    cells = cells_of(genotypes.runs, len(added), len(genotypes.samples))
    rows, row = np.unique(reached.runs, return_inverse=True)
    mine, theirs = numbers_of(runs.take(pa.array(rows)), genotypes.distinct)
    if not np.array_equal(mine[row], theirs[genotypes.runs.numbers[cells[reached.sites, reached.samples]]]):
        return None
    runs, used = renumbered(runs_beyond(genotypes.runs, cells, reached), np.ones(len(genotypes.distinct), np.bool_))
    return genotypes._replace(runs=runs, distinct=genotypes.distinct.take(pa.array(used)))
