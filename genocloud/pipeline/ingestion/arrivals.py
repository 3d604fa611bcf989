"""Find the samples that are new to a cohort, check them against it, and group them into batches."""

import logging
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from genocloud import gvcf
from genocloud.cohort import CallsetHere, Cohort, KnownAsOther, NoCohort, RepeatedSample, Tally, open_cohort
from genocloud.errors import MANY, InputError, first_of
from genocloud.pipeline.fitting_model import OWN_MODEL
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.preconditions import active_tallies, check_twins
from genocloud.pipeline.reference import Reference
from genocloud.pipeline.sample_files import check_probe, in_groups, open_probe_of
from genocloud.pipeline.sample_list import People
from genocloud.regions import Region
from genocloud.samples import BadRow, Sample
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

log = logging.getLogger(__name__)


class StrangersInCohort(InputError):
    """A cohort with samples that a complete sample sheet does not list."""

    def __init__(self, url: str, sheet: str, names: Sequence[str]) -> None:
        self.url, self.sheet, self.samples = url, sheet, tuple(names)
        which = "SAMPLE..." if len(self.samples) > MANY else shlex.join(self.samples)
        super().__init__(
            f"{url}: the cohort holds samples that {sheet} does not name: {first_of(self.samples)}; put them back, or "
            f"take them out of the cohort: genocloud remove {shlex.quote(url)} {which} (where consent was withdrawn: "
            "genocloud erase)"
        )


class OtherSex(InputError):
    """Samples that the cohort has with another sex than a sample sheet; each as (name, the cohort's, the sheet's)."""

    def __init__(self, url: str, sheet: str, samples: Sequence[tuple[str, str, str]]) -> None:
        self.url, self.sheet, self.samples = url, sheet, tuple(samples)
        words = [f"{name} ({stored}, in {sheet} {listed})" for name, stored, listed in self.samples]
        super().__init__(
            f"{url}: the cohort has these samples with another sex: {first_of(words)}; correct the sheet, or let them "
            "be stored again (--replace)"
        )


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A checked sample, with its gVCF's fingerprint and size."""

    sample: Sample
    fingerprint: str
    bytes: int
    file: str
    caller: str


def check_arrivals(
    people: People, reference: Reference, policy: gvcf.RecordPolicy, scatter: Scatter, progress: Progress
) -> list[Arrival]:
    sheet_url, sheet = people.source, people.samples
    for sample in sheet:
        if sample.reads:
            problem = f"sample {sample.sample} has reads, not a gVCF"
            remedy = "call it first (genocloud call), or run the workflow, which does"
            raise BadRow(sheet_url, sample.line, sample.sample, problem, remedy)
    with progress.stage("inputs", tasks=len(sheet), unit="sample") as stage:
        look = partial(_look_at, sheet_url, reference, policy)
        checked = scatter.run(look, in_groups(sheet), lambda group: stage.advance(tasks=len(group)))
    return [arrival for group in checked for arrival in group]


def _look_at(sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, group: Sequence[Sample]) -> list[Arrival]:
    return [_arrival(sheet_url, reference, policy, sample) for sample in group]


def _arrival(sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, sample: Sample) -> Arrival:
    with open_probe_of(sheet_url, sample) as probe:
        checked = check_probe(sheet_url, reference, policy, sample, probe)
        return Arrival(
            sample=checked,
            fingerprint=probe.fingerprint(checked.name_in_gvcf),
            bytes=probe.bytes(),
            file=probe.fingerprint(None) if len(probe.header.samples) > 1 else "",
            caller=probe.header.caller,
        )


