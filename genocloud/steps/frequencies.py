"""frequencies: how often each ALT is called, by groups of people, in all genotypes and in adj ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa

from genocloud import filters, schema, sealing, storage
from genocloud.callset import SITES_VCF_COLUMNS, Callset, open_callset, parts_url, remove_parts, write_sites_vcf
from genocloud.errors import SettingError
from genocloud.filters import GroupCounts, count_alleles, end_of, frequency_columns
from genocloud.pipeline.chosen_samples import SampleChoice
from genocloud.pipeline.people_groups import GroupOptions, PeopleGroups, people_groups
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

_SUFFIXES = ".vcf.gz", ".parquet"


@dataclass(frozen=True, kw_only=True)
class FrequencyOptions:
    """Whose frequencies: of which samples, and of which groups of them."""

    samples: SampleChoice = field(default_factory=SampleChoice)
    groups: GroupOptions = field(default_factory=GroupOptions)


def frequencies(
    source: str | Callset,
    out_url: str,
    *,
    options: FrequencyOptions,
    scatter: Scatter,
    progress: Progress,
) -> Receipt:
    """Write OUT.vcf.gz with its index, a record a site, or OUT.parquet, a row an ALT. The balance is in sites.

    Raises InputError for labels without a column or without people, UnknownSample, DamagedFile, GenotypesNotShared or
    RemoteUnreachable, and OutputInUse where another run writes OUT.
    """
    if not out_url.endswith(_SUFFIXES):
        raise SettingError(f"{out_url}: frequencies are written as {' or '.join(_SUFFIXES)}; name the output so")
    with storage.file_lock(out_url), receipt_of("frequencies") as receipt:
        callset = options.samples.of(open_callset(source)).with_filters()
        callset.check_reach()
        groups = people_groups(options.groups, callset.samples)
        parts = storage.open_store(parts_url(out_url))
        tasks = [callset.of_shard(shard) for shard in callset.shards if shard.sites.rows]
        with progress.stage("frequencies", tasks=len(tasks), unit="shard") as stage:
            names = scatter.run(partial(_count_shard, parts.url, groups), tasks, lambda _: stage.advance(tasks=1))
        sizes = {name: len(people) for name, people in groups.members.items()}
        columns = frequency_columns(sizes)
        written = _write(out_url, callset, _tables(parts, names), columns)
        remove_parts(out_url)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(out_url)
        receipt.figures = {"groups": sizes, "suppressed": dict(groups.suppressed)}
        receipt.balanced("sites", callset.counts["sites"], written, {})
    return receipt


def _count_shard(parts_url: str, groups: PeopleGroups, made: Callset) -> str:
    """Write the shard's table to the parts; its name there."""
    (shard,) = made.shards
    alts = np.diff(schema.string_lists(made.sites(columns=["alts"])["alts"])[0]).astype(np.int32)
    sums = [(GroupCounts.none(alts), GroupCounts.none(alts)) for _ in groups.members]
    for batch in made.batches(shard, filters.COLUMNS):
        who = [np.array([sample in people for sample in batch.samples], np.bool_) for people in groups.members.values()]
        more = count_alleles(batch.distinct, batch.runs, alts, who)
        sums = [(raw + raw_too, adj + adj_too) for (raw, adj), (raw_too, adj_too) in zip(sums, more, strict=True)]
    table = made.sites(columns=SITES_VCF_COLUMNS)
    for group, pair in zip(groups.members, sums, strict=True):
        for quality, counts in zip(filters.QUALITIES, pair, strict=True):
            for name, values in counts.columns(end_of(group, quality), alts).items():
                table = table.append_column(name, values)
    name = f"{shard.name}.parquet"
    with storage.open_store(parts_url).writer(name) as stream:
        sealing.write_sealed(table, stream, compression="zstd")
    return name


def _tables(parts: storage.Store, names: Sequence[str]) -> Iterator[schema.Sites]:
    for name in names:
        with parts.open(name) as stream:
            yield sealing.reader(sealing.check(stream)).read()


def _write(url: str, callset: Callset, tables: Iterator[schema.Sites], columns: Sequence[schema.Column]) -> int:
    """Write the output; the number of sites."""
    if url.endswith(".vcf.gz"):
        return write_sites_vcf(url, callset.description, tables, columns, callset.filter_lines)
    place = list(_by_allele(callset.sites([], columns=SITES_VCF_COLUMNS)).schema)
    declared = pa.schema([*place, *(_of_allele(column.field) for column in columns)])
    folder, name = storage.split(url)
    sites = 0
    with (
        storage.open_store(folder).writer(name) as stream,
        sealing.SealedWriter(stream, declared, compression="zstd") as out,
    ):
        for table in tables:
            out.write_table(_by_allele(table).cast(declared))
            sites += len(table)
    return sites


def _of_allele(field: pa.Field) -> pa.Field:
    return field.with_type(field.type.value_type) if pa.types.is_list(field.type) else field


def _by_allele(table: schema.Sites) -> schema.AlleleRows:
    """A row for each ALT, with its entry of each list; `alts` is `alt`."""
    alts = np.diff(schema.string_lists(table["alts"])[0])
    rows = pa.array(np.repeat(np.arange(len(table)), alts))
    columns = {
        "alt" if name == "alts" else name: table[name].combine_chunks().flatten()
        if pa.types.is_list(table[name].type)
        else table[name].take(rows)
        for name in table.column_names
    }
    return pa.table(columns)
