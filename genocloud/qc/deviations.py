"""Samples and batches whose metrics are off the cohort's, after what ancestry explains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.qc.flags import Flag
from genocloud.qc.tables import BATCHES, OUTLIERS, BatchTable, OutlierTable, SampleMetrics, table_of
from genocloud.sample_limits import LOWEST_CALL_RATE, MAD_TO_DEVIATION

Floats = npt.NDArray[np.float64]

RATIOS = {
    "r_ti_tv": ("n_transition", "n_transversion"),
    "r_het_hom_var": ("n_het", "n_hom_var"),
    "r_insertion_deletion": ("n_insertion", "n_deletion"),
}
"""Ratios, by their counts."""

METRICS = ("n_snp", "n_singleton", "n_insertion", "n_deletion", "n_transition", "n_transversion", *RATIOS)
"""Those that gnomAD looks at. Ratios are compared by their logarithms: a ratio itself has a longer tail above."""

MOST_DEVIATIONS = 4.0
"""gnomAD's limit, in robust standard deviations."""

BY_CHANCE = 0.01
"""In so many cohorts of normal residuals a sample is flagged; the table lists what is beyond MOST_DEVIATIONS anyway."""

MAD_VARIANCE = 1.361
"""n times the relative variance of a normal sample's median absolute deviation, for many n: 1 / (4 (z f(z))^2), z the
third quartile, f the density. That of a standard deviation is 1 / 2: so it is worth 1 / 2.72 of the samples."""

SLACK = 0.1
"""Nothing within a tenth of the median is flagged, however alike the others are."""

FEWEST_SAMPLES = 20
"""Fewer have no median worth comparing with."""

FEWEST_COUNTED = 20
"""Counts whose median is smaller differ by chance alone."""

SAMPLES_OF_A_COMPONENT = 40
"""So many samples for each component that is regressed on, with its square."""

FEWEST_OF_A_BATCH = 5

LEAST_DEPTH = 0.5
"""Of the median of the samples' mean depths."""


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


def batch_table(batches: Sequence[str], residuals: Sequence[Residuals]) -> BatchTable:
    """The table BATCHES: of each batch with enough samples, the metrics whose median is off the other samples'."""
    rows = []
    names = np.array(batches, np.str_)
    for batch in sorted(set(batches)):
        here = names == batch
        size, others = np.count_nonzero(here), np.count_nonzero(~here)
        if size < FEWEST_OF_A_BATCH or others < FEWEST_SAMPLES or size > others:
            continue  # of two batches nobody knows which is wrong: the larger one is the measure
        for each in residuals:
            rest = each.residuals[~here]
            middle = float(np.nanmedian(rest))
            mad = MAD_TO_DEVIATION * float(np.nanmedian(np.abs(rest - middle)))
            median = float(np.nanmedian(each.residuals[here])) - middle
            if abs(median) > max(MOST_DEVIATIONS * mad, each.slack):
                deviations = median / mad if mad else np.inf * np.sign(median)
                rows.append((batch, int(np.count_nonzero(here)), each.metric, median, mad, deviations))
    columns = zip(*rows, strict=True) if rows else [()] * len(BATCHES)
    return table_of(dict(zip(BATCHES.names, map(list, columns), strict=True)), BATCHES)


def deviation_flags(metrics: SampleMetrics, outliers: OutlierTable, batches: BatchTable) -> Iterator[Flag]:
    """Outliers, batches and samples of few calls or reads.

    Samples of a batch that is off as a whole are flagged for the batch, not each for what it has of it.
    """
    of_batch = {(row["batch"], row["metric"]) for row in batches.to_pylist()}
    home = dict(zip(metrics["sample"].to_pylist(), metrics["batch"].to_pylist(), strict=True))
    for row in outliers.to_pylist():
        if abs(row["deviations"]) > row["limit"] and (home[row["sample"]], row["metric"]) not in of_batch:
            yield Flag(
                sample=row["sample"],
                check=row["metric"],
                value="a ratio to 0" if row["value"] is None else f"{row['value']:.6g}",
                limit=f"within {row['limit']:.1f} MAD of the cohort, is {row['deviations']:.1f} off",
                advice="compare depth and contamination with the others'; other ancestry than theirs can do this too",
            )
    for batch in dict.fromkeys(batches["batch"].to_pylist()):
        rows = [row for row in batches.to_pylist() if row["batch"] == batch]
        far = ", ".join(f"{row['metric']} {row['deviations']:+.1f}" for row in rows)
        for sample in (name for name, own in home.items() if own == batch):
            yield Flag(
                sample=sample,
                check="batch",
                value=f"{batch}: {far}",
                limit=f"within {MOST_DEVIATIONS:g} MAD of the other samples",
                advice="compare kit, machine, aligner and caller of the batch with the others'; do not mix them unseen",
            )
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
