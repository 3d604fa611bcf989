"""genotype: the cohort's likelihoods become a Parquet callset: estimate, settle, call, annotate; shard by shard."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, cohort, genotypes, objects
from genocloud.errors import SettingError
from genocloud.genotypes import Model
from genocloud.genotypes.annotation import NO_CARRIER
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, Unbalanced, receipt_of
from genocloud.steps.shards import Cut, Derived, Shard, cohort_inputs, derived, derived_key


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    callset_url: str
    model: Model
    scope: str
    shard: Shard


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
        tasks = [_Task(opened.url, opened.version, store.url, model, cut.scope, shard) for shard in cut.settled]
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
    return store


def _estimate_shard(task: _Task) -> int:
    """Estimate a shard from all batches' summaries, one batch in memory at a time; the number of its sites."""
    opened = cohort.open_cohort(task.cohort_url, task.version)
    tables = _estimates(opened, task.model)
    if (counts := tables.counts(task.shard)) is not None:
        return counts["sites"]
    alleles = derived(opened, "alleles").read(task.shard, made_by="discover")
    summaries = []
    for batch in opened.batches:
        rows = cohort.read_rows(opened, batch, task.shard.region)
        summaries.append(genotypes.summarise(rows.variants, rows.blocks, batch.ranks, alleles))
    tables.write(task.shard, genotypes.estimate(summaries, alleles, task.model), {"sites": alleles.num_rows})
    return int(alleles.num_rows)


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
    """Call a shard's genotypes, annotate its sites, and write both.

    Which sites somebody carries is known when every batch has been called. So that no more than one batch's genotypes
    are in memory, several batches are called twice: for their shares of the annotations, then to be written.
    """
    opened = cohort.open_cohort(task.cohort_url, task.version)
    store = objects.open_store(task.callset_url)
    key = derived_key(opened, asdict(task.model), task.scope)
    written = callset.find_shard(store, task.shard, key)
    if written is not None:
        return written
    settled = _settled(opened, task.model, task.scope).read(task.shard, made_by="genotype")
    calls = partial(_call_batches, opened, task.shard, settled)
    first = list(calls()) if len(opened.batches) == 1 else None
    sites, dropped = genotypes.annotate(settled, [shares for _, _, shares in first or calls()], opened.contigs)
    if sites.num_rows + dropped.total() != settled.num_rows:
        raise Unbalanced("genotype", {"taken": settled.num_rows, "given": sites.num_rows, "dropped": dict(dropped)})
    kept = ((batch, genotypes.keep(table, sites)) for batch, table, _ in first or calls())
    return callset.write_shard(store, task.shard, key, sites, kept)


def _call_batches(
    opened: cohort.Cohort, shard: Shard, settled: pa.Table
) -> Iterator[tuple[str, pa.Table, genotypes.Shares]]:
    for batch in opened.batches:
        rows = cohort.read_rows(opened, batch, shard.region)
        ploidies = _ploidies(opened, batch, shard.region.contig)
        table, shares = genotypes.call(
            rows.variants, rows.blocks, batch.samples, batch.ranks, settled, opened.contigs, ploidies
        )
        yield batch.id, table, shares


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
