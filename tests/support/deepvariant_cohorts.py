"""The small random cohorts of `joint_cohorts` in DeepVariant's form."""

from itertools import combinations_with_replacement

from tests.support.cohort_strategies import SAMPLES
from tests.support.joint_cohorts import cohort_records, rows_of


def as_deepvariant(record):
    """A record of the random cohorts with DeepVariant's symbolic ALT, and its filler where that is in a genotype."""
    *fixed, keys, values = record
    fixed[4] = fixed[4].replace("<NON_REF>", "<*>")
    fields = dict(zip(keys.split(":"), values.split(":"), strict=True))
    fields.pop("SB", None)
    ploidy, alleles = len(fields["GT"].replace("|", "/").split("/")), fixed[4].count(",") + 2
    if "PL" in fields and alleles > 2:
        every = sorted(combinations_with_replacement(range(alleles), ploidy), key=lambda each: each[::-1])
        known = zip(every, fields["PL"].split(","), strict=True)
        fields["PL"] = ",".join("990" if alleles - 1 in each else pl for each, pl in known)
    return [*fixed, ":".join(fields), ":".join(fields.values())]


def cohort(seed):
    _, people = cohort_records(seed, SAMPLES)
    return {name: rows_of([as_deepvariant(each) for each in records]) for name, records in people.items()}
