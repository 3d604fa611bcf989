"""genotype: the cohort's likelihoods become a Parquet callset: estimate, settle, call, annotate; shard by shard."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import groupby
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, cohort, genotypes, objects
from genocloud.errors import SettingError
from genocloud.genotypes import Model
from genocloud.genotypes.annotation import NO_CARRIER
from genocloud.scatter.executors import Scatter, in_threads, threads_each
from genocloud.scatter.progress import Progress
from genocloud.steps.callsets import register
from genocloud.steps.receipts import Receipt, Unbalanced, receipt_of
from genocloud.steps.shards import Cut, Derived, Shard, cohort_inputs, derived, derived_key

Part = TypeVar("Part")
AT_ONCE = 8
"""Batches' summaries or shares that are held before they are added up."""


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    callset_url: str
    model: Model
    scope: str
    shard: Shard
    threads: int


class SharedPlace(SettingError):
    """A callset that would be written where its cohort lies."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: cohort and callset have the same place; give the callset one of its own")


def genotype(
    opened: cohort.Cohort, callset_url: str, model: Model, cut: Cut, scatter: Scatter, progress: Progress
) -> Receipt:
    """Genotype every sample at every site of the cut, into the callset; a shard that is there already stays.

    A cut that is whole ends with the callset's manifest, which makes it one. The balance is in sites.
    """
    with receipt_of("genotype") as receipt:
        store = _callset_store(opened, callset_url)
        threads = threads_each(scatter, len(cut.settled))
        given = opened.url, opened.version, store.url, model, cut.scope
        tasks = [_Task(*given, shard, threads) for shard in cut.settled]
        with progress.stage("estimate", tasks=len(tasks), unit="shard") as stage:
            discovered = scatter.run(_estimate_shard, tasks, lambda sites: stage.advance(tasks=1, sites=sites))
        emitted, dropped = _settle(opened, model, cut, progress)
        owned = set(cut.owned)
        called = [task for task in tasks if task.shard in owned]
        with progress.stage("genotype", tasks=len(called), unit="shard") as stage:
            entries = scatter.run(_call_shard, called, lambda one: stage.advance(tasks=1, sites=one.sites.rows))
        if cut.whole:
            callset.commit(store, _description(opened, model), entries)
        taken = sum(sites for task, sites in zip(tasks, discovered, strict=True) if task.shard in owned)
        sites = sum(entry.sites.rows for entry in entries)
        receipt.inputs = cohort_inputs(opened)
        receipt.figures = {
            "samples": len(opened.samples),
            "genotypes": sum(file.rows for entry in entries for file in entry.genotypes.values()),
            "shards": len(entries),
        }
        receipt.balanced("sites", taken, sites, dropped + Counter({NO_CARRIER: emitted - sites}))
    return receipt


def _callset_store(opened: cohort.Cohort, callset_url: str) -> objects.Store:
    """The store of the callset, found to be nobody else's."""
    store = objects.open_store(callset_url)
    if store.url == objects.open_store(opened.url).url:
        raise SharedPlace(store.url)
    callset.claim(store)
    register(opened.url, store.url)
    return store


def _estimate_shard(task: _Task) -> int:
    """Estimate a shard from all batches' summaries, added up as they come; the number of its sites."""
    opened = cohort.open_cohort(task.cohort_url, task.version)
    tables = _estimates(opened, task.model)
    if (counts := tables.counts(task.shard)) is not None:
        return counts["sites"]
    alleles = derived(opened, "alleles").read(task.shard, made_by="discover")

    def summarise(batch: cohort.Batch) -> genotypes.Summary:
        rows = cohort.read_rows(opened, batch, task.shard.region)
        return genotypes.summarise(rows.variants, rows.blocks, batch.ranks, alleles)

    summary = _added_up(in_threads(summarise, opened.batches, task.threads), genotypes.merge)
    stretches = [(alleles.slice(*place), genotypes.cut(summary, *place)) for place in _stretches(alleles, task.threads)]
    estimates = in_threads(lambda part: genotypes.estimate([part[1]], part[0], task.model), stretches, task.threads)
    tables.write(task.shard, pa.concat_tables(estimates), {"sites": alleles.num_rows})
    return int(alleles.num_rows)


def _added_up(parts: Iterable[Part], add: Callable[[Sequence[Part]], Part]) -> Part:
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


