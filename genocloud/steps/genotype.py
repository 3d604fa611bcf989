"""genotype: the cohort's likelihoods become a Parquet callset: estimate, settle, call, annotate; shard by shard."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import chain, groupby
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, cohort, genotypes, objects, sites
from genocloud.errors import SettingError, shortened
from genocloud.genotypes import Model
from genocloud.genotypes.annotation import NO_CARRIER
from genocloud.genotypes.fates import KEPT
from genocloud.scatter.executors import Scatter, in_threads, run_needing, threads_each
from genocloud.scatter.progress import Progress
from genocloud.schema import SITE_KEY, numbers, with_column
from genocloud.steps.callsets import register
from genocloud.steps.covering import call_batch, cover
from genocloud.steps.discover import OUTSIDE
from genocloud.steps.kept import Growth, by_batch, placed, site_keys, summarised
from genocloud.steps.lining import keeping
from genocloud.steps.naming import check_contigs, named
from genocloud.steps.receipts import Receipt, Unbalanced, receipt_of
from genocloud.steps.refusals import refuse_bare_blocks, refuse_holes
from genocloud.steps.shards import Cut, Derived, Shard, cohort_inputs, derived, derived_key, read_alleles, wanted_of

Part = TypeVar("Part")
Segments = dict[str, list[callset.Segment]]
"""Where batches' genotypes of a shard are, by batch."""
AT_ONCE = 8
"""Batches' summaries or shares that are held before they are added up."""


@dataclass(frozen=True)
class Estimated:
    """What became of the sites of a cut's own shards: discovered, put out, dropped by reason.

    `alleles`: what became of their ALTs (genotypes.allele_fates); `beyond`: sites with more alleles than GATK takes.
    """

    sites: int
    emitted: int
    dropped: Counter[str]
    alleles: Counter[str]
    beyond: int

    @classmethod
    def of(cls, sites: int, told: Mapping[str, Counter[str]]) -> "Estimated":
        """From what `settle` tells of so many sites."""
        emitted = told[_SITES][EMITTED]
        return cls(sites, emitted, told[_SITES] - Counter({EMITTED: emitted}), told[_ALLELES], told[_BEYOND].total())

    def enter(self, receipt: Receipt, sites: int, alts: int) -> None:
        """Enter the balance of sites, and that of alleles, when so many of them have been put out."""
        without = Counter({NO_CARRIER: self.emitted - sites})
        receipt.balanced("sites", self.sites, sites, self.dropped + without)
        fates = self.alleles + Counter({NO_CARRIER: self.alleles[KEPT] - alts})
        del fates[KEPT]
        receipt.figures |= {
            "alleles": receipt.account("alternate alleles", self.alleles.total(), alts, fates),
            "sites_beyond_gatk_limits": self.beyond,
        }


@dataclass(frozen=True)
class _EstimateTask:
    cohort_url: str
    version: int
    model: Model
    shard: Shard
    threads: int
    callset_url: str | None

    def growth(self, alleles: pa.Table, layout: cohort.Layout) -> Growth | None:
        return Growth.of(alleles, layout, self.callset_url, self.shard) if self.callset_url else None


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    callset_url: str
    model: Model
    scope: str
    shard: Shard
    threads: int
    dbsnp_url: str | None


