"""Samples whose metrics are off the cohort's, after what ancestry explains."""

from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.qc.flags import Flag
from genocloud.qc.groups import FEWEST_SAMPLES, MOST_DEVIATIONS, Floats, Group, Residuals, group_flags, rows_of
from genocloud.qc.tables import OUTLIERS, BatchTable, OutlierTable, SampleMetrics, table_of
from genocloud.sample_limits import LOWEST_CALL_RATE, MAD_TO_DEVIATION

RATIOS = {
    "r_ti_tv": ("n_transition", "n_transversion"),
    "r_het_hom_var": ("n_het", "n_hom_var"),
    "r_insertion_deletion": ("n_insertion", "n_deletion"),
}
"""Ratios, by their counts."""

METRICS = ("n_snp", "n_singleton", "n_insertion", "n_deletion", "n_transition", "n_transversion", *RATIOS)
"""Those that gnomAD looks at. Ratios are compared by their logarithms: a ratio itself has a longer tail above."""

BY_CHANCE = 0.01
"""In so many cohorts of normal residuals a sample is flagged; the table lists what is beyond MOST_DEVIATIONS anyway."""

MAD_VARIANCE = 1.361
"""n times the relative variance of a normal sample's median absolute deviation, for many n: 1 / (4 (z f(z))^2), z the
third quartile, f the density. That of a standard deviation is 1 / 2: so it is worth 1 / 2.72 of the samples."""

SLACK = 0.1
"""Nothing within a tenth of the median is flagged, however alike the others are."""

FEWEST_COUNTED = 20
"""Counts whose median is smaller differ by chance alone."""

SAMPLES_OF_A_COMPONENT = 40
"""So many samples for each component that is regressed on, with its square."""

LEAST_DEPTH = 0.5
"""Of the median of the samples' mean depths."""


def residuals_of(
    metrics: SampleMetrics, components: Floats, *, female: npt.NDArray[np.bool_], compared: npt.NDArray[np.bool_]
) -> list[Residuals]:
    """Each metric less what a linear model on sex, the components and their squares predicts; none of few samples.

    components  (samples, components); so many of them are used as there are samples for
    compared    (samples,) whether it is; who has other numbers of X than the others has other numbers of alleles
    """
    if metrics.num_rows < FEWEST_SAMPLES:
        return []
    used = components[:, : metrics.num_rows // SAMPLES_OF_A_COMPONENT]
    design = np.concatenate([np.ones((len(used), 1)), female[:, None], used, used**2], axis=1)
    out = []
    for metric in METRICS:
        counts = [_floats(metrics, name) for name in RATIOS.get(metric, (metric,))]
        if np.count_nonzero(compared) < FEWEST_SAMPLES or min(np.median(c[compared]) for c in counts) < FEWEST_COUNTED:
            continue
        scaled = np.log((counts[0] + 0.5) / (counts[1] + 0.5)) if metric in RATIOS else counts[0]
        fit = np.linalg.lstsq(design[compared], scaled[compared], rcond=None)[0]
        residuals = np.where(compared, scaled - design @ fit, np.nan)
        residuals -= np.nanmedian(residuals)
        out.append(
            Residuals(
                metric=metric,
                values=_floats(metrics, metric),
                residuals=residuals,
                mad=MAD_TO_DEVIATION * float(np.nanmedian(np.abs(residuals))),
                slack=np.log1p(SLACK) if metric in RATIOS else SLACK * float(np.median(scaled[compared])),
                chance=_chance_limit(metrics.num_rows, np.count_nonzero(compared) - design.shape[1]),
            )
        )
    return out


def _floats(metrics: SampleMetrics, name: str) -> Floats:
    """A column, (samples,); NaN where there is no value."""
    return schema.numbers(metrics[name].cast("double")).astype(np.float64)


def _chance_limit(samples: int, freedom: int) -> float:
    """The two-sided limit for all samples and metrics: Student's t with the degrees of freedom that a MAD has.

    freedom  samples less what is fitted. The quantile is Abramowitz & Stegun's expansion 26.7.5 in the normal one
    """
    z = NormalDist().inv_cdf(1 - BY_CHANCE / (2 * samples * len(METRICS)))
    own = max(freedom, 1) / (2 * MAD_VARIANCE)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return max(MOST_DEVIATIONS, z + sum(term / own**power for power, term in enumerate(terms, 1)))


def outlier_table(samples: Sequence[str], residuals: Sequence[Residuals]) -> OutlierTable:
    """The table OUTLIERS, in the samples' order."""
    rows = []
    for each in residuals:
        limit = max(MOST_DEVIATIONS * each.mad, each.slack)
        for place in np.flatnonzero(np.abs(np.nan_to_num(each.residuals)) > limit).tolist():
            residual = float(each.residuals[place])
            deviations = residual / each.mad if each.mad else np.inf * np.sign(residual)
            rows.append((place, each.metric, float(each.values[place]), residual, each.mad, deviations, each.chance))
    rows.sort()
    columns = zip(*((samples[row[0]], *row[1:]) for row in rows), strict=True) if rows else [()] * len(OUTLIERS)
    return table_of(dict(zip(OUTLIERS.names, map(list, columns), strict=True)), OUTLIERS)


def deviation_flags(
    metrics: SampleMetrics, outliers: OutlierTable, groups: Sequence[Group], batches: BatchTable
) -> Iterator[Flag]:
    """Outliers, groups and samples of few calls or reads.

    Samples of a group that is off as a whole are flagged for the group, not each for what it has of it.
    """
    samples = metrics["sample"].to_pylist()
    of_group = {
        (samples[place], row["metric"])
        for group in groups
        for row in rows_of(group, batches)
        for place in np.flatnonzero(group.members).tolist()
    }
    for row in outliers.to_pylist():
        if abs(row["deviations"]) > row["limit"] and (row["sample"], row["metric"]) not in of_group:
            yield Flag(
                sample=row["sample"],
                check=row["metric"],
                value="a ratio to 0" if row["value"] is None else f"{row['value']:.6g}",
                limit=f"within {row['limit']:.1f} MAD of the cohort, is {row['deviations']:.1f} off",
                advice="compare depth and contamination with the others'; other ancestry than theirs can do this too",
            )
    yield from group_flags(samples, groups, batches)
    yield from _low(metrics)


def _low(metrics: SampleMetrics) -> Iterator[Flag]:
    samples = metrics["sample"].to_pylist()
    rates, depths = (schema.numbers(metrics[name]).astype(np.float64) for name in ("call_rate", "dp_mean"))
    low = rates < LOWEST_CALL_RATE
    if np.count_nonzero(low) * 2 <= len(samples):
        for place in np.flatnonzero(low).tolist():
            yield Flag(
                sample=samples[place],
                check="call rate",
                value=f"{rates[place]:.4f}",
                limit=f">= {LOWEST_CALL_RATE}",
                advice="compare its mean depth: too few reads, or a gVCF of other regions; call it again, or remove it",
            )
    if len(samples) >= FEWEST_SAMPLES and np.isfinite(depths).any():
        least = LEAST_DEPTH * float(np.nanmedian(depths))
        for place in np.flatnonzero(depths < least).tolist():
            yield Flag(
                sample=samples[place],
                check="depth",
                value=f"{depths[place]:.1f}",
                limit=f">= {least:.1f}, half of the cohort's median",
                advice="sequence it deeper, or take it out: it loses heterozygotes",
            )
