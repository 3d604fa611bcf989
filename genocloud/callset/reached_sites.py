"""Sites over which runs of a segment reach that lacks them, and the genotypes of several segments together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset.call_rows import reference_ids
from genocloud.kernels.cell_runs import CellRuns, cut_runs, fill_cells, joined, runs_of_cells

Places = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]


class ReachedCells(NamedTuple):
    """Cells of added sites over which a run of a segment reaches: the run, the number of the site, and the sample."""

    runs: Places
    sites: Places
    samples: Numbers

    @classmethod
    def of(cls, runs: CellRuns, added: Places) -> "ReachedCells":
        """The sites of `runs` are numbered among all, as are those that are added, ascending."""
        low, high = np.searchsorted(added, runs.firsts), np.searchsorted(added, runs.stops)
        over = np.flatnonzero(high > low)
        lengths = (high - low)[over]
        run = np.repeat(over, lengths)
        site = np.arange(len(run)) - np.repeat(np.cumsum(lengths) - lengths - low[over], lengths)
        return cls(run, site, runs.samples[run])


def cells_of(runs: CellRuns, sites: int, samples: int) -> Numbers:
    """The number of the run of each cell: (sites, samples)."""
    cells = np.empty((sites, samples), np.int32)
    fill_cells(runs._replace(numbers=np.arange(len(runs.numbers), dtype=np.int32)), 0, cells)
    return cells


def runs_beyond(runs: CellRuns, cells: Numbers, reached: ReachedCells) -> CellRuns:
    """The runs without the cells that are reached; `cells` are theirs, and are changed."""
    cells[reached.sites, reached.samples] = -1
    rest = runs_of_cells(cells)
    rest = CellRuns(*(column[rest.numbers >= 0] for column in rest))
    return rest._replace(numbers=runs.numbers[rest.numbers])


def merge_sites(
    parts: Sequence[tuple[Places, schema.LocalGenotypes, CellRuns]], samples: int
) -> tuple[schema.LocalGenotypes, CellRuns]:
    """Genotypes of the same samples at different sites, together: of each part the places of its sites, ascending.

    A run of the first part goes on over sites of the others where they have the same genotype.
    """
    (places, distinct, runs), *others = parts
    firsts, stops = (each.astype(np.int32) for each in (places[runs.firsts], places[runs.stops - 1] + 1))
    runs = runs._replace(firsts=firsts, stops=stops)
    for added, more, other in others:
        base = np.int32(len(distinct))
        distinct = pa.concat_tables([distinct, more]).unify_dictionaries().combine_chunks()
        runs = _merged(runs, added, other._replace(numbers=other.numbers + base), reference_ids(distinct)[0], samples)
    return distinct, runs


def _merged(runs: CellRuns, added: Places, others: CellRuns, ids: Numbers, samples: int) -> CellRuns:
    """Runs of some sites, and those of the sites that are added, as runs of both; equal ids: equal genotypes."""
    reached, cells = ReachedCells.of(runs, added), cells_of(others, len(added), samples)
    mine, theirs = ids[runs.numbers[reached.runs]], ids[others.numbers[cells[reached.sites, reached.samples]]]
    same = (mine == theirs) & (mine >= 0)
    inside, holes = (ReachedCells(*(column[which] for column in reached)) for which in (same, ~same))
    rest, _ = cut_runs(runs_beyond(others, cells, inside), _stretches(added) % 2 == 1)
    firsts, stops = (each.astype(np.int32) for each in (added[rest.firsts], added[rest.stops - 1] + 1))
    return joined(_without(runs, holes.runs, added[holes.sites]), rest._replace(firsts=firsts, stops=stops))


def _stretches(places: Places) -> Places:
    """The number of the stretch of neighbouring places to which each belongs."""
    return np.cumsum(np.diff(places, prepend=places[:1]) > 1)


def _without(runs: CellRuns, cut: Places, sites: Places) -> CellRuns:
    """The runs, of which those numbered `cut`, ascending, have holes at `sites`, ascending within each."""
    if not len(cut):
        return runs
    numbers = np.concatenate([np.arange(len(runs.firsts)), cut])
    order = np.argsort(numbers, kind="stable")  # each run, then its pieces behind the holes
    firsts = np.concatenate([runs.firsts, sites.astype(np.int32) + np.int32(1)])[order]
    numbers = numbers[order]
    stops = np.append(firsts[1:] - np.int32(1), np.int32(0))
    is_last = np.append(np.diff(numbers) != 0, True)
    stops[is_last] = runs.stops[numbers[is_last]]
    left = firsts < stops
    numbers = numbers[left]
    return CellRuns(runs.samples[numbers], firsts[left], stops[left], runs.numbers[numbers])
