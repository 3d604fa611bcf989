"""Screen one part of the genome: common sites of a sites VCF, and each batch's sums over its records."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import qc, schema
from genocloud.cohort import Batch, Cohort, open_cohort, rows_of_part
from genocloud.pipeline.cached_tables import CachedTables, batch_tables, cached_tables
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.screening.contig_kinds import ContigKinds, counted_stretches
from genocloud.pipeline.screening.frequency_sources import common_sites, content_of
from genocloud.pipeline.sharding import Shard
from genocloud.regions import Extent, Part, Region
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.schema import numbers

VARIANT_COLUMNS = tuple(dict.fromkeys([*qc.CALL_COLUMNS, *qc.DEPTH_COLUMNS]))
BLOCK_COLUMNS = tuple(dict.fromkeys([*qc.COVER_COLUMNS, *qc.DEPTH_COLUMNS]))


PANEL_SITES, LEAST_SPACING_BP = 10_000, 50_000
"""Sites of a fingerprint, about: relatedness to 0.02; and 100, enough for duplicates, where 1% of the genome has data.

Nearer sites are inherited together, so that two people may share all those of a stretch.
"""


@dataclass(frozen=True, kw_only=True)
class ScreenSettings:
    """What a screen's numbers depend on beside the cohort: `content` is a fingerprint of the source of frequencies.

    `inside`: depth counts there alone, None for everywhere.
    """

    frequencies_url: str | None
    content: str
    inside: tuple[Region, ...] | None
    fingerprints: qc.FingerprintModel
    contamination: qc.ContaminationModel = field(default_factory=qc.ContaminationModel)

    @classmethod
    def of(cls, cohort: Cohort, frequencies_url: str | None, intervals: Intervals) -> "ScreenSettings":
        """Those of a cohort: its autosomes are cut into as many stretches as fingerprints have sites.

        Raises what content_of raises, and InputError for bad intervals.
        """
        bases = sum(cohort.contigs[number].length for number in ContigKinds.of(cohort.contigs).autosomes)
        return cls(
            frequencies_url=frequencies_url,
            content=content_of(frequencies_url, cohort.contigs),
            inside=intervals.inside(cohort.contigs),
            fingerprints=qc.FingerprintModel(spacing_bp=max(LEAST_SPACING_BP, bases // PANEL_SITES)),
        )

    @property
    def key(self) -> str:
        """A hash of them, but of the file's place."""
        content = asdict(self) | {"frequencies_url": None}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class _PartTask:
    """A part of a cohort's version; of a batch, but for frequencies."""

    url: str
    version: int
    part: Part
    settings: ScreenSettings
    batch: str = ""


def screen_parts(cohort: Cohort, settings: ScreenSettings, scatter: Scatter, progress: Progress) -> None:
    """Make the cached tables that `screened` reads, where they are not there: of each batch and part with rows."""
    kinds = set(ContigKinds.of(cohort.contigs).all)
    parts = [part for part in cohort.layout.parts() if kinds & set(part.contigs)]
    task = partial(_PartTask, url=cohort.url, version=cohort.version, settings=settings)
    if settings.frequencies_url is not None:
        with progress.stage("frequencies", tasks=len(parts), unit="part") as stage:
            scatter.run(_read_frequencies, [task(part=part) for part in parts], lambda _: stage.advance(tasks=1))
    tasks = [task(part=part, batch=batch.id) for batch in cohort.batches for part in parts]
    with progress.stage("screen", tasks=len(tasks), unit="part") as stage:
        scatter.run(_screen, tasks, lambda _: stage.advance(tasks=1))


def screened(cohort: Cohort, batch: Batch, settings: ScreenSettings) -> Iterator[qc.Screened]:
    """A batch's SCREENED, part by part."""
    tables = _tables(cohort, batch, settings)
    kinds = set(ContigKinds.of(cohort.contigs).all)
    for part in cohort.layout.parts():
        if kinds & set(part.contigs):
            yield tables.read(_shard(cohort, part), made_by="screen")


def _tables(cohort: Cohort, batch: Batch, settings: ScreenSettings) -> CachedTables:
    return batch_tables(cohort, batch, f"screen-{settings.key}")


def _shard(cohort: Cohort, part: Part) -> Shard:
    """The whole part, under its name."""
    last = part.contigs[-1]
    end = cohort.contigs[last].length
    region = Region(part.contigs[0], 0, sum(cohort.contigs[number].length for number in part.contigs))
    return Shard(name=part.name, region=region, extent=Extent(part.contigs[0], 0, last, end))


def _frequency_tables(cohort: Cohort, settings: ScreenSettings) -> CachedTables:
    return cached_tables(cohort, "frequencies", settings.key)


def _frequencies(cohort: Cohort, part: Part, settings: ScreenSettings) -> schema.Frequencies:
    if settings.frequencies_url is None:
        return schema.FREQUENCIES.empty_table()
    return _frequency_tables(cohort, settings).read(_shard(cohort, part), made_by="screen")


def _chosen(frequencies: schema.Frequencies, settings: ScreenSettings) -> schema.Frequencies:
    return qc.choose_sites(frequencies, settings.fingerprints)