class SharedPlace(SettingError):
    """A callset that would be written where its cohort lies."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: cohort and callset have the same place; give the callset one of its own")


def genotype(
    opened: cohort.Cohort,
    callset_url: str,
    model: Model,
    cut: Cut,
    scatter: Scatter,
    progress: Progress,
    dbsnp_url: str | None = None,
) -> Receipt:
    """Genotype every sample at every site of the cut, into the callset; a shard that is there already stays.

    A cut that is whole ends with the callset's manifest, which makes it one. Sites are named after the VCF at
    `dbsnp_url`, whose fingerprint the model has. The balance is in sites. Raises OutputInUse where another run writes
    the callset, unless both write different parts of the genome.
    """
    check_contigs(dbsnp_url, opened.contigs)
    with (
        receipt_of("genotype") as receipt,
        keeping(scatter.memory),
        _callset_store(opened, callset_url, cut) as store,
    ):
        estimated = estimate(opened, model, cut, scatter, progress, store.url)
        threads = threads_each(scatter, len(cut.settled))
        given = opened.url, opened.version, store.url, model, cut.scope
        tasks = [_Task(*given, shard, threads, dbsnp_url) for shard in cut.owned]
        needs = [shard.need for shard in cut.owned]
        by_batch(opened, scatter, progress, "call", _cover_batch, tasks, needs)
        with progress.stage("genotype", tasks=len(tasks), unit="shard") as stage:
            entries = run_needing(
                scatter, _call_shard, tasks, needs, lambda one: stage.advance(tasks=1, sites=one.sites.rows)
            )
        if cut.whole:
            callset.commit(store, description_of(opened, model, cut), entries)
        sites = sum(entry.sites.rows for entry in entries)
        receipt.inputs = cohort_inputs(opened)
        receipt.figures = {
            "samples": len(opened.samples),
            "genotypes": sites * len(opened.samples),
            "shards": len(entries),
            "bytes_stored": sum(table.bytes for entry in entries for table in entry.tables),
            "cohort": {"version": opened.version, "records": receipt.account("records", *opened.records())},
        }
        estimated.enter(receipt, sites, sum(entry.alts for entry in entries))
    return receipt


def estimate(
    opened: cohort.Cohort,
    model: Model,
    cut: Cut,
    scatter: Scatter,
    progress: Progress,
    callset_url: str | None = None,
) -> Estimated:
    """Estimate every site of the cut and settle which are put out; shards that are there already stay.

    The tables are found by `settled_tables`. For a callset that may grow, each batch's summaries are kept.
    """
    refuse_bare_blocks(opened)
    refuse_holes(opened, wanted_of(cut, opened.layout))
    threads = threads_each(scatter, len(cut.settled))
    tasks = [_EstimateTask(opened.url, opened.version, model, shard, threads, callset_url) for shard in cut.settled]
    needs = [shard.need for shard in cut.settled]
    if callset_url:
        by_batch(opened, scatter, progress, "summarise", _summarise_batch, tasks, needs)
    with progress.stage("estimate", tasks=len(tasks), unit="shard") as stage:
        discovered = run_needing(
            scatter, _estimate_shard, tasks, needs, lambda sites: stage.advance(tasks=1, sites=sites)
        )
    told = settle(_estimates(opened, model), settled_tables(opened, model, cut.scope), model, cut, progress)
    owned = set(cut.owned)
    taken = sum(sites for task, sites in zip(tasks, discovered, strict=True) if task.shard in owned)
    return Estimated.of(taken, told)


def called_batches(
    opened: cohort.Cohort, shard: Shard, settled: pa.Table, model: Model, threads: int
) -> Iterator[tuple[cohort.Batch, genotypes.Called, genotypes.Shares]]:
    """Call every batch at the sites of SETTLED that are put out, in the batches' order, in so many threads."""

    def call(batch: cohort.Batch) -> tuple[cohort.Batch, genotypes.Called, genotypes.Shares]:
        return batch, *call_batch(opened, batch, shard, settled, model)

    return in_threads(call, opened.batches, threads)


@contextmanager
def _callset_store(opened: cohort.Cohort, callset_url: str, cut: Cut) -> Iterator[objects.Store]:
    """The store of the callset, which holds nothing else and which no other run writes meanwhile."""
    store = objects.open_store(callset_url)
    if store.url == objects.open_store(opened.url).url:
        raise SharedPlace(store.url)
    callset.claim(store)
    part = None if cut.whole else f"shards {shortened([shard.name for shard in cut.owned])}"
    with objects.folder_lock(store.url, part):
        register(opened.url, store.url)
        yield store


def _estimate_shard(task: _EstimateTask) -> int:
    """Estimate a shard from all batches' summaries, added up as they come; the number of its sites."""
    opened = cohort.open_cohort(task.cohort_url, task.version)
    tables = _estimates(opened, task.model)
    if (counts := tables.counts(task.shard)) is not None:
        return counts["sites"]
    everywhere = read_alleles(opened, task.shard)
    alleles = genotypes.with_alts(everywhere)
    growth = task.growth(alleles, opened.layout)

    def summarise(batch: cohort.Batch) -> genotypes.Summary:
        return summarised(opened, batch, task.shard, alleles, growth)

    summary = added_up(in_threads(summarise, opened.batches, task.threads), genotypes.merge)
    return write_estimates(tables, task.shard, everywhere, estimated(summary, alleles, task.model, task.threads))


def estimated(summary: genotypes.Summary, alleles: pa.Table, model: Model, threads: int) -> pa.Table:
    """ESTIMATES of the sites of ALLELES, all of which have ALTs, in so many threads."""
    stretches = [(alleles.slice(*place), genotypes.cut(summary, *place)) for place in _stretches(alleles, threads)]
    return pa.concat_tables(in_threads(lambda part: genotypes.estimate([part[1]], part[0], model), stretches, threads))


def write_estimates(tables: Derived, shard: Shard, alleles: pa.Table, estimates: pa.Table) -> int:
    """Write ESTIMATES of a shard's ALLELES, given those of the sites that have ALTs; the number of sites."""
    whole = genotypes.with_unestimated(estimates, alleles)
    tables.write(shard, whole, {"sites": whole.num_rows})
    return int(whole.num_rows)


