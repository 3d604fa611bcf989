"""Tasks of a hybrid run at one location: idempotent, stateless; results leave only as the location's policy allows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, genotypes, sites, storage
from genocloud.cohort import Cohort, Layout, identities, open_cohort
from genocloud.federation import (
    MAY_LEAVE,
    Message,
    Register,
    SitePolicy,
    callset_in,
    cohort_in,
    policy_for,
    released,
    unpack,
)
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import CachedTables, alleles_in, cached_tables, cohort_key
from genocloud.pipeline.genotyping.batch_cache import CallsetSites, observed
from genocloud.pipeline.genotyping.discovery import rows_cover, seen_by_all
from genocloud.pipeline.genotyping.genotype_reuse import CallsetShard
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_calling import ensure_shard_genotypes, store_batch
from genocloud.pipeline.genotyping.shard_completion import Segments, complete
from genocloud.pipeline.genotyping.shard_estimates import estimates_of_shard, write_estimates
from genocloud.pipeline.genotyping.summed_counts import KeptCounts
from genocloud.pipeline.memory_model import SiteLoad, TaskLimits, discovery_need, pieces_of
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import Base, Shard, reaches
from genocloud.regions import Region
from genocloud.schema import (
    ALLELES,
    INTERVALS,
    LOCAL_ALLELES,
    Alleles,
    IntervalRows,
    Settled,
    Stretches,
    UnitedAlleles,
    numbers,
)

Edges = list[tuple[int, int, int]]
"""Start, end and need of a shard's pieces, in genome order."""


@dataclass(frozen=True, kw_only=True)
class LocationContext:
    """What a task has to know of the location that it runs at.

    reference       URL of the FASTA, as the location's workers see it
    version         of the location's cohort, 0 where it has none
    is_coordinator  whether the coordinator is at this location
    remote_batches  at the coordinator: the batches of all other locations
    content         hash of all samples' rows in their order; `scope` and `model` add what is emitted
    key             hash that names the callset's shards
    row_cache       cache of aligned rows, where the tasks run in this process
    """

    site: str
    store: str
    is_coordinator: bool
    version: int
    reference: str
    part_bp: int
    window_bp: int
    model: Model | MergeModel
    remote_batches: tuple[str, ...] = ()
    content: str = ""
    scope: str = ""
    key: str = ""
    row_cache: RowCache = field(default_factory=RowCache, compare=False, repr=False)

    @property
    def cohort_url(self) -> str:
        """URL of its cohort."""
        return cohort_in(self.store)

    @property
    def callset_url(self) -> str:
        """URL of its callset."""
        return callset_in(self.store)

    @property
    def likelihood_model(self) -> Model:
        """The model, in the flow of the models that call by likelihoods."""
        assert isinstance(self.model, Model)
        return self.model

    @property
    def merge_model(self) -> MergeModel:
        """The model, in GLnexus's flow."""
        assert isinstance(self.model, MergeModel)
        return self.model

    def admitted_cohort(self) -> Cohort:
        """The location's cohort, whose samples its register has admitted; an empty cohort where it has none.

        Raises what `policy_for` does; under `stays` also TooFew or RegisterLost. A task returns sums over the samples
        of the version that it opens, so the register must have noted that version first.
        """
        policy, cohort = policy_for(self.store), self.stored_cohort
        if self.version and policy.counts_people:
            _admit(policy, cohort)
        return cohort

    @property
    def stored_cohort(self) -> Cohort:
        """The location's cohort without a check by its register: for code that returns nothing of it."""
        if self.version:
            return open_cohort(self.cohort_url, self.version)
        reference = read_reference(self.reference)
        layout = Layout(reference.contigs, self.part_bp, self.window_bp)
        reference_digest = {"contigs": reference.checksum}
        return Cohort(
            url=storage.open_store(self.cohort_url).url,
            version=0,
            layout=layout,
            reference=reference_digest,
            samples=(),
            batches=(),
        )

    def tables(self, kind: str, *settings: object) -> CachedTables:
        """The folder of one kind of tables derived from the rows of all samples."""
        return cached_tables(self.stored_cohort, kind, self.content, *settings)

    @property
    def estimates(self) -> CachedTables:
        """The coordinator's folder of ESTIMATES."""
        return self.tables("estimates", asdict(self.model))

    def released(self, kind: str, table: pa.Table) -> Message:
        """A table packed as a message, if the policy allows. Raises TransferDenied, or as `admitted_cohort`."""
        self.admitted_cohort()
        return released(self.store, kind, table)

    def redacted_entry(self, entry: callset.ShardEntry) -> callset.ShardEntry:
        """A shard's entry to be sent: without sizes, checksums and history of files whose genotypes may not leave.

        What is left of each batch, names and the number of sites, follows from the shard and its samples.
        """
        if self.is_coordinator or policy_for(self.store).policy == MAY_LEAVE:
            return entry
        files = {
            batch: tuple(
                each.without_content(entry.sites.rows)
                for each in segments[:1]
                if isinstance(each, callset.GenotypeFiles)
            )
            for batch, segments in entry.genotypes.items()
        }
        return replace(entry, genotypes=files, shares={})


