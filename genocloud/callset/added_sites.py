"""Genotypes at sites that a growing callset adds to a segment's: the cells that no run of the segment reaches over."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset.call_rows import SitePlaces, Windows, members_of, numbers_of, window_of
from genocloud.callset.layout import SHARES_FOLDER, batch_file_name
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.callset.reached_sites import ReachedCells, cells_of, runs_beyond
from genocloud.callset.segments import PLACES, Segment, is_sound, label_of, places_of, read_shares, write_shares
from genocloud.callset.shard_cells import read_runs
from genocloud.callset.stored_shares import packed, unpacked
from genocloud.callset.writing import NamedExtent, write_genotypes
from genocloud.kernels.cell_runs import CellRuns
from genocloud.storage import Store

LARGEST_SHARE = 4
"""At most one added site for each four of the segment: they are called anew whenever the callset grows."""


def may_be_added(segment: Segment, keys: npt.NDArray[np.int64]) -> bool:
    """Whether the sites with these keys are a segment's and few others."""
    held = len(segment.keys)
    added = len(keys) - held
    return bool(0 < added * LARGEST_SHARE <= held and np.isin(segment.keys, keys).all())


def find_added(
    store: Store, shard: NamedExtent, batch: str, segment: Segment, keys: npt.NDArray[np.int64]
) -> Segment | None:
    """What `write_added` wrote for the same sites."""
    more = keys[~np.isin(keys, segment.keys)]
    added = read_shares(store, batch_file_name(SHARES_FOLDER, batch, shard.name, label_of(more)))
    if added is None or added.made != _made(segment) or not np.array_equal(added.keys, more):
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
    """Write genotypes at sites that a segment lacks; None where one of its runs reaches over another genotype.

    sites      `contig`, `pos` and `key` of the segment's sites and of these
    genotypes  of the batch's samples at these, as are `shares`

    A run of the segment stands for all sites between its first and its last, so that only other cells have rows. No
    run of these reaches over a site of the segment. Raises DamagedFile.
    """
    keys = schema.numbers(sites["key"])
    is_added = ~np.isin(keys, segment.keys)
    rest = _beyond_runs(read_runs(store, segment.genotypes), genotypes, SitePlaces.of(sites), np.flatnonzero(is_added))
    if rest is None:
        return None
    starts = windows_of(segment, keys, len(genotypes.samples))
    numbers = np.flatnonzero(is_added)
    windows = Windows(len(starts), np.searchsorted(starts, numbers, "right") - 1, numbers)
    own, label = sites.select(PLACES).filter(pa.array(is_added)), label_of(keys[is_added])
    name = batch_file_name(SHARES_FOLDER, batch, shard.name, label)
    store.delete(name)
    files = write_genotypes(store, shard, batch, own, rest, segment=label, windows=windows)
    return write_shares(
        store, name, own, packed(shares, None), genotypes=files, made=_made(segment), label=label, by_genotypes=False
    )


def shares_at(added: Segment, keys: npt.NDArray[np.int64]) -> schema.Shares:
    """The shares of an added segment at those of its sites that have one of the keys."""
    return unpacked(added.stored, None).filter(pa.array(np.isin(added.keys, keys)))


def with_windows(
    segment: Segment, added: Segment, keys: npt.NDArray[np.int64], samples: int
) -> tuple[Segment, Segment]:
    """Both with the windows that their files have among the sites with these keys."""
    windows = tuple(windows_of(segment, keys, samples).tolist())
    first, second = (replace(each, genotypes=replace(each.genotypes, windows=windows)) for each in (segment, added))
    return first, second


def windows_of(segment: Segment, keys: npt.NDArray[np.int64], samples: int) -> npt.NDArray[np.int64]:
    """The first site of each window of a segment, among the sites with these keys: (windows,)."""
    starts = places_of(segment.keys[:: window_of(samples)], keys)
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
    firsts, lasts = (places.find(runs["contig"], runs[name]) for name in ("pos", "end"))
    of_runs = CellRuns(members_of(runs, genotypes.samples), firsts, lasts, np.arange(len(runs), dtype=np.int32))
    reached = ReachedCells.of(of_runs, added)
    cells = cells_of(genotypes.runs, len(added), len(genotypes.samples))
    rows, row = np.unique(reached.runs, return_inverse=True)
    mine, theirs = numbers_of(runs.take(pa.array(rows)), genotypes.distinct)
    if not np.array_equal(mine[row], theirs[genotypes.runs.numbers[cells[reached.sites, reached.samples]]]):
        return None
    return genotypes._replace(runs=runs_beyond(genotypes.runs, cells, reached))
