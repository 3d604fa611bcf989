"""Which samples stand out, by a stated rule."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud.formatting import percent_text, ratio_text
from genocloud.report.statistics import Statistics
from genocloud.sample_limits import LOW_DEPTH, LOWEST_CALL_RATE, MAD_TO_DEVIATION

Floats = npt.NDArray[np.float64]

DEVIATIONS = 5.0
"""Robust standard deviations from the median: one of a million normal samples lies further off by chance."""

FEWEST_SAMPLES = 8
"""Fewer samples than this have no median worth comparing with."""

CALL_RATE_SLACK, HET_HOM_SLACK = 0.01, 0.2
"""Never flagged: call rates within a point of the median, and het/hom within a fifth of it."""

RULE = (
    f"A sample stands out if its call rate is below {LOWEST_CALL_RATE:.0%}, unless most samples' are; or if, among "
    f"{FEWEST_SAMPLES} samples or more, its call rate is lower than the median by over {DEVIATIONS:g} robust standard "
    f"deviations ({MAD_TO_DEVIATION} x median absolute deviation) and a percentage point, or its het/hom ratio is off "
    f"the median, either way, by over {DEVIATIONS:g} of them and a fifth."
)
"""The rule in words, as the report prints it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlier:
    """A sample that stands out, by its index: in what (call rate, het/hom), by which value, and what to do."""

    sample: int
    check: str
    value: str
    advice: str

    @property
    def reason(self) -> str:
        """Why it stands out."""
        return f"{self.check} {self.value}"


LOW_CALL_RATE = (
    "Compare its mean depth with the others': a low one means too few reads; else its gVCF covers other regions "
    "(another capture kit, or -L when it was called). Call it again, or take it out: genocloud remove."
)
HIGH_HET_HOM = (
    "Suspect contamination or two people in one library: estimate it from the reads (VerifyBamID2, GATK "
    "CalculateContamination). Another ancestry than the others' can do this too."
)
LOW_HET_HOM = (
    "Look for long runs of homozygosity (bcftools roh): related parents show them. Without these suspect lost alleles, "
    "which come with low depth. Another ancestry than the others' can do this too."
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong with the callset as a whole: what, the likely reason, and what to do."""

    what: str
    reason: str


MOST = 0.5
"""A larger share of samples below LOWEST_CALL_RATE is a fault of the callset, not of single samples."""

EXPECTED = {
    "Ti/Tv": "2.0 to 2.1 in whole human genomes, 2.8 to 3.3 in exomes; random errors have 0.5",
    "call rate": "98% and more; 95% where capture kits or sequencing runs were mixed",
    "het/hom": "1.4 to 2.2 in people, higher in African ancestry, lower in isolated populations",
    "mean DP": "what was sequenced: 25 to 40 in 30x genomes, 60 to 120 in exomes",
    "mean GQ": "60 and more at 30x; blocks of coarse GQ bands pull it down",
}
"""What unfiltered human germline callsets mostly show; rules of thumb, of no use for other species or single genes."""


def find_alarms(statistics: Statistics) -> list[Alarm]:
    """What is wrong with the callset as a whole."""
    rates = statistics.call_rates
    low = int(np.count_nonzero(rates < LOWEST_CALL_RATE))
    if not _is_common(low, len(rates)):
        return []
    depth = float(np.nanmedian(statistics.mean_depths)) if np.isfinite(statistics.mean_depths).any() else math.nan
    what = f"{low:,} of {len(rates):,} samples have a call rate below {LOWEST_CALL_RATE:.0%}"
    what += f" (median {percent_text(float(np.nanmedian(rates)))})."
    return [Alarm(what, _reason_of_low_rates(depth))]


def _reason_of_low_rates(depth: float) -> str:
    if depth < LOW_DEPTH:
        return (
            f"Likely too few reads: the median of the samples' mean depths is {depth:.1f}. At low coverage expect "
            "this; leave out the weakest samples, or sequence deeper."
        )
    return (
        "Likely the gVCFs cover different regions: exomes of several kits, targets, or calls with -L. Give -L with the "
        "regions that all of them cover. Where they should be whole genomes, look whether files are cut short."
    )


def _is_common(flagged: int, samples: int) -> bool:
    return samples > 1 and flagged > MOST * samples


def find_outliers(statistics: Statistics) -> list[Outlier]:
    """The samples that stand out by RULE, in the callset's order; one that does so twice comes twice."""
    rates, ratios = statistics.call_rates, statistics.het_hom
    low = call_rate_outliers(rates)
    off = het_hom_outliers(ratios)
    middle = float(np.nanmedian(ratios)) if off.size else math.nan
    outliers = [
        Outlier(
            sample=int(i),
            check="call rate",
            value=percent_text(rates[i]) + _against(rates, percent_text),
            advice=LOW_CALL_RATE,
        )
        for i in low
    ]
    outliers += [
        Outlier(
            sample=int(i),
            check="het/hom",
            value=ratio_text(ratios[i]) + _against(ratios, ratio_text),
            advice=HIGH_HET_HOM if ratios[i] > middle else LOW_HET_HOM,
        )
        for i in off
    ]
    return sorted(outliers, key=lambda outlier: outlier.sample)


def call_rate_outliers(rates: Floats) -> npt.NDArray[np.int64]:
    """Indices of the call rates (samples,) that are too low; where most are, only of those far below the median."""
    low = rates < LOWEST_CALL_RATE
    if _is_common(int(np.count_nonzero(low)), len(rates)):
        low = np.zeros(len(rates), bool)
    if _enough(rates):
        low |= rates < np.nanmedian(rates) - max(DEVIATIONS * _deviation(rates), CALL_RATE_SLACK)
    return np.flatnonzero(low)


def het_hom_outliers(ratios: Floats) -> npt.NDArray[np.int64]:
    """Indices of the het/hom ratios (samples,) that are too low or too high."""
    if not _enough(ratios):
        return np.zeros(0, np.int64)
    median = float(np.nanmedian(ratios))
    return np.flatnonzero(np.abs(ratios - median) > max(DEVIATIONS * _deviation(ratios), HET_HOM_SLACK * median))


def _enough(values: Floats) -> bool:
    return bool(np.count_nonzero(np.isfinite(values)) >= FEWEST_SAMPLES)


def _deviation(values: Floats) -> float:
    return float(MAD_TO_DEVIATION * np.nanmedian(np.abs(values - np.nanmedian(values))))


def _against(values: Floats, words: Callable[[float], str]) -> str:
    return f" (median {words(float(np.nanmedian(values)))})"