def _read_frequencies(task: _PartTask) -> None:
    """Read a part's common sites, of autosomes alone."""
    cohort = open_cohort(task.url, task.version)
    tables, shard = _frequency_tables(cohort, task.settings), _shard(cohort, task.part)
    if tables.counts(shard) is None:
        rows = [row for number in task.part.contigs for row in _common_alleles(cohort, number, task.settings)]
        columns = list(zip(*rows, strict=True)) or [()] * len(schema.FREQUENCIES)
        arrays = [pa.array(values, each.type) for values, each in zip(columns, schema.FREQUENCIES, strict=True)]
        tables.write(shard, pa.Table.from_arrays(arrays, schema=schema.FREQUENCIES), {"alleles": len(rows)})


def _common_alleles(
    cohort: Cohort, number: int, settings: ScreenSettings
) -> Iterator[tuple[int, int, str, str, float]]:
    url, contig, model = settings.frequencies_url, cohort.contigs[number], settings.contamination
    if url is None or number not in ContigKinds.of(cohort.contigs).autosomes:
        return
    for site in common_sites(url, contig, model.min_af, model.max_af):
        for alt in sorted(site.alts):
            yield number, site.start, site.ref, alt, site.ref_frequency


def _screen(task: _PartTask) -> None:
    cohort = open_cohort(task.url, task.version)
    batch = next(batch for batch in cohort.batches if batch.id == task.batch)
    tables, shard = _tables(cohort, batch, task.settings), _shard(cohort, task.part)
    if tables.counts(shard) is not None:
        return
    frequencies = _frequencies(cohort, task.part, task.settings)
    sums = {
        number: _ContigSums(cohort, len(batch.samples), number, task.settings, frequencies)
        for number in task.part.contigs
        if number in ContigKinds.of(cohort.contigs).all
    }
    for rows in rows_of_part(cohort, batch, "variants", task.part, VARIANT_COLUMNS):
        for number, table in _by_contig(rows):
            if number in sums:
                sums[number].add_variants(table)
    for rows in rows_of_part(cohort, batch, "blocks", task.part, BLOCK_COLUMNS):
        for number, table in _by_contig(rows):
            if number in sums:
                sums[number].add_blocks(table)
    table = pa.concat_tables([qc.SCREENED.empty_table(), *(each.table() for each in sums.values())])
    tables.write(shard, table, {"rows": len(table)})


def _by_contig(rows: schema.Records) -> Iterator[tuple[int, schema.Records]]:
    present = pc.unique(rows["contig"]).to_pylist()
    for number in present:
        yield number, rows if len(present) == 1 else rows.filter(pc.equal(rows["contig"], number))


class _ContigSums:
    """A batch's sums over its rows of one contig."""

    def __init__(
        self, cohort: Cohort, samples: int, number: int, settings: ScreenSettings, frequencies: schema.Frequencies
    ) -> None:
        kinds = ContigKinds.of(cohort.contigs)
        self.samples, self.number, self.settings = samples, number, settings
        self.stretches = counted_stretches(number, cohort.contigs, kinds, settings.inside)
        self.is_autosome = number in kinds.autosomes
        here = frequencies.filter(pc.equal(frequencies["contig"], number))
        self.keys, self.ref_frequency = qc.frequency_keys(here), numbers(here["ref_frequency"])
        self.sites = _chosen(here, settings)
        self.genotypes = np.full((samples, len(self.sites)), qc.UNKNOWN)
        self.by_depth: npt.NDArray[np.int64] = np.zeros((samples, qc.DEPTHS), np.int64)
        self.depth: npt.NDArray[np.int64] = np.zeros(samples, np.int64)
        self.calls: npt.NDArray[np.int64] = np.zeros((4, samples), np.int64)

    def add_blocks(self, blocks: schema.Blocks) -> None:
        self._add_depths(blocks)
        qc.read_blocks(blocks, self.sites, self.genotypes, self.settings.fingerprints)

    def add_variants(self, variants: schema.Variants) -> None:
        self._add_depths(variants)
        if self.is_autosome:
            model, calls = self.settings.contamination, qc.hom_alt_calls(variants)
            self.calls[:2] += qc.charr_sums(calls, self.keys, self.ref_frequency, self.samples, model)
            self.calls[2:] += qc.share_sums(calls, self.samples, model)
            qc.read_variants(variants, self.sites, self.genotypes, self.settings.fingerprints)

    def _add_depths(self, rows: schema.Records) -> None:
        by_depth, depth = qc.depth_sums(rows, self.samples, self.stretches)
        self.by_depth += by_depth
        self.depth += depth

    def table(self) -> qc.Screened:
        columns = {
            "sample": np.arange(self.samples),
            "contig": np.full(self.samples, self.number),
            "depth_sum": self.depth,
            "depth_bases": list(self.by_depth),
            **dict(zip(("charr_sum", "charr_calls", "share_sum", "share_calls"), self.calls, strict=True)),
            "genotypes": [row.tobytes() for row in self.genotypes],
        }
        arrays = [pa.array(columns[each.name], each.type) for each in qc.SCREENED]
        return pa.Table.from_arrays(arrays, schema=qc.SCREENED)