def new_arrivals(
    cohort_url: str, sheet_url: str, arrivals: Sequence[Arrival], options: IngestOptions, policy: gvcf.RecordPolicy
) -> list[Arrival]:
    """The samples that the cohort lacks and, if they may be replaced, those that it holds with other content or sex.

    Records that were left out but are inside the intervals now count as other content.

    Raises StrangersInCohort where a complete sheet lacks samples of the cohort, KnownAsOther for a file that is in it
    under another name, TwinInCohort for names that look alike, RepeatedSample for other content that may not replace,
    OtherSex for another sex that may not.
    """
    present = _present(cohort_url)
    check_twins(cohort_url, (arrival.sample.sample for arrival in arrivals), present)
    strangers = present.keys() - {arrival.sample.sample for arrival in arrivals}
    if options.complete and strangers:
        raise StrangersInCohort(cohort_url, sheet_url, sorted(strangers))
    _check_names(cohort_url, arrivals, present)
    may_replace = options.complete or options.replace
    other_sexes = _other_sexes(cohort_url, arrivals, options.replace)
    if other_sexes and not may_replace:
        raise OtherSex(cohort_url, sheet_url, other_sexes)
    again = {name for name, _, _ in other_sexes} | (_lacking(cohort_url, policy) if may_replace else set())
    new = [
        arrival
        for arrival in arrivals
        if present.get(arrival.sample.sample) != arrival.fingerprint or arrival.sample.sample in again
    ]
    changed = [arrival.sample.sample for arrival in new if arrival.sample.sample in present]
    if changed and not may_replace:
        raise RepeatedSample(cohort_url, changed)
    return new


def _other_sexes(cohort_url: str, arrivals: Sequence[Arrival], replace: bool) -> list[tuple[str, str, str]]:
    """Samples whose sex the cohort has noted and the sheet has another: (name, the cohort's, the sheet's).

    A sheet without a sample's sex takes none away. Without `replace` only those count whose caller's own model reads
    records by sex, and not those of which an earlier genocloud noted none: all others would be read anew for nothing.
    """
    cohort = existing_cohort(cohort_url)
    noted = {name: tally.sex for name, tally in active_tallies(cohort) if tally.sex or replace} if cohort else {}
    counted = [each for each in arrivals if replace or each.caller in OWN_MODEL]
    listed = {each.sample.sample: each.sample.sex for each in counted if each.sample.sex != "unknown"}
    return [(name, noted[name], sex) for name, sex in listed.items() if noted.get(name, sex) != sex]


def _lacking(cohort_url: str, policy: gvcf.RecordPolicy) -> set[str]:
    """The active samples from which records were dropped that this policy would not drop."""
    cohort = existing_cohort(cohort_url)
    return {name for name, tally in active_tallies(cohort) if _lacks(tally, policy)} if cohort else set()


def _lacks(tally: Tally, policy: gvcf.RecordPolicy) -> bool:
    refused = not policy.drop and any(map(gvcf.is_bad, tally.dropped))
    return refused or any(policy.reaches(Region(*hole)) for hole in tally.holes)


def _check_names(cohort_url: str, arrivals: Sequence[Arrival], present: Mapping[str, str]) -> None:
    """Refuse a new name for a file that is active under a name missing from the sheet: a renamed person.

    Two names in one sheet for one file may be intended (a twin in a test), and are logged.
    """
    named = {arrival.sample.sample for arrival in arrivals}
    firsts: dict[str, str] = {}
    for name, fingerprint in ((arrival.sample.sample, arrival.fingerprint) for arrival in arrivals):
        if firsts.setdefault(fingerprint, name) != name:
            log.warning("%s and %s have the same gVCF: the person will count twice", firsts[fingerprint], name)
    others = {fingerprint: name for name, fingerprint in present.items() if name not in named}
    for arrival in arrivals:
        if arrival.sample.sample not in present and arrival.fingerprint in others:
            raise KnownAsOther(cohort_url, arrival.sample.sample, others[arrival.fingerprint])


def _present(cohort_url: str) -> dict[str, str]:
    """Fingerprints of the active samples, by name; empty where there is no cohort yet."""
    cohort = existing_cohort(cohort_url)
    return cohort.fingerprints() if cohort else {}


def existing_cohort(cohort_url: str) -> Cohort | None:
    """The cohort, if there is one. Raises CallsetHere."""
    try:
        return open_cohort(cohort_url)
    except CallsetHere:
        raise
    except NoCohort:
        return None


def in_batches(arrivals: Iterable[Arrival], size: int) -> list[tuple[Arrival, ...]]:
    """Group by the sheet's column `batch`, in sorted order, into batches of at most `size`."""
    ordered = sorted(arrivals, key=lambda arrival: (arrival.sample.batch or "", arrival.sample.sample))
    named = groupby(ordered, key=lambda arrival: arrival.sample.batch)
    groups = [tuple(group) for _, group in named]
    return [group[first : first + size] for group in groups for first in range(0, len(group), size)]
