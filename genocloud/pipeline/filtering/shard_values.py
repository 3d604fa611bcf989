"""What expressions can name of a shard's sites: annotations, regions as flags, reference, sums over genotypes."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from genocloud import annotations, callset, filters, schema
from genocloud.pipeline.fasta_bases import FastaBases
from genocloud.regions import Contig, Region

_ALWAYS = "contig", "pos", "ref", "alts", "filter"
_COLUMN_OF = {"ID": "id", "QUAL": "qual"}
"""Names in expressions of columns that SITES calls otherwise; the others of bcftools are read always."""


@dataclass(frozen=True, kw_only=True)
class NamedValues:
    """The names that expressions use, and the regions of those that are flags: true of sites whose REF overlaps one.

    regions    sorted and disjoint
    reference  where a name is of schema.SITE_CONTEXT
    """

    names: frozenset[str]
    regions: Mapping[str, tuple[Region, ...]] = field(default_factory=dict)
    reference: FastaBases | None = None

    @property
    def needs_genotypes(self) -> bool:
        """Whether a name is a sum over genotypes."""
        return not self.names.isdisjoint(schema.SITE_METRICS.names)

    @property
    def declared(self) -> list[pa.Schema]:
        """The tables that `of_shard` gives, and more columns of SITES."""
        return [annotations.SITES, _flags_schema(self.regions), schema.SITE_CONTEXT, schema.SITE_METRICS]

    @property
    def digests(self) -> dict[str, str]:
        """A digest of the regions of each flag."""
        return {
            name: hashlib.sha256(repr(some).encode()).hexdigest()[:16] for name, some in sorted(self.regions.items())
        }

    def of_shard(
        self, made: callset.Callset, columns: Collection[str] = (), sums: callset.FileEntry | None = None
    ) -> list[pa.Table]:
        """SITES of a callset of one shard, with some `columns` more, and tables with a row for each of them.

        sums  where the last table, SITE_METRICS, was written already. Raises DamagedFile.
        """
        wanted = {*_ALWAYS, *columns, *(_COLUMN_OF.get(name, name) for name in self.names)}
        sites = made.sites(columns=[name for name in annotations.SITES.names if name in wanted])
        tables = [sites, _flags(self.regions, sites, made.contigs)]
        if self.reference:
            tables.append(_context(self.reference, sites))
        if not self.needs_genotypes:
            return tables
        return [*tables, callset.read_sums(made.store, sums) if sums else _metrics(made)]


def model_values(tables: Sequence[pa.Table]) -> schema.Sites:
    """The SITES of NamedValues.of_shard, with what was computed of genotypes and reference as further columns."""
    sites = tables[0]
    for table in tables[2:]:
        sites = schema.with_columns(sites, table)
    return sites


_STRETCH_BP = 1 << 20
"""Bases of the reference that are read at once."""


def _context(reference: FastaBases, sites: schema.Sites) -> schema.SiteContext:
    """SITE_CONTEXT of SITES. Raises UnreadableFile."""
    words = sites["contig"].unify_dictionaries().combine_chunks()
    contig, pos = schema.numbers(words.indices), schema.numbers(sites["pos"]).astype(np.int64)
    edges = np.flatnonzero((np.diff(contig) != 0) | (np.diff(pos // _STRETCH_BP) != 0)) + 1
    lengths = np.zeros(len(pos), np.int32)
    for first, end in pairwise([0, *edges.tolist(), len(pos)] if len(pos) else []):
        some = pos[first:end]  # 1-based: the index of the base behind
        begin = int(some.min())
        letters = reference.letters(words[first].as_py(), begin, int(some.max()) + filters.MOST_BP)
        lengths[first:end] = filters.repeat_lengths(letters, some - begin)
    return pa.table([lengths], schema.SITE_CONTEXT)


def _metrics(made: callset.Callset) -> schema.SiteMetrics:
    (shard,) = made.shards
    alts = np.zeros(shard.sites.rows, np.int32)
    sums = []
    for batch in made.batches(shard, filters.COLUMNS):
        alts = batch.alts
        sums.append(filters.sum_genotypes(batch.distinct, batch.runs, alts))
    return filters.total(sums, alts).table(alts, len(made.samples))


def _flags_schema(regions: Mapping[str, tuple[Region, ...]]) -> pa.Schema:
    return pa.schema([(name, schema.BOOL) for name in regions])


def _flags(regions: Mapping[str, tuple[Region, ...]], sites: schema.Sites, contigs: Sequence[Contig]) -> pa.Table:
    """Whether each site's REF overlaps some of the regions of each name."""
    number = {contig.name: place for place, contig in enumerate(contigs)}
    words = sites["contig"].unify_dictionaries().combine_chunks()
    contig = np.array([number[name] for name in words.dictionary.to_pylist()], np.int64)[schema.numbers(words.indices)]
    begin = contig << 32 | schema.numbers(sites["pos"]).astype(np.int64) - 1
    end = begin + np.diff(schema.strings(sites["ref"])[0])
    flags = {}
    for name, some in regions.items():
        starts = np.array([region.contig << 32 | region.start for region in some], np.int64)
        stops = np.array([region.contig << 32 | region.end for region in some], np.int64)
        flags[name] = np.searchsorted(starts, end, "left") > np.searchsorted(stops, begin, "right")
    return pa.table(flags, _flags_schema(regions)) if flags else pa.table({})
