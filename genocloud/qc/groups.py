"""Batches, sites and callers whose samples' metrics are off the others'."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.qc.flags import Flag
from genocloud.qc.tables import BATCHES, BatchTable, SampleMetrics, table_of
from genocloud.sample_limits import MAD_TO_DEVIATION
from genocloud.schema import GROUPINGS

Floats = npt.NDArray[np.float64]

MOST_DEVIATIONS = 4.0
"""gnomAD's limit, in robust standard deviations."""

FEWEST_SAMPLES = 20
"""Fewer have no median worth comparing with."""

FEWEST_OF_A_GROUP = 5


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """Of one metric: values, and what they are off the regression, (samples,) floats; of ratios in logarithms.

    slack   no residual below it is listed
    chance  robust standard deviations that only BY_CHANCE of the cohorts have beyond it
    """

    metric: str
    values: Floats
    residuals: Floats
    mad: float
    slack: float
    chance: float


class Group(NamedTuple):
    """Samples of one batch, site or caller: which of these (`grouping`), its name, and (samples,) who they are."""

    grouping: str
    name: str
    members: npt.NDArray[np.bool_]

    def same_or_rest(self, other: "Group") -> bool:
        """Whether both are the same samples, or all but these: then nothing tells which of the two is off."""
        return bool(np.array_equal(self.members, other.members) or np.array_equal(self.members, ~other.members))


def groups_of(metrics: SampleMetrics) -> list[Group]:
    """The batches, sites and callers with enough samples, half of all at most: the larger part is the measure."""
    out = []
    for grouping in GROUPINGS:
        names = np.array([name or "" for name in metrics[grouping].to_pylist()], np.str_)
        for name in sorted(set(names.tolist()) - {""}):
            members = names == name
            size, others = int(np.count_nonzero(members)), int(np.count_nonzero(~members))
            if size >= FEWEST_OF_A_GROUP and others >= max(FEWEST_SAMPLES, size):
                out.append(Group(grouping, name, members))
    return out


def batch_table(groups: Sequence[Group], residuals: Sequence[Residuals]) -> BatchTable:
    """The table BATCHES: groups whose median is off the other samples', each metric with the fewest that explain it.

    A caller that is off takes the medians of batches with it that are mostly of this caller, and a batch that is off
    those of its caller. So the group that leaves the least residuals, summed, without its median is listed, and the
    others are judged anew by what is left.
    """
    rows = []
    for each in residuals:
        left, open_groups = each.residuals, list(groups)
        while off := [(group, shift) for group in open_groups if (shift := _shift(left, group.members, each.slack))]:
            worst, taken = min(off, key=lambda pair: float(np.nansum(np.abs(_without(left, *pair)))))
            for group, shift in off:
                if group.same_or_rest(worst):
                    size = int(np.count_nonzero(group.members))
                    rows.append((*group[:2], size, each.metric, shift.median, shift.mad, shift.deviations))
            open_groups = [group for group in open_groups if not group.same_or_rest(worst)]
            left = _without(left, worst, taken)
    order = {name: place for place, name in enumerate(GROUPINGS)}
    rows.sort(key=lambda row: (order[row[0]], row[1]))
    columns = zip(*rows, strict=True) if rows else [()] * len(BATCHES)
    return table_of(dict(zip(BATCHES.names, map(list, columns), strict=True)), BATCHES)


class _Shift(NamedTuple):
    """How far a group's median is off the other samples', whose robust standard deviation is `mad`."""

    median: float
    mad: float

    @property
    def deviations(self) -> float:
        return self.median / self.mad if self.mad else np.inf * np.sign(self.median)


def _shift(residuals: Floats, members: npt.NDArray[np.bool_], slack: float) -> _Shift | None:
    """None where it is within the limits."""
    if not np.isfinite(residuals[members]).any():
        return None
    rest = residuals[~members]
    middle = float(np.nanmedian(rest))
    mad = MAD_TO_DEVIATION * float(np.nanmedian(np.abs(rest - middle)))
    median = float(np.nanmedian(residuals[members])) - middle
    return _Shift(median, mad) if abs(median) > max(MOST_DEVIATIONS * mad, slack) else None


def _without(residuals: Floats, group: Group, shift: _Shift) -> Floats:
    """Residuals as if the group were not off."""
    return residuals - np.where(group.members, shift.median, 0.0)


def group_flags(samples: Sequence[str], groups: Sequence[Group], batches: BatchTable) -> Iterator[Flag]:
    """A flag for each sample of a group that is off; groups of the very same samples are named together."""
    off = [group for group in groups if rows_of(group, batches)]
    for group in off:
        twins = [other for other in off if np.array_equal(other.members, group.members)]
        if twins[0] is not group:
            continue
        named = "".join(f", which is {other.grouping} {other.name}" for other in twins[1:])
        far = ", ".join(f"{row['metric']} {row['deviations']:+.1f}" for row in rows_of(group, batches))
        for place in np.flatnonzero(group.members).tolist():
            yield Flag(
                sample=samples[place],
                check=group.grouping,
                value=f"{group.name}{named}: {far}",
                limit=f"within {MOST_DEVIATIONS:g} MAD of the other samples",
                advice=f"compare kit, machine, aligner and caller of the {group.grouping} with the others'; "
                "do not mix them unseen",
            )


def rows_of(group: Group, batches: BatchTable) -> list[dict[str, Any]]:
    return [row for row in batches.to_pylist() if (row["grouping"], row["name"]) == group[:2]]
