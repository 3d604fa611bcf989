"""genotype: the cohort's likelihoods become a Parquet callset: estimate, settle, call, annotate; shard by shard."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, cohort, genotypes, objects
from genocloud.errors import StoreError
from genocloud.genotypes import Model
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.shards import Cut, Derived, Shard, cohort_inputs, derived, derived_key

NO_CARRIER = "no sample carries an ALT"


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    callset_url: str
    model: Model
    shard: Shard


def genotype(
    opened: cohort.Cohort, callset_url: str, model: Model, cut: Cut, scatter: Scatter, progress: Progress
) -> Receipt:
    """Genotype every sample at every site of the cut, into the callset; a shard that is there already stays.

    The callset is not finished by this (see `finish`). The balance is in sites.
    """
    with receipt_of("genotype") as receipt:
        estimated = [_Task(opened.url, opened.version, callset_url, model, shard) for shard in cut.settled]
        with progress.stage("estimate", tasks=len(estimated), unit="shard") as stage:
            scatter.run(_estimate_shard, estimated, lambda sites: stage.advance(tasks=1, sites=sites))
        counts = _settle(opened, model, cut)
        called = [task for task in estimated if task.shard in set(cut.owned)]
        with progress.stage("genotype", tasks=len(called), unit="shard") as stage:
            entries = scatter.run(_call_shard, called, lambda one: stage.advance(tasks=1, sites=one.sites.rows))
        _tell(receipt, opened, counts, entries)
    return receipt


def finish(opened: cohort.Cohort, callset_url: str, model: Model, cut: Cut) -> None:
    """Make the shards of the cut, all written, one callset: its manifest comes last.

    Raises StoreError naming a shard that is missing.
    """
    store = objects.open_store(callset_url)
    entries = [callset.find_shard(store, shard, _key(opened, model)) for shard in cut.owned]
    missing = [shard.name for shard, entry in zip(cut.owned, entries, strict=True) if entry is None]
    if missing:
        raise StoreError(f"{callset_url}: shard {missing[0]} is missing; run `genocloud genotype` again")
    callset.commit(store, _description(opened, model), [entry for entry in entries if entry])


def _tell(receipt: Receipt, opened: cohort.Cohort, counts: Counter[str], entries: Sequence[callset.ShardEntry]) -> None:
    sites = sum(entry.sites.rows for entry in entries)
    emitted = counts.pop("emitted", 0)
    observed = emitted + counts.total()
    receipt.inputs = cohort_inputs(opened)
    receipt.figures = {
        "samples": len(opened.samples),
        "genotypes": sum(file.rows for entry in entries for file in entry.genotypes.values()),
        "shards": len(entries),
    }
    receipt.balanced("sites", observed, sites, counts + Counter({NO_CARRIER: emitted - sites}))


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


def _settle(opened: cohort.Cohort, model: Model, cut: Cut) -> Counter[str]:
    """Settle the cut in genome order; counts of the sites of its own shards: emitted, and dropped by reason."""
    tables = _settled(opened, model)
    told = {shard: tables.counts(shard) for shard in cut.settled}
    if any(counts is None for counts in told.values()):
        told = dict(_settle_contigs(_estimates(opened, model), tables, model, cut.settled))
    return sum((Counter(told[shard]) for shard in cut.owned), Counter())


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
    """Call a shard's genotypes batch by batch, annotate its sites, and write both."""
    opened = cohort.open_cohort(task.cohort_url, task.version)
    store = objects.open_store(task.callset_url)
    key = _key(opened, task.model)
    written = callset.find_shard(store, task.shard, key)
    if written is not None:
        return written
    settled = _settled(opened, task.model).read(task.shard, made_by="genotype")
    called = list(_call_batches(opened, task.shard, settled))
    sites, _ = genotypes.annotate(settled, [shares for _, _, shares in called], opened.contigs)
    kept = {batch: genotypes.keep(table, sites) for batch, table, _ in called}
    return callset.write_shard(store, task.shard, key, sites, kept)


def _call_batches(
    opened: cohort.Cohort, shard: Shard, settled: pa.Table
) -> Iterable[tuple[str, pa.Table, genotypes.Shares]]:
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


def _settled(opened: cohort.Cohort, model: Model) -> Derived:
    return derived(opened, "settled", asdict(model))


def _key(opened: cohort.Cohort, model: Model) -> str:
    return derived_key(opened, asdict(model))


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
