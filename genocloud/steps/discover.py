"""discover: the cohort's variant rows become one list of merged alleles per site."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import cohort, sites
from genocloud.errors import SettingError
from genocloud.scatter.executors import Scatter, in_threads, run_needing, threads_each
from genocloud.scatter.progress import Progress
from genocloud.schema import numbers
from genocloud.steps.kept import by_batch, observed
from genocloud.steps.needs import Load, discovery_need
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import Reference, bases_of
from genocloud.steps.shards import Cut, Derived, Shard, cohort_inputs, derived

Bases = npt.NDArray[np.bool_]

OUTSIDE = "outside the intervals"
"""Why what was observed, or a site, goes no further."""


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    shard: Shard
    threads: int
    keep: bool
    reference: Reference | None


def discover(
    opened: cohort.Cohort,
    cut: Cut,
    scatter: Scatter,
    progress: Progress,
    keep: bool = True,
    reference: Reference | None = None,
) -> Receipt:
    """Merge what the samples' records show into sites, shard by shard; a shard that is there already stays.

    The tables stand under COHORT/derived; with `keep` also what each batch shows, for the cohort's next version. Where
    sites are forced, REF of those that have no record of their own comes from the `reference`, which must be the
    cohort's. Returns the receipt, balanced in (sample, allele) observations.
    Raises OtherReference, or SettingError for forced sites without a reference.
    """
    _check_reference(opened, cut, reference)
    with receipt_of("discover") as receipt:
        threads = threads_each(scatter, len(cut.settled))
        tasks = [_Task(opened.url, opened.version, shard, threads, keep, reference) for shard in cut.settled]
        needs = [discovery_need(opened, shard, threads) for shard in cut.settled]
        if keep:
            by_batch(opened, scatter, progress, "observe", _observe_batch, tasks, needs)
        with progress.stage("discover", tasks=len(tasks), unit="shard") as stage:
            done = run_needing(
                scatter, _discover_shard, tasks, needs, lambda counts: stage.advance(tasks=1, sites=counts["sites"])
            )
        total = {name: sum(counts[name] for counts in done) for name in ("sites", "observed", "merged", "outside")}
        receipt.inputs = cohort_inputs(opened)
        receipt.figures = {"shards": len(tasks), "sites": total["sites"]}
        outside = {OUTSIDE: total["outside"]} if total["outside"] else {}
        receipt.balanced("observations", total["observed"], total["merged"], outside)
    return receipt


def _check_reference(opened: cohort.Cohort, cut: Cut, reference: Reference | None) -> None:
    if not any(shard.asked.forced for shard in cut.settled):
        return
    if reference is None:
        raise SettingError(f"{opened.url}: sites without a variant are asked for; give the --reference of the cohort")
    if reference.checksum != opened.reference["contigs"]:
        raise cohort.OtherReference(opened.url, "another reference")


def _discover_shard(task: _Task) -> dict[str, int]:
    opened = cohort.open_cohort(task.cohort_url, task.version)
    tables = derived(opened, "alleles")
    return tables.counts(task.shard) or _make_shard(opened, tables, task)


def _observe_batch(given: tuple[_Task, int]) -> None:
    task, number = given
    opened = cohort.open_cohort(task.cohort_url, task.version)
    if derived(opened, "alleles").counts(task.shard) is None:
        observed(opened, opened.batches[number], task.shard, keep=True)


def _make_shard(opened: cohort.Cohort, tables: Derived, task: _Task) -> dict[str, int]:
    observations, spans = seen_by_all(opened, task.shard, task.keep, task.threads)
    unified = sites.unify([observations], [spans])
    given = _total(observations), unified, [spans], task.reference
    return make_alleles(tables, task.shard, *given, lambda: rows_cover(opened, task.shard, task.threads))


def seen_by_all(opened: cohort.Cohort, shard: Shard, keep: bool, threads: int) -> tuple[pa.Table, pa.Table]:
    """(OBSERVATIONS, SPANS) of all of a cohort's batches."""

    def observe(batch: cohort.Batch) -> tuple[pa.Table, pa.Table]:
        return observed(opened, batch, shard, keep)

    return sites.merge(in_threads(observe, opened.batches, threads))


def make_alleles(
    tables: Derived,
    shard: Shard,
    observed: int,
    unified: pa.Table,
    spans: Sequence[pa.Table],
    reference: Reference | None,
    covered: Callable[[], Bases],
) -> dict[str, int]:
    """Write what is asked of a shard's unified ALLELES, made from so many observations; returns what was counted.

    spans    SPANS, or STRETCHES, of everybody
    covered  gives for which bases of the shard anybody has a row; asked where sites are forced
    """
    alleles = _asked(shard, unified, spans, reference, covered)
    counts = {
        "sites": alleles.num_rows,
        "observed": observed,
        "merged": _total(alleles),
        "outside": _total(unified) - _total(alleles),
        "pairs": Load.of(alleles).whole.pairs,
    }
    tables.write(shard, alleles, counts)
    return counts


def _bases(reference: Reference, shard: Shard) -> str:
    return "".join(bases_of(reference, region) for region in shard.extent.regions(reference.contigs))


def _asked(
    shard: Shard,
    alleles: pa.Table,
    spans: Sequence[pa.Table],
    reference: Reference | None,
    covered: Callable[[], Bases],
) -> pa.Table:
    """The sites that are put out, or decide about the `*` of these, with the forced ones."""
    asked, region = shard.asked, shard.region
    wanted = sites.within(asked.forced, region) if asked.forced else None
    if asked.inside is not None:
        deciding = sites.deciding(sites.within(asked.inside, region), spans, region)
        starts = numbers(alleles["start"]) - region.start
        alleles = alleles.filter(pa.array(deciding[starts])).combine_chunks()
        wanted = None if wanted is None else wanted & deciding
    if wanted is None or reference is None:
        return alleles
    return sites.force(alleles, wanted & covered(), spans, _bases(reference, shard), region)


def rows_cover(opened: cohort.Cohort, shard: Shard, threads: int) -> Bases:
    """For which bases of the shard anybody has a row: (bases,) bool."""

    def covered(batch: cohort.Batch) -> Bases:
        rows = cohort.rows_along(opened, batch, shard.region)
        return sites.covered([rows.variants, rows.blocks], batch.ranks, shard.region)

    nothing = np.zeros(shard.region.end - shard.region.start, bool)
    return reduce(np.logical_or, in_threads(covered, opened.batches, threads), nothing)


def _total(table: pa.Table) -> int:
    """(Sample, allele) observations that the table accounts for."""
    return pc.sum(table["observed"]).as_py() or 0