_admitting = Lock()


def _admit(policy: SitePolicy, cohort: Cohort) -> None:
    """Have the location's register admit the samples of a cohort version; once in each process."""
    with _admitting:
        _admitted(policy, cohort.url, cohort.version, cohort_key(cohort))


@lru_cache(maxsize=64)
def _admitted(policy: SitePolicy, cohort_url: str, version: int, content: str) -> None:  # noqa: ARG001  (it names the rows)
    Register(policy).admit(identities(open_cohort(cohort_url, version)))


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """A task on a shard, or on a piece of one; `number` is a batch's place, `messages` what the coordinator sends.

    `others`: at the coordinator, the other locations' entries of the shard. `people`: the number of samples at all
    locations together, where frequencies are over these.
    """

    context: LocationContext
    shard: Shard
    threads: int = 1
    number: int = 0
    messages: tuple[Message, ...] = ()
    others: tuple[callset.ShardEntry, ...] = ()
    people: int = 0

    def callset_shard(self) -> CallsetShard:
        """The shard of the location's callset. Raises as `LocationContext.admitted_cohort` does."""
        context = self.context
        cohort, store = context.admitted_cohort(), storage.open_store(context.callset_url)
        return CallsetShard(
            cohort=cohort, store=store, shard=self.shard, model=context.likelihood_model, row_cache=context.row_cache
        )


@dataclass(frozen=True, kw_only=True)
class LocalAlleles:
    """A location's alleles of a shard, the bases under its deletions, and (for force-output) those that have rows."""

    alleles: Message
    spans: Message
    covered: Message | None
    observed: int


@dataclass(frozen=True)
class NeedsRequest:
    """Estimate what discovery of some shards takes in memory, with so many threads each."""

    context: LocationContext
    shards: Sequence[Shard]
    threads: int


def discovery_needs(request: NeedsRequest) -> list[int]:
    """Memory that discovery of each shard takes, in bytes."""
    cohort = request.context.admitted_cohort()
    return [rounded_up(discovery_need(cohort, shard, request.threads)) for shard in request.shards]


NEED_STEP_BYTES = 16_000_000
"""Memory needs are rounded up to a multiple of this: finer numbers would reveal the lengths of single rows."""