def _settle(opened: cohort.Cohort, model: Model, cut: Cut, progress: Progress) -> tuple[int, Counter[str]]:
    """Settle the cut in genome order; of its own shards the number of sites emitted, and those dropped by reason."""
    tables = _settled(opened, model, cut.scope)
    told = {shard: tables.counts(shard) for shard in cut.settled}
    if any(counts is None for counts in told.values()):
        with progress.stage("settle", tasks=len(told), unit="shard") as stage:
            for shard, counts in _settle_contigs(_estimates(opened, model), tables, model, cut.settled):
                told[shard] = counts
                stage.advance(tasks=1)
    total = sum((Counter(told[shard]) for shard in cut.owned), Counter[str]())
    return total.pop("emitted", 0), total


def _settle_contigs(
    estimates: Derived, tables: Derived, model: Model, shards: Sequence[Shard]
) -> Iterator[tuple[Shard, dict[str, int]]]:
    for _, group in groupby(shards, key=lambda shard: shard.region.contig):
        contig = list(group)
        read = (estimates.read(shard, made_by="genotype") for shard in contig)
        for shard, settled in zip(contig, genotypes.settle(read, model), strict=True):
            counts = Counter("emitted" if reason is None else reason for reason in settled["reason"].to_pylist())
            tables.write(shard, settled, dict(sorted(counts.items())))
            yield shard, dict(counts)


def _call_shard(task: _Task) -> callset.ShardEntry:
    """Call a shard's genotypes, annotate its sites, and write both; no more than a batch's genotypes are in memory.

    Which sites somebody carries is known when every batch has been called and written. Where a site falls away, which
    is rare, the batches are called and written once more without it.
    """
    opened = cohort.open_cohort(task.cohort_url, task.version)
    store = objects.open_store(task.callset_url)
    key = derived_key(opened, asdict(task.model), task.scope)
    written = callset.find_shard(store, task.shard, key)
    if written is not None:
        return written
    settled = _settled(opened, task.model, task.scope).read(task.shard, made_by="genotype")
    callset.begin_shard(store, task.shard)
    files, shares = _call_batches(opened, store, task, settled)
    sites, dropped = genotypes.annotate(settled, shares, opened.contigs)
    if sites.num_rows + dropped.total() != settled.num_rows:
        raise Unbalanced("genotype", {"taken": settled.num_rows, "given": sites.num_rows, "dropped": dict(dropped)})
    if dropped[NO_CARRIER]:
        files, _ = _call_batches(opened, store, task, genotypes.carried(settled, sites))
    return callset.complete_shard(store, task.shard, key, sites, files)


def _call_batches(
    opened: cohort.Cohort, store: objects.Store, task: _Task, settled: pa.Table
) -> tuple[dict[str, callset.FileEntry], genotypes.Shares]:
    """Call every batch and write its genotypes; their files and what they add up to."""
    sites = genotypes.emitted(settled)
    places = pa.table({"pos": pc.add(sites["start"], 1)})
    files = {}

    def call(batch: cohort.Batch) -> genotypes.Shares:
        rows = cohort.read_rows(opened, batch, task.shard.region)
        ploidies = _ploidies(opened, batch, task.shard.region.contig)
        table, shares = genotypes.call(
            rows.variants,
            rows.blocks,
            batch.samples,
            batch.ranks,
            settled,
            opened.contigs,
            ploidies,
            task.model.allele_specific,
        )
        files[batch.id] = callset.write_genotypes(store, task.shard, batch.id, places, table)
        return shares

    shares = _added_up(in_threads(call, opened.batches, task.threads), genotypes.add)
    return files, shares


def _ploidies(opened: cohort.Cohort, batch: cohort.Batch, contig: int) -> npt.NDArray[np.int8]:
    """How many `.` each sample gets where it has no record: as many as it has copies of the contig, at least one."""
    told = opened.receipt(batch).ploidies.get(str(contig), [])
    return np.maximum(np.array(told or [0] * len(batch.samples), np.int8), 1)


def _estimates(opened: cohort.Cohort, model: Model) -> Derived:
    return derived(opened, "estimates", asdict(model))


def _settled(opened: cohort.Cohort, model: Model, scope: str) -> Derived:
    return derived(opened, "settled", asdict(model), scope)


def _description(opened: cohort.Cohort, model: Model) -> callset.Description:
    return callset.Description(
        samples=opened.samples,
        batches={
            batch.id: tuple(name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0)
            for batch in opened.batches
        },
        contigs=opened.contigs,
        model={"name": "gatk", **asdict(model)},
        software=f"genocloud {version('genocloud')}",
        source={"cohort": derived_key(opened), "reference": opened.reference},
    )
