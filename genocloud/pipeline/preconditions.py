"""Refuse cohorts that cannot be genotyped soundly, and other alleles than a callset has, before any computing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from genocloud import callset
from genocloud.cohort import Cohort, Tally
from genocloud.errors import InputError, SettingError
from genocloud.gvcf import overlaps
from genocloud.gvcf.dialects import ADVICE, UNKNOWN
from genocloud.pipeline.sharding import ShardPlan
from genocloud.regions import Region, joined, region_text
from genocloud.samples.names import lookalike_key


class BareBlocks(InputError):
    """A sample whose reference blocks have no confidence, so that hom-ref and no data look alike."""

    def __init__(self, url: str, sample: str, *, blocks: int, first: str, others: int, caller: str) -> None:
        self.url, self.sample, self.blocks, self.first, self.others = url, sample, blocks, first, others
        self.caller = caller
        written = f"the file is of {caller}: " if caller not in ("", UNKNOWN.name) else ""
        advice = ADVICE.get(
            caller,
            "call the reads with a caller that writes one of the two (docs/inputs.md says which do)",
        )
        too = f"; other samples too: {others:,}" if others else ""
        super().__init__(
            f"{url}: sample {sample}: hom-ref blocks with neither PL nor GQ ({blocks:,}, the first at {first}{too}): "
            f"the gatk model cannot tell how sure 0/0 is there; {written}{advice}, or leave the sample out"
        )


class RecordsLacking(InputError):
    """A sample that lacks records in the target intervals, left out when it was ingested for other intervals."""

    def __init__(self, url: str, sample: str, place: str) -> None:
        self.url, self.sample, self.place = url, sample, place
        super().__init__(
            f"{url}: sample {sample}: its records at {place} were left out when it was ingested, because they "
            "could not be used and lay outside of the intervals; exclude them (-XL), or ingest the sample again with "
            "these intervals (ingest --replace, with --on-bad-record drop where records are bad)"
        )


class OtherAlleles(SettingError):
    """A callset that was made with other alleles than a run would force."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: this callset has forced alleles, and this run names others or none; give the --alleles that it "
            "was made with, or make a callset elsewhere"
        )


def refuse_other_alleles(callset_url: str, cut: ShardPlan) -> None:
    """Raise OtherAlleles where a finished callset has forced alleles, and a plan has not the same."""
    with suppress(callset.NoCallset, callset.OtherVersion, callset.DamagedFile):
        known = callset.open_callset(callset_url).description.model.get("alleles")
        if known and known != cut.settings["alleles"]:
            raise OtherAlleles(callset_url)


def refuse_holes(cohort: Cohort, wanted: Sequence[Region]) -> None:
    """Raise RecordsLacking for the first active sample that lacks records in the wanted regions."""
    wanted = joined(wanted)
    for sample, tally in active_tallies(cohort):
        for hole in tally.holes:
            if overlaps(wanted, Region(*hole)):
                raise RecordsLacking(cohort.url, sample, region_text(Region(*hole), cohort.contigs))


def refuse_bare_blocks(cohort: Cohort) -> None:
    """Raise BareBlocks for the first active sample whose reference blocks have neither PL nor GQ."""
    bare = sorted(_bare(cohort), key=lambda each: each[0])
    if bare:
        _, sample, tally = bare[0]
        contig, start = tally.first_bare
        first = f"{cohort.contigs[contig].name}:{start + 1:,}"
        raise BareBlocks(cohort.url, sample, blocks=tally.bare, first=first, others=len(bare) - 1, caller=tally.caller)


def active_tallies(cohort: Cohort) -> Iterator[tuple[str, Tally]]:
    """The ingest tally of each active sample, with its present name."""
    return (
        (sample, cohort.receipt(batch).tallies[place])
        for batch in cohort.batches
        for place, (rank, sample) in enumerate(zip(batch.ranks.tolist(), batch.samples, strict=True))
        if rank >= 0
    )


def callers_of(cohort: Cohort) -> dict[str, str]:
    """The dialect of each active sample's gVCF, where it is known."""
    return {sample: tally.caller for sample, tally in active_tallies(cohort) if tally.caller}


def _bare(cohort: Cohort) -> Iterator[tuple[int, str, Tally]]:
    for batch in cohort.batches:
        tallies = cohort.receipt(batch).tallies
        for rank, sample, tally in zip(batch.ranks.tolist(), batch.samples, tallies, strict=True):
            if rank >= 0 and tally.bare:
                yield rank, sample, tally


class TwinInCohort(InputError):
    """A sample name that looks like another one of the cohort."""

    def __init__(self, cohort_url: str, name: str, twin: str) -> None:
        self.cohort_url, self.name, self.twin = cohort_url, name, twin
        super().__init__(
            f"{cohort_url}: sample name {name!a} differs from {twin!a}, which the cohort holds, only by case or by how "
            "characters are encoded; choose another name"
        )


def check_twins(cohort_url: str, new: Iterable[str], present: Iterable[str]) -> None:
    """Refuse new names that look like those of the cohort's other samples; raises TwinInCohort."""
    looks = {lookalike_key(name): name for name in present}
    for name in new:
        if looks.get(lookalike_key(name), name) != name:
            raise TwinInCohort(cohort_url, name, looks[lookalike_key(name)])
