"""Estimate a cohort's records, observations and sites from its store, or from a sample of its gVCFs."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log2

import numpy as np

from genocloud import gvcf
from genocloud.cohort import Layout, NoCohort, open_cohort
from genocloud.costs.model import Portion
from genocloud.errors import SettingError, UnreadableFile
from genocloud.pipeline.sample_files import file_size
from genocloud.pipeline.sharding import GenomeRows, cut_windows
from genocloud.regions import Contig
from genocloud.samples import Sample
from genocloud.schema import numbers

log = logging.getLogger(__name__)

FILES = 64
"""gVCFs sampled: with 64 the number of sites of 200 to 10,000 people was predicted within 22%."""

PIECE_BYTES = 2_000_000
"""Bytes read of each: tens of thousands of records of the first contig."""


class NothingToSample(SettingError):
    """A plan for gVCFs none of which can be read here."""

    def __init__(self, url: str, first: str) -> None:
        self.url, self.first = url, first
        super().__init__(f"{url}: none of its gVCFs can be read here ({first}); run `genocloud plan` where they lie")


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """Records and observations per byte of sampled gVCFs, and how sites grow with samples.

    The genome is cut into so many `shards`. `carriers` counts sites by how many of the sampled `people` have a variant
    there; a file is `scale` times what was read of it.
    """

    people: int
    records_per_byte: float
    observations_per_byte: float
    carriers: Counter[int]
    scale: float
    shards: int

    def sites_of(self, people: int) -> float:
        """The number of sites of so many people.

        Up to the sampled number by rarefaction; beyond by the power law between half and all of the sampled.
        """
        if people <= self.people:
            return self.scale * self._expected_sites(max(people, 1))
        half, whole = self._expected_sites(max(1, self.people // 2)), self._expected_sites(self.people)
        power = log2(whole / half) if half and self.people > 1 else 0.5
        return float(self.scale * whole * (people / self.people) ** power)

    def _expected_sites(self, people: int) -> float:
        """Expected sites of a random subset of the sampled people (rarefaction)."""
        return sum(count * (1 - self._chance_unseen(carriers, people)) for carriers, count in self.carriers.items())

    def _chance_unseen(self, carriers: int, people: int) -> float:
        """The probability that a random subset has none of the carriers (hypergeometric)."""
        rest = self.people - carriers
        if rest < people:
            return 0.0
        ways = lgamma(rest + 1) - lgamma(rest - people + 1)
        return exp(ways + lgamma(self.people - people + 1) - lgamma(self.people + 1))


def sample_gvcfs(sheet_url: str, people: Sequence[Sample], layout: Layout) -> Sampled:
    """Sample some people's gVCFs, spread evenly over the sheet. Raises NothingToSample."""
    if not any(person.gvcf for person in people):
        raise NothingToSample(sheet_url, "all come as reads: call some first")
    chosen = [people[number * len(people) // min(FILES, len(people))] for number in range(min(FILES, len(people)))]
    looks, problem = [], ""
    for person in chosen:
        try:
            looks.append(_look(person, layout.contigs))
        except UnreadableFile as error:
            problem = problem or str(error)
    if not looks:
        raise NothingToSample(sheet_url, problem)
    if problem:
        log.warning(
            "%d of %d gVCFs cannot be read here; they are taken to be like the others",
            len(chosen) - len(looks),
            len(chosen),
        )
    size, records = sum(each.bytes for each in looks), sum(each.records for each in looks)
    end = min(each.end for each in looks)
    carriers = Counter(Counter(site for each in looks for site in each.sites if site < end).values())
    within = sum(each.records * _share(each, end) for each in looks)
    scale = records / size * sum(each.file_bytes for each in looks) / within
    rows = within * len(people) / len(looks)
    shards = _count_shards(layout, {site for each in looks for site in each.sites if site < end}, rows)
    all_windows = sum(len(layout.windows(part)) for part in layout.parts())
    return Sampled(
        people=len(looks),
        records_per_byte=records / size,
        observations_per_byte=sum(each.observations for each in looks) / size,
        carriers=carriers,
        scale=scale,
        shards=max(1, min(all_windows, round(shards * scale))),
    )


def _count_shards(layout: Layout, sites: set[tuple[int, int]], rows: float) -> int:
    """The shards of windows with some sites, which have so many rows together: small windows share one, as in a run."""
    windows = _windows_of(layout, sites)
    each = dict.fromkeys(windows, int(rows / max(1, len(windows))))
    genome = GenomeRows(layout=layout, variants=windows, blocks=(), reach=lambda _: [], rows=each)
    return len(cut_windows(genome).owned)


def _windows_of(layout: Layout, sites: set[tuple[int, int]]) -> set[tuple[str, int]]:
    """The layout's windows that hold some sites (contig, base), as part and number in it; short contigs share them."""
    windows = set()
    for contig in {contig for contig, _ in sites}:
        part = layout.part_of(contig)
        bases = np.array([base for number, base in sites if number == contig])
        ends = [stretch.end for stretch in layout.stretches(part)]
        places = np.searchsorted(ends, layout.axis(contig).onto(np.full(len(bases), contig), bases), side="right")
        windows |= {(part.name, number) for number in np.unique(places).tolist()}
    return windows


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What was read of one file: bytes, records, starts of variants, and where reading ended: (contig, base)."""

    file_bytes: int
    bytes: int
    records: int
    observations: int
    sites: set[tuple[int, int]]
    end: tuple[int, int]


def _share(look: _Look, end: tuple[int, int]) -> float:
    """The fraction of what was read of a file that lies before some end."""
    return 1.0 if look.end[0] != end[0] else min(1.0, end[1] / look.end[1])


def _look(person: Sample, contigs: Sequence[Contig]) -> _Look:
    url = str(person.gvcf)
    whole, read, records, observations = file_size(url), 0, 0, 0
    sites: set[tuple[int, int]] = set()
    end = (len(contigs), 1)
    for rows in gvcf.read_rows(url, contigs, person.name_in_gvcf):
        records += rows.read
        observations += rows.variants.num_rows
        for number, start in zip(
            numbers(rows.variants["contig"]).tolist(), numbers(rows.variants["start"]).tolist(), strict=True
        ):
            sites.add((number, start))
        read = rows.bytes
        if read > PIECE_BYTES and rows.blocks.num_rows:
            end = (int(numbers(rows.blocks["contig"])[-1]), int(numbers(rows.blocks["start"])[-1]))
            break
    else:
        read = whole
    return _Look(file_bytes=whole, bytes=read, records=records, observations=observations, sites=sites, end=end)


def portion_of(cohort_url: str, people: Sequence[Sample], sampled: Callable[[], Sampled], genome_bp: int) -> Portion:
    """The workload of some people: from the cohort's receipts where they are all in it, else from file sizes."""
    reads = sum(bool(person.reads) for person in people)
    stored = _stored(cohort_url, {person.sample for person in people})
    if stored:
        records, observations = stored
        return Portion(
            people=len(people),
            reads=0,
            gvcf_bytes=_bytes(people),
            records=records,
            observations=observations,
            bases=genome_bp,
        )
    size = _bytes(people) * (len(people) / max(1, len(people) - reads))  # called ones are taken to be like the others
    return Portion(
        people=len(people),
        reads=reads,
        gvcf_bytes=size,
        records=size * sampled().records_per_byte,
        observations=size * sampled().observations_per_byte,
        bases=genome_bp,
    )


def _stored(cohort_url: str, names: set[str]) -> tuple[float, float] | None:
    """Records and variants of some people in a cohort; None where it lacks one of them or does not exist."""
    try:
        cohort = open_cohort(cohort_url)
    except NoCohort:
        return None
    if not names <= set(cohort.samples):
        return None
    receipts = {batch.id: cohort.receipt(batch) for batch in cohort.batches}
    tallies = [receipts[one.batch].tallies[one.place] for one in cohort.people() if one.name in names]
    return float(sum(tally.read for tally in tallies)), float(sum(tally.stored["variants"] for tally in tallies))


def _bytes(people: Sequence[Sample]) -> float:
    """Bytes of the gVCFs; one that cannot be read here counts as the average."""
    sizes = []
    for person in people:
        try:
            sizes += [file_size(person.gvcf)] if person.gvcf else []
        except UnreadableFile:
            continue
    return sum(sizes) / max(1, len(sizes)) * sum(bool(person.gvcf) for person in people)