def rounded_up(need: int) -> int:
    return -(-need // NEED_STEP_BYTES) * NEED_STEP_BYTES


@dataclass(frozen=True)
class ReachRequest:
    """Find how far upstream rows reach that cover some bases."""

    context: LocationContext
    bases: Sequence[Base]


def upstream_reach(request: ReachRequest) -> list[int]:
    """The start of the first row over each base, see sharding.reaches."""
    return reaches(request.context.admitted_cohort(), request.bases)


def observe_batch(task: ShardTask) -> None:
    """Observe a batch in a shard and store the observations."""
    cohort = task.context.admitted_cohort()
    observed(cohort, cohort.batches[task.number], task.shard, keep=True)


def local_alleles(task: ShardTask) -> LocalAlleles:
    """Observe all of the location's batches in a shard."""
    context, shard, cohort = task.context, task.shard, task.context.admitted_cohort()
    alleles, stretches = _keep_local(cohort, shard, task.threads)
    covered = None
    if shard.targets.force_output:
        covered = context.released("covered", _runs(rows_cover(cohort, shard, task.threads), shard.region))
    return LocalAlleles(
        alleles=context.released("local", alleles.select(LOCAL_ALLELES.names)),
        spans=context.released("spans", stretches.select(INTERVALS.names)),
        covered=covered,
        observed=int(numbers(alleles["observed"]).sum()),
    )


def _keep_local(cohort: Cohort, shard: Shard, threads: int) -> tuple[Alleles, Stretches]:
    """Store the location's own ALLELES of a shard; return them and STRETCHES."""
    observations, spans = seen_by_all(cohort, shard, True, threads)
    alleles, stretches = sites.location_sites([observations], [spans])
    cached_tables(cohort, "local").write(shard, alleles, {})
    return alleles, stretches


def _runs(bases: npt.NDArray[np.bool_], region: Region) -> IntervalRows:
    """Runs of true bases as INTERVALS."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bases, [False]]).astype(np.int8))) + region.start
    return pa.table([edges[::2].astype(np.int32), edges[1::2].astype(np.int32)], INTERVALS)


@dataclass(frozen=True)
class AllelesDelivery:
    """The united ALLELES of a shard, with bytes that one task may need at most, and that a worker has."""

    task: ShardTask
    max_task_bytes: int
    worker_bytes: int


def store_alleles(delivery: AllelesDelivery) -> Edges:
    """Store a shard's united ALLELES; return the pieces into which this location's memory requires it to be split."""
    task = delivery.task
    context, shard, cohort = task.context, task.shard, task.context.admitted_cohort()
    tables = context.tables("alleles")
    alleles = _with_local_counts(cohort, shard, unpack(task.messages[0], "united"), task.threads)
    weight = SiteLoad.of(alleles).whole
    tables.write(shard, alleles, asdict(weight))
    limits = TaskLimits(
        threads=task.threads,
        max_task_bytes=delivery.max_task_bytes,
        worker_bytes=delivery.worker_bytes,
        holds_genotypes=True,  # messages are held, too, which are of the like size
    )
    pieces = pieces_of(cohort, tables, shard, limits)
    return [(piece.region.start, piece.region.end, rounded_up(piece.need)) for piece in pieces]


def _with_local_counts(cohort: Cohort, shard: Shard, united: UnitedAlleles, threads: int) -> Alleles:
    """ALLELES with the location's own observation counts, from which its memory needs are estimated.

    Cached tables may have been removed here since the coordinator united the shard: missing ones are made again.
    """
    starts = numbers(united["start"])
    seen = np.zeros(len(united), np.int32)
    if cohort.batches:
        kept = cached_tables(cohort, "local")
        if kept.counts(shard) is None:
            _keep_local(cohort, shard, threads)
        local = kept.read(shard, made_by="hybrid")
        own = np.isin(numbers(local["start"]), starts)
        places = np.searchsorted(starts, numbers(local["start"])[own])
        seen[places] = numbers(local["observed"])[own]
    columns = {name: united[name] for name in united.column_names}
    columns |= {"contig": np.full(len(united), shard.region.contig, np.int32), "observed": seen}
    return pa.table([columns[name] for name in ALLELES.names], ALLELES)


def summarise_batch(task: ShardTask) -> None:
    """Summarise a batch in a shard and store the summary."""
    kept = _estimable(task)
    kept.keep(kept.cohort.batches[task.number])


def _estimable(task: ShardTask) -> KeptCounts:
    """The sites of a shard that can be estimated, and what is stored about them already."""
    cohort = task.context.admitted_cohort()
    alleles = genotypes.with_alts(alleles_in(task.context.tables("alleles"), task.shard))
    callset_sites = CallsetSites.of(alleles, cohort.layout, task.context.callset_url, task.shard)
    return KeptCounts(
        cohort=cohort,
        shard=task.shard,
        alleles=alleles,
        callset_sites=callset_sites,
        model=task.context.likelihood_model,
        row_cache=task.context.row_cache,
    )


def _summary(task: ShardTask) -> tuple[Alleles, genotypes.LikelihoodCounts | None]:
    """The sites of a shard that can be estimated, and the summed likelihood counts of the location's batches."""
    kept = _estimable(task)
    return kept.alleles, kept.total(task.threads) if kept.cohort.batches else None


def send_summary(task: ShardTask) -> Message:
    """The location's SUMMARY of a shard."""
    _, summary = _summary(task)
    assert summary is not None
    return task.context.released("summary", genotypes.summary_table(summary))


def estimate(task: ShardTask) -> None:
    """At the coordinator: estimate a shard from its own batches and the other locations' summaries."""
    context, tables = task.context, task.context.estimates
    alleles, own = _summary(task)
    others = [genotypes.summary_of(unpack(message, "summary")) for message in task.messages]
    summary = genotypes.merge([*([own] if own else []), *others])
    everywhere = alleles_in(context.tables("alleles"), task.shard)
    write_estimates(
        tables, task.shard, everywhere, estimates_of_shard(summary, alleles, context.likelihood_model, task.threads)
    )


def start(task: ShardTask) -> Message:
    """STARTS of the location's samples in a shard; stores their summary, so that EM rounds need not read rows."""
    alleles, summary = _summary(task)
    assert summary is not None
    task.context.tables("summary").write(task.shard, genotypes.summary_table(summary), {})
    return task.context.released("starts", genotypes.initial_sums(summary, alleles, task.context.likelihood_model))


def maxima(task: ShardTask) -> Message:
    """MAXIMA of the location's samples in a shard."""
    alleles, summary = _summary(task)
    assert summary is not None
    return task.context.released("maxima", genotypes.carrier_maxima(summary, alleles))


def answer(task: ShardTask) -> Message:
    """ANSWERS of the location's samples to the questions of an EM round."""
    context = task.context
    alleles = genotypes.with_alts(alleles_in(context.tables("alleles"), task.shard))
    summary = genotypes.summary_of(context.tables("summary").read(task.shard, made_by="hybrid"))
    answers = genotypes.answer_questions(
        summary, alleles, unpack(task.messages[0], "questions"), context.likelihood_model
    )
    return context.released("answers", answers)


def store_emitted(task: ShardTask) -> None:
    """Store the emitted sites of a shard until the shard is complete."""
    _emitted_tables(task.context).write(task.shard, unpack(task.messages[0], "emitted sites"), {})


def _emitted_tables(context: LocationContext) -> CachedTables:
    return context.tables("out", asdict(context.model), context.scope)


def _emitted_sites(task: ShardTask) -> Settled:
    """The emitted rows of SETTLED, as `store_emitted` stored them."""
    alleles = alleles_in(task.context.tables("alleles"), task.shard)
    return genotypes.settled_from(_emitted_tables(task.context).read(task.shard, made_by="hybrid"), alleles)


def genotype_batch(task: ShardTask) -> None:
    """Make sure that a batch's genotypes in a shard are stored."""
    target, emitted = task.callset_shard(), _emitted_sites(task)
    store_batch(target, target.cohort.batches[task.number], emitted)


def genotype_shard(task: ShardTask) -> Message:
    """Make sure that all genotypes of the location in a shard are stored; return their raw annotations."""
    target, emitted = task.callset_shard(), _emitted_sites(task)
    callset.begin_shard(target.store, task.shard, task.context.key)
    _, total = ensure_shard_genotypes(target, emitted, task.threads)
    kind = "shares" if total.alleles is None else "allele shares"
    return task.context.released(kind, genotypes.summed_table(total, emitted))


def add_squares(task: ShardTask) -> Message:
    """SQUARES of the preceding locations' samples with this location's added."""
    target, emitted = task.callset_shard(), _emitted_sites(task)
    before = unpack(task.messages[0], "squares")
    _, total = ensure_shard_genotypes(target, emitted, task.threads)
    return task.context.released("squares", genotypes.squares_of(total, before))


def complete_shard(task: ShardTask) -> callset.ShardEntry:
    """Write a shard's SITES, computed from all samples; this completes the shard."""
    target, emitted = task.callset_shard(), _emitted_sites(task)
    table = unpack(task.messages[0], "sites")
    segments: Segments = {}
    if target.cohort.batches:
        segments, _ = ensure_shard_genotypes(target, emitted, task.threads)
    entry = complete(target, task.context.key, emitted, table, segments, elsewhere=task.others)
    return task.context.redacted_entry(entry)


@dataclass(frozen=True)
class FinishedRequest:
    """Look which of some shards are complete."""

    context: LocationContext
    shards: Sequence[Shard]


def finished(request: FinishedRequest) -> list[callset.ShardEntry | None]:
    """The entries of shards that are complete."""
    context = request.context
    context.admitted_cohort()
    store = storage.open_store(context.callset_url)
    entries = [callset.find_shard(store, shard, context.key, context.remote_batches) for shard in request.shards]
    return [entry and context.redacted_entry(entry) for entry in entries]