def added_up(parts: Iterable[Part], add: Callable[[Sequence[Part]], Part]) -> Part:
    """The parts as one, a handful in memory at a time."""
    held: list[Part] = []
    for part in parts:
        held.append(part)
        if len(held) == AT_ONCE:
            held = [add(held)]
    return add(held)


def _stretches(sites: pa.Table, threads: int) -> list[tuple[int, int]]:
    """The sites in even parts, one for each thread: (first, how many)."""
    size = max(1, -(-len(sites) // threads))
    return [(first, min(size, len(sites) - first)) for first in range(0, max(1, len(sites)), size)]


def settle(estimates: Derived, tables: Derived, model: Model, cut: Cut, progress: Progress) -> dict[str, Counter[str]]:
    """Settle the cut in genome order, into tables SETTLED; of its own shards what `_counted` tells, by kind."""
    told = {shard: tables.counts(shard) for shard in cut.settled}
    if any(counts is None for counts in told.values()):
        with progress.stage("settle", tasks=len(told), unit="shard") as stage:
            for shard, counts in _settle_contigs(estimates, tables, model, cut.settled):
                told[shard] = counts
                stage.advance(tasks=1)
    total: dict[str, Counter[str]] = {kind: Counter() for kind in (_SITES, _ALLELES, _BEYOND)}
    for name, count in chain.from_iterable((told[shard] or {}).items() for shard in cut.owned):
        kind, _, what = name.partition(": ")
        total[kind][what] += count
    return total


EMITTED = "put out"
_SITES, _ALLELES, _BEYOND = "sites", "alleles", "beyond"


def _counted(settled: pa.Table) -> dict[str, int]:
    """What became of a shard's sites and alleles, and which sites are beyond GATK's limits, counted."""
    told = pc.fill_null(settled["reason"].cast(pa.string()), EMITTED).value_counts().to_pylist()
    sites = Counter({each["values"]: each["counts"] for each in told})
    beyond = Counter({"sites": int(np.count_nonzero(numbers(settled["beyond"])))})
    kinds = ((_SITES, sites), (_ALLELES, genotypes.allele_fates(settled)), (_BEYOND, beyond))
    return {f"{kind}: {what}": count for kind, counts in kinds for what, count in sorted(counts.items())}


def _settle_contigs(
    estimates: Derived, tables: Derived, model: Model, shards: Sequence[Shard]
) -> Iterator[tuple[Shard, dict[str, int]]]:
    for _, group in groupby(shards, key=lambda shard: shard.region.contig):
        contig = list(group)
        read = (estimates.read(shard, made_by="genotype") for shard in contig)
        for shard, settled in zip(contig, genotypes.settle(read, model), strict=True):
            if shard.asked.inside is not None:
                inside = sites.within(shard.asked.inside, shard.region)[numbers(settled["start"]) - shard.region.start]
                settled = genotypes.only_inside(settled, inside, OUTSIDE)
            counts = _counted(settled)
            tables.write(shard, settled, counts)
            yield shard, counts


def _summarise_batch(given: tuple[_EstimateTask, int]) -> None:
    task, number = given
    opened = cohort.open_cohort(task.cohort_url, task.version)
    if _estimates(opened, task.model).counts(task.shard) is None:
        alleles = genotypes.with_alts(read_alleles(opened, task.shard))
        summarised(opened, opened.batches[number], task.shard, alleles, task.growth(alleles, opened.layout))


def _cover_batch(given: tuple[_Task, int]) -> None:
    task, number = given
    opened = cohort.open_cohort(task.cohort_url, task.version)
    store = objects.open_store(task.callset_url)
    key = _shard_key(opened, task)
    if callset.find_shard(store, task.shard, key, whole=False) is None:
        callset.begin_shard(store, task.shard, key)
        sites = genotypes.emitted(_settled_of(opened, task))
        keys = site_keys(sites, opened.layout)
        cover(opened, store, opened.batches[number], task.shard, sites, keys, task.model)


def _shard_key(opened: cohort.Cohort, task: _Task) -> str:
    return derived_key(opened, asdict(task.model), task.scope, opened.samples)


def _settled_of(opened: cohort.Cohort, task: _Task) -> pa.Table:
    return settled_tables(opened, task.model, task.scope).read(task.shard, made_by="genotype")


def _call_shard(task: _Task) -> callset.ShardEntry:
    """See to a shard's genotypes, annotate its sites, and write these; few batches' genotypes are in memory.

    Which sites somebody carries is known when every batch has been called and written. Where a site falls away, which
    is rare, its genotypes are taken out again.
    """
    opened = cohort.open_cohort(task.cohort_url, task.version)
    store = objects.open_store(task.callset_url)
    key = _shard_key(opened, task)
    written = callset.find_shard(store, task.shard, key)
    if written is not None:
        return written
    settled = _settled_of(opened, task)
    emitted = genotypes.emitted(settled)
    callset.begin_shard(store, task.shard, key)
    segments, total = cover_all(opened, store, task.shard, emitted, task.model, task.threads)
    sites = annotated(settled, total, opened.layout, task.shard, task.model, task.dbsnp_url)
    return complete(opened, store, task.shard, key, emitted, sites, segments, task.model)


def cover_all(
    opened: cohort.Cohort, store: objects.Store, shard: Shard, emitted: pa.Table, model: Model, threads: int
) -> tuple[Segments, genotypes.Shares]:
    """See to every batch's genotypes at the rows of SETTLED put out: where they are, and all shares added up."""
    keys = site_keys(emitted, opened.layout)
    segments: Segments = {}

    def shares(batch: cohort.Batch) -> genotypes.Shares:
        segments[batch.id], own = cover(opened, store, batch, shard, emitted, keys, model)
        return own

    return segments, added_up(in_threads(shares, opened.batches, threads), genotypes.add)


def annotated(
    settled: pa.Table,
    total: genotypes.Shares,
    layout: cohort.Layout,
    shard: Shard,
    model: Model,
    dbsnp_url: str | None,
) -> pa.Table:
    """SITES of a shard's SETTLED, on its axis, given everybody's shares; without those that nobody carries."""
    sites, dropped = genotypes.annotate(settled, total, layout.contigs, model)
    if sites.num_rows + dropped.total() != settled.num_rows:
        raise Unbalanced("genotype", {"taken": settled.num_rows, "given": sites.num_rows, "dropped": dict(dropped)})
    return named(sites, layout, shard, dbsnp_url)


def complete(
    opened: cohort.Cohort,
    store: objects.Store,
    shard: Shard,
    key: str,
    emitted: pa.Table,
    sites: pa.Table,
    segments: Segments,
    model: Model,
    elsewhere: Sequence[callset.ShardEntry] = (),
) -> callset.ShardEntry:
    """Write the SITES that remain of those put out, and take the others' genotypes out.

    `elsewhere`: entries of the same shard in other sites' callsets, whose batches' files are entered as well.
    """
    left = np.isin(numbers(emitted["start"]) + 1, numbers(sites["pos"]))
    told = sites.append_column(SITE_KEY.field, pa.array(site_keys(emitted, opened.layout)[left]))
    if not left.all() or genotypes.uncarried(sites).any():
        told = _without_carriers(opened, store, shard, emitted.filter(pa.array(left)), told, segments, model)
    files = {batch: [each.genotypes for each in found] for batch, found in segments.items()}
    kept = {batch: [each.shares for each in found] for batch, found in segments.items()}
    for other in elsewhere:
        files |= {batch: list(found) for batch, found in other.genotypes.items()}
        kept |= {batch: list(found) for batch, found in other.shares.items()}
    return callset.complete_shard(store, shard, key, placed(told, opened.layout, shard), files, kept)


def _without_carriers(
    opened: cohort.Cohort,
    store: objects.Store,
    shard: Shard,
    emitted: pa.Table,
    sites: pa.Table,
    segments: Segments,
    model: Model,
) -> pa.Table:
    """Take genotypes out that nobody carries, or write them as hom-ref where the site is forced; SITES with keys."""
    silent, keys = genotypes.uncarried(sites), numbers(sites["key"])
    for batch in opened.batches:
        found = [callset.only(store, shard, batch.id, each, keys[~silent]) for each in segments[batch.id]]
        if silent.any():
            forced = emitted.filter(pa.array(silent)).combine_chunks()
            more, _ = cover(opened, store, batch, shard, forced, ~keys[silent], model, uncarried=True)
            found = [*(each for each in found if each.genotypes.rows), *more]
        segments[batch.id] = found
    return with_column(sites, "key", pa.array(np.where(silent, ~keys, keys)))


def _estimates(opened: cohort.Cohort, model: Model) -> Derived:
    return derived(opened, "estimates", asdict(model))


def settled_tables(opened: cohort.Cohort, model: Model, scope: str) -> Derived:
    """Where the tables SETTLED of a cut's shards are; `scope` is the cut's."""
    return derived(opened, "settled", asdict(model), scope)


def description_of(opened: cohort.Cohort, model: Model, cut: Cut) -> callset.Description:
    """What a callset of the cohort says of itself."""
    forced = any(shard.asked.forced for shard in cut.owned)
    return callset.Description(
        samples=opened.samples,
        batches={
            batch.id: tuple(name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0)
            for batch in opened.batches
        },
        contigs=opened.contigs,
        model={"name": "gatk", **asdict(model), "force_output_intervals": forced},
        software=f"genocloud {version('genocloud')}",
        source={"cohort": derived_key(opened), "reference": opened.reference},
    )
