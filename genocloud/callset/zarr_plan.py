"""What a VCF Zarr of a callset has: its arrays, and which sites each of its chunks has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from genocloud import schema
from genocloud.annotations import SITE_COLUMNS
from genocloud.callset.arrays import PLOIDY
from genocloud.callset.call_rows import Span
from genocloud.callset.filter_tables import FilterLine
from genocloud.callset.format_fields import FormatFields, vcf_keys
from genocloud.callset.manifest import Description
from genocloud.callset.vcf_header import declared_filters, header_text, is_requested
from genocloud.callset.vcf_text import HIGHEST_GQ
from genocloud.callset.zarr_arrays import TEXT, ZarrArray
from genocloud.callset.zarr_values import kind_of

VERSION = "0.4"
"""Of the VCF Zarr specification; 0.5 adds only floats of other sizes."""

CHUNK_SITES, CHUNK_SAMPLES = 1000, 10_000
"""Sizes of chunks, as in bio2zarr."""

_TOO_FEW = 10
"""Chunks of samples that join are laid out anew where one would have a tenth of the samples or fewer."""

_CHUNK_VALUES = 1 << 26
"""Most values of a chunk: with many alleles or genotypes, chunks have fewer samples."""

_TASK_CELLS = 1 << 26
"""Genotypes of the sites that a task reads together."""

REGION_INDEX_FIELDS = 6
"""chunk, contig, first and last POS, the largest end, and records."""

_DIMS = {"A": "alt_alleles", "R": "alleles", "G": "genotypes"}


@dataclass(frozen=True, kw_only=True)
class ZarrPlan:
    """A VCF Zarr, apart from its values.

    sites, alleles  number of sites, and most alleles of one, with REF
    largest         of each column of integers of genotypes
    held_samples    samples of a chunk of the Zarr that is there already; 0 where there is none
    """

    description: Description
    fields: FormatFields
    filters: tuple[FilterLine, ...]
    sites: int
    alleles: int
    largest: Mapping[str, int] = field(default_factory=dict)
    held_samples: int = 0

    @property
    def filter_lines(self) -> dict[str, str]:
        """Filters with what they mean, PASS first."""
        lines = declared_filters(self.filters)
        return {"PASS": lines["PASS"]} | lines

    def info(self) -> dict[str, list[schema.Column]]:
        """Keys of INFO with their columns."""
        columns = (*SITE_COLUMNS, *(schema.FILTER_COLUMNS if self.filters else ()))
        keyed: dict[str, list[schema.Column]] = {}
        for key, column in vcf_keys(columns, "INFO"):
            if is_requested(column, self.description.model):
                keyed.setdefault(key, []).append(column)
        return keyed

    def format(self) -> dict[str, schema.Column]:
        """Keys of FORMAT but GT, with their columns."""
        keyed = ((key, column) for key, column in self.fields.columns() if key != "GT")
        return {key: column for key, column in keyed if is_requested(column, self.description.model)}

    def width(self, column: schema.Column) -> int:
        """Values of a list of this column, filled up."""
        return self._widths[_DIMS[column.number]] if column.number in _DIMS else 1

    @property
    def _widths(self) -> dict[str, int]:
        genotypes = self.alleles * (self.alleles + 1) // 2
        return {"alleles": self.alleles, "alt_alleles": max(self.alleles - 1, 1), "genotypes": genotypes}

    @property
    def chunk_samples(self) -> int:
        """Samples of a chunk: as many as in those that are there, so that these may stay, if not far too few."""
        widest = max([PLOIDY, *(self.width(column) for column in self.format().values())])
        most = max(_CHUNK_VALUES // (widest * CHUNK_SITES), 1)
        usual = max(min(len(self.description.samples), CHUNK_SAMPLES, most), 1)
        return self.held_samples if self.held_samples <= usual < self.held_samples * _TOO_FEW else usual

    def arrays(self, index_rows: int) -> dict[str, ZarrArray]:
        """All arrays by name; `index_rows`: of region_index."""
        return {array.name: array for array in self._arrays(index_rows)}

    def _arrays(self, index_rows: int) -> Iterator[ZarrArray]:
        samples, contigs, filters = self.description.samples, self.description.contigs, self.filter_lines
        names = _whole("sample_id", TEXT, ("samples",), (len(samples),))
        yield replace(names, chunks=(self.chunk_samples,))  # vcztools takes it for that of genotypes
        yield _whole("contig_id", TEXT, ("contigs",), (len(contigs),))
        yield _whole("contig_length", "<i8", ("contigs",), (len(contigs),))
        yield _whole("filter_id", TEXT, ("filters",), (len(filters),))
        yield _whole("filter_description", TEXT, ("filters",), (len(filters),))
        index = "region_index_values", "region_index_fields"
        yield _whole("region_index", "<i4", index, (index_rows, REGION_INDEX_FIELDS))
        alleles, filter_dims = (("alleles", self.alleles),), (("filters", len(filters)),)
        yield self._of_sites("variant_contig", "<i4", (), "contig's place in contig_id")
        yield self._of_sites("variant_position", "<i4", (), "position, 1-based")
        yield self._of_sites("variant_length", "<i4", (), "bases of REF")
        yield self._of_sites("variant_id", TEXT, (), "identifiers")
        yield self._of_sites("variant_id_mask", "|b1", (), "whether there is none")
        yield self._of_sites("variant_allele", TEXT, alleles, "REF and ALTs")
        yield self._of_sites("variant_quality", "<f4", (), "quality, phred")
        yield self._of_sites("variant_filter", "|b1", filter_dims, "filters that the site is under")
        for key, columns in self.info().items():
            yield self._of_sites(f"variant_{key}", kind_of(columns[0]), self._last(columns[0]), columns[0].description)
        if samples:
            ploidy, number = (("ploidy", PLOIDY),), "|i1" if self.alleles < 1 << 7 else "<i2"
            yield self._of_calls("call_genotype", number, ploidy, "allele numbers")
            yield self._of_calls("call_genotype_mask", "|b1", ploidy, "whether an allele is missing")
            yield self._of_calls("call_genotype_phased", "|b1", (), "whether GT is phased")
            for key, column in self.format().items():
                yield self._of_calls(f"call_{key}", self._kind(column), self._last(column), column.description)

    def _kind(self, column: schema.Column) -> str:
        """The shortest integers that have all values: they compress better, and take less time."""
        kind = kind_of(column)
        if kind != "<i4":
            return kind
        largest = HIGHEST_GQ if column.name == "GQ" else self.largest.get(column.name, 1 << 31)
        return next((short for short, bits in (("|i1", 7), ("<i2", 15)) if largest < 1 << bits), kind)

    def _last(self, column: schema.Column) -> tuple[tuple[str, int], ...]:
        return ((_DIMS[column.number], self.width(column)),) if column.number in _DIMS else ()

    def _of_sites(self, name: str, dtype: str, last: Sequence[tuple[str, int]], description: str) -> ZarrArray:
        dims, sizes = ("variants", *(dim for dim, _ in last)), tuple(size for _, size in last)
        chunks = max(min(self.sites, CHUNK_SITES), 1), *sizes
        return ZarrArray(
            name=name, dtype=dtype, dims=dims, shape=(self.sites, *sizes), chunks=chunks, description=description
        )

    def _of_calls(self, name: str, dtype: str, last: Sequence[tuple[str, int]], description: str) -> ZarrArray:
        dims, sizes = ("variants", "samples", *(dim for dim, _ in last)), tuple(size for _, size in last)
        shape = self.sites, len(self.description.samples), *sizes
        chunks = max(min(self.sites, CHUNK_SITES), 1), self.chunk_samples, *sizes
        return ZarrArray(name=name, dtype=dtype, dims=dims, shape=shape, chunks=chunks, description=description)

    def attributes(self) -> dict[str, Any]:
        """Of the group."""
        lines = (line[2:].split("=", 1) for line in header_text(self.description).splitlines() if line[:2] == "##")
        declared = ("FILTER", "FORMAT", "INFO", "contig")
        meta = [[key, value] for key, value in lines if key not in declared]
        return {
            "vcf_zarr_version": VERSION,
            "source": self.description.software,
            "vcf_meta_information": meta,
        }


def _whole(name: str, dtype: str, dims: tuple[str, ...], shape: tuple[int, ...]) -> ZarrArray:
    return ZarrArray(name=name, dtype=dtype, dims=dims, shape=shape, chunks=shape)


@dataclass(frozen=True, kw_only=True)
class ChunkGroup:
    """Neighbouring chunks, which one task writes.

    first, sites  the first site, of all that are written, and how many
    pieces        the shards that have them, each with the first site and the end among those of it that are written
    """

    first: int
    sites: int
    pieces: Mapping[str, Span] = field(default_factory=dict)


def chunk_groups(counts: Mapping[str, int], samples: int) -> list[ChunkGroup]:
    """Groups of chunks; counts: sites that are written of each shard, in order."""
    together = CHUNK_SITES * max(_TASK_CELLS // (CHUNK_SITES * max(samples, 1)), 1)
    together = min(together, CHUNK_SITES * _MOST_CHUNKS)
    names, ends = list(counts), np.cumsum(list(counts.values()), dtype=np.int64)
    total = int(ends[-1]) if names else 0
    groups = []
    for first in range(0, total, together):
        stop = min(first + together, total)
        here = range(np.searchsorted(ends, first, "right"), np.searchsorted(ends, stop, "left") + 1)
        starts = {names[place]: int(ends[place]) - counts[names[place]] for place in here}
        pieces = {name: (max(first - start, 0), min(stop - start, counts[name])) for name, start in starts.items()}
        groups.append(ChunkGroup(first=first, sites=stop - first, pieces=pieces))
    return groups


_MOST_CHUNKS = 16
"""Chunks that are written by one task: fewer occupy more workers, more read less of the callset twice."""


def index_rows(chunk: int, contigs: Any, positions: Any, lengths: Any) -> list[list[int]]:
    """Rows of region_index for a chunk: one for each contig in it."""
    ends = positions + lengths - 1
    firsts = np.flatnonzero(np.diff(contigs, prepend=-1))
    rows = []
    for first, stop in zip(firsts, [*firsts[1:], len(contigs)], strict=True):
        part = slice(first, stop)
        row = chunk, contigs[first], positions[first], positions[stop - 1], ends[part].max(), stop - first
        rows.append([int(value) for value in row])
    return rows
