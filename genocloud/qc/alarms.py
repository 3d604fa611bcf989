"""What is wrong with the cohort as a whole, so that no single sample is to blame, or a check says nothing."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from genocloud import schema
from genocloud.qc.relatives import FEWEST_SITES
from genocloud.qc.tables import ALARMS, AlarmTable, SampleMetrics, SampleSexes, table_of
from genocloud.sample_limits import LOW_DEPTH, LOWEST_CALL_RATE

MOST_ODD_SEXES, FEWEST_ODD_SEXES = 0.05, 3
"""Share, and number, of samples whose sex is not plain, from which on the method is wrong, not they."""


class CohortAlarm(NamedTuple):
    """A row of ALARMS."""

    check: str
    value: str
    limit: str
    advice: str


def alarm_table(metrics: SampleMetrics, sexes: SampleSexes, set_sites: int) -> AlarmTable:
    """The table ALARMS."""
    rows = [*_sites(set_sites, metrics.num_rows), *_calls(metrics), *_sexes(sexes)]
    columns: Sequence[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * len(ALARMS)
    return table_of(dict(zip(ALARMS.names, map(list, columns), strict=True)), ALARMS)


def _sites(set_sites: int, samples: int) -> Iterator[CohortAlarm]:
    if set_sites < FEWEST_SITES and samples > 1:
        advice = "lower --min-call-rate or --min-frequency; a callset of few genes cannot say who is related to whom"
        value = f"{set_sites:,} sites for kinship and components"
        yield CohortAlarm("set of sites", value, f">= {FEWEST_SITES}, else kinship is not judged", advice)


def _calls(metrics: SampleMetrics) -> Iterator[CohortAlarm]:
    rates, depths = (schema.numbers(metrics[name]).astype(np.float64) for name in ("call_rate", "dp_mean"))
    low = int(np.count_nonzero(rates < LOWEST_CALL_RATE))
    depth = float(np.nanmedian(depths)) if np.isfinite(depths).any() else np.nan
    if 2 * low > len(rates):
        few_reads = "too few reads: leave out the weakest samples, or sequence deeper"
        other_regions = "gVCFs of different regions (kits, targets, -L): give -L with what all of them cover"
        advice = few_reads if depth < LOW_DEPTH else other_regions
        value = f"{low:,} of {len(rates):,} samples below {LOWEST_CALL_RATE}"
        yield CohortAlarm("call rate", value, "half of the samples", advice)


def _sexes(sexes: SampleSexes) -> Iterator[CohortAlarm]:
    karyotypes = sexes["karyotype"].to_pylist()
    odd = sum(each not in ("XX", "XY", None) for each in karyotypes)
    if odd >= FEWEST_ODD_SEXES and odd > MOST_ODD_SEXES * len(karyotypes):
        advice = "name X's pseudo-autosomal regions with --par; look whether X and Y were called with the right ploidy"
        yield CohortAlarm("karyotype", f"{odd:,} of {len(karyotypes):,} samples", f"{MOST_ODD_SEXES:.0%}", advice)
