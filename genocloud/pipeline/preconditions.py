"""What the model cannot use soundly is refused by name, before anything is computed."""

from collections.abc import Iterable, Iterator, Sequence

from genocloud import cohort
from genocloud.errors import InputError
from genocloud.gvcf import overlaps
from genocloud.gvcf.dialects import ADVICE, UNKNOWN
from genocloud.regions import Region, joined, region_text
from genocloud.samples.names import lookalike_key


class BareBlocks(InputError):
    """A sample whose hom-ref blocks do not say how sure they are: nobody could tell hom-ref from no data."""

    def __init__(self, url: str, sample: str, blocks: int, first: str, others: int, caller: str) -> None:
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
    """A sample some of whose records were left out when it was ingested, for other intervals than are wanted now."""

    def __init__(self, url: str, sample: str, place: str) -> None:
        self.url, self.sample, self.place = url, sample, place
        super().__init__(
            f"{url}: sample {sample}: its records at {place} were left out when it was ingested, because they "
            "could not be used and lay outside of the intervals; exclude them (-XL), or ingest the sample again with "
            "these intervals (ingest --replace, with --on-bad-record drop where records are bad)"
        )


def refuse_holes(opened: cohort.Cohort, wanted: Sequence[Region]) -> None:
    """Raise RecordsLacking for the first sample in force that lacks records in the regions that are wanted."""
    wanted = joined(wanted)
    for sample, tally in tallies_in_force(opened):
        for hole in tally.holes:
            if overlaps(wanted, Region(*hole)):
                raise RecordsLacking(opened.url, sample, region_text(Region(*hole), opened.contigs))


def refuse_bare_blocks(opened: cohort.Cohort) -> None:
    """Raise BareBlocks for the first sample in force whose hom-ref blocks have neither PL nor GQ."""
    found = sorted(_bare(opened), key=lambda each: each[0])
    if found:
        _, sample, tally = found[0]
        contig, start = tally.first_bare
        first = f"{opened.contigs[contig].name}:{start + 1:,}"
        raise BareBlocks(opened.url, sample, tally.bare, first, len(found) - 1, tally.caller)


def tallies_in_force(opened: cohort.Cohort) -> Iterator[tuple[str, cohort.Tally]]:
    """What became of the records of each sample in force, by the name that it has now."""
    return (
        (sample, opened.receipt(batch).tallies[place])
        for batch in opened.batches
        for place, (rank, sample) in enumerate(zip(batch.ranks.tolist(), batch.samples, strict=True))
        if rank >= 0
    )


def _bare(opened: cohort.Cohort) -> Iterator[tuple[int, str, cohort.Tally]]:
    for batch in opened.batches:
        tallies = opened.receipt(batch).tallies
        for rank, sample, tally in zip(batch.ranks.tolist(), batch.samples, tallies, strict=True):
            if rank >= 0 and tally.bare:
                yield rank, sample, tally


class TwinInCohort(InputError):
    """A name that looks like that of somebody else in the cohort."""

    def __init__(self, cohort_url: str, name: str, twin: str) -> None:
        self.cohort_url, self.name, self.twin = cohort_url, name, twin
        super().__init__(
            f"{cohort_url}: sample name {name!a} differs from {twin!a}, which the cohort holds, only by case or by how "
            "letters are encoded; choose another name"
        )


def check_twins(cohort_url: str, new: Iterable[str], present: Iterable[str]) -> None:
    """Refuse new names that look like those of the cohort's other samples; raises TwinInCohort."""
    looks = {lookalike_key(name): name for name in present}
    for name in new:
        if looks.get(lookalike_key(name), name) != name:
            raise TwinInCohort(cohort_url, name, looks[lookalike_key(name)])
