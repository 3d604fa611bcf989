"""What a site's workers do in a hybrid run: stateless tasks that may run twice, and hand out what the policy allows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, cohort, genotypes, sites, storage
from genocloud.federation import (
    MAY_LEAVE,
    Message,
    Register,
    SitePolicy,
    authority,
    callset_in,
    cohort_in,
    released,
    unpack,
)
from genocloud.genotypes import Model
from genocloud.pipeline.genotyping.batch_cache import KnownSites, observed, site_keys, summarised
from genocloud.pipeline.genotyping.discovery import rows_cover, seen_by_all
from genocloud.pipeline.genotyping.genotype_reuse import ensure_genotypes
from genocloud.pipeline.genotyping.shard_calling import ensure_all_genotypes
from genocloud.pipeline.genotyping.shard_completion import Segments, complete
from genocloud.pipeline.genotyping.shard_estimates import estimated, merged_in_order, write_estimates
from genocloud.pipeline.memory_model import SiteLoad, discovery_need, pieces_of
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import Base, CachedTables, Shard, alleles_in, cached_tables, cohort_key, reaches
from genocloud.regions import Region
from genocloud.scatter.executors import in_threads
from genocloud.schema import ALLELES, INTERVALS, LOCAL_ALLELES, numbers

Edges = list[tuple[int, int, int]]
"""Start, end and need of a shard's pieces, in genome order."""


@dataclass(frozen=True)
class At:
    """A site as its tasks know it.

    reference  its URL as the site sees it
    version    its cohort's, 0 for none
    home       whether the coordinator is at this site; `elsewhere`: there, the other sites' batches
    content    names everybody's rows in their order; with `scope` and `model`: what is put out
    key        names the callset's shards
    """

    site: str
    store: str
    home: bool
    version: int
    reference: str
    part_bp: int
    window_bp: int
    model: Model
    elsewhere: tuple[str, ...] = ()
    content: str = ""
    scope: str = ""
    key: str = ""

    @property
    def cohort_url(self) -> str:
        """Where its cohort lies."""
        return cohort_in(self.store)

    @property
    def callset_url(self) -> str:
        """Where its callset lies."""
        return callset_in(self.store)

    def opened(self) -> cohort.Cohort:
        """Its cohort at the site, of whose people sums may leave; one of nobody where it has none.

        Raises what `authority` does; under `stays` also TooFew or RegisterLost: what is handed out of a task is of the
        people of the version that the task opens, so that no version is opened for one that the register has not noted.
        """
        policy, stored = authority(self.store), self.stored
        if self.version and policy.counts_people:
            _admit(policy, stored)
        return stored

    @property
    def stored(self) -> cohort.Cohort:
        """Its cohort for who may open the store anyway, and hands out nothing of it."""
        if self.version:
            return cohort.open_cohort(self.cohort_url, self.version)
        reference = read_reference(self.reference)
        layout = cohort.Layout(reference.contigs, self.part_bp, self.window_bp)
        told = {"contigs": reference.checksum}
        return cohort.Cohort(storage.open_store(self.cohort_url).url, 0, layout, told, (), ())

    def tables(self, kind: str, *settings: object) -> CachedTables:
        """The folder of one kind of tables that follow from everybody's rows."""
        return cached_tables(self.stored, kind, self.content, *settings)

    @property
    def estimates(self) -> CachedTables:
        """Where the home site has ESTIMATES."""
        return self.tables("estimates", asdict(self.model))

    def released(self, kind: str, table: pa.Table) -> Message:
        """A table packed to be handed out. Raises Withheld, or what `opened` does."""
        self.opened()
        return released(self.store, kind, table)

    def entry(self, entry: callset.ShardEntry) -> callset.ShardEntry:
        """A shard's entry to be handed out: of files whose genotypes may not leave no size, checksum or history.

        What is left of each batch, a name and rows, follows from who is in it and how many sites there are.
        """
        if self.home or authority(self.store).policy == MAY_LEAVE:
            return entry
        people = {batch.id: int((batch.ranks >= 0).sum()) for batch in self.stored.batches}
        files = {
            batch: tuple(replace(file, rows=entry.sites.rows * people[batch], bytes=0, sha256="") for file in each[:1])
            for batch, each in entry.genotypes.items()
        }
        return replace(entry, genotypes=files, shares={})


_admitting = Lock()


def _admit(policy: SitePolicy, opened: cohort.Cohort) -> None:
    """Have the site's register admit a version's people, before anything of them leaves; once in each process."""
    with _admitting:
        _admitted(policy, opened.url, opened.version, cohort_key(opened))


@lru_cache(maxsize=64)
def _admitted(policy: SitePolicy, cohort_url: str, version: int, content: str) -> None:  # noqa: ARG001  (it names the rows)
    Register(policy).admit(cohort.identities(cohort.open_cohort(cohort_url, version)))


@dataclass(frozen=True)
class ShardTask:
    """A task on a shard, or on a piece of one; `number` is a batch's place, `parcels` what the coordinator sends.

    `others`: at home, the other sites' entries of the shard.
    """

    at: At
    shard: Shard
    threads: int = 1
    number: int = 0
    parcels: tuple[Message, ...] = ()
    others: tuple[callset.ShardEntry, ...] = ()


@dataclass(frozen=True)
class Local:
    """A site's own alleles of a shard, the stretches under its deletions, and those that it has rows for if asked."""

    alleles: Message
    spans: Message
    covered: Message | None
    observed: int


def discovery_needs(given: tuple[At, Sequence[Shard], int]) -> list[int]:
    """Bytes that discovering each shard takes, with so many threads."""
    at, shards, threads = given
    opened = at.opened()
    return [_coarse(discovery_need(opened, shard, threads)) for shard in shards]


STEP_BYTES = 16_000_000
"""What a task needs is told in steps of so many bytes: finer, it would tell how long single rows are."""


def _coarse(need: int) -> int:
    return -(-need // STEP_BYTES) * STEP_BYTES


def chains(given: tuple[At, Sequence[Base]]) -> list[int]:
    """How far upstream rows reach over some bases, see shards.reaches."""
    at, bases = given
    return reaches(at.opened(), bases)


def observe_batch(task: ShardTask) -> None:
    """Observe a batch in a shard, and keep it."""
    opened = task.at.opened()
    observed(opened, opened.batches[task.number], task.shard, keep=True)


def local_alleles(task: ShardTask) -> Local:
    """Observe the site's batches in a shard."""
    at, shard, opened = task.at, task.shard, task.at.opened()
    alleles, stretches = _keep_local(opened, shard, task.threads)
    covered = None
    if shard.targets.force_output:
        covered = at.released("covered", _runs(rows_cover(opened, shard, task.threads), shard.region))
    seen = int(numbers(alleles["observed"]).sum())
    told = (
        at.released("local", alleles.select(LOCAL_ALLELES.names)),
        at.released("spans", stretches.select(INTERVALS.names)),
    )
    return Local(*told, covered, seen)


def _keep_local(opened: cohort.Cohort, shard: Shard, threads: int) -> tuple[pa.Table, pa.Table]:
    """The site's own ALLELES of a shard, kept, and STRETCHES."""
    observations, spans = seen_by_all(opened, shard, True, threads)
    alleles, stretches = sites.location_sites([observations], [spans])
    cached_tables(opened, "local").write(shard, alleles, {})
    return alleles, stretches


def _runs(bases: npt.NDArray[np.bool_], region: Region) -> pa.Table:
    """INTERVALS of the bases that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bases, [False]]).astype(np.int8))) + region.start
    return pa.table([edges[::2].astype(np.int32), edges[1::2].astype(np.int32)], INTERVALS)


def take_alleles(given: tuple[ShardTask, int, int]) -> Edges:
    """Keep a shard's ALLELES, as all sites have them; returns the pieces that this site's memory asks for.

    The other two: bytes that a task may need at most, and that there are.
    """
    task, most, memory = given
    at, shard, opened = task.at, task.shard, task.at.opened()
    tables = at.tables("alleles")
    alleles = _with_own(opened, shard, unpack(task.parcels[0], "united"), task.threads)
    weight = SiteLoad.of(alleles).whole
    tables.write(shard, alleles, asdict(weight))
    pieces = pieces_of(opened, tables, shard, task.threads, most, memory)
    return [(piece.region.start, piece.region.end, _coarse(piece.need)) for piece in pieces]


def _with_own(opened: cohort.Cohort, shard: Shard, united: pa.Table, threads: int) -> pa.Table:
    """ALLELES with the observations that are this site's own, by which it knows what it needs.

    Derived tables may have been removed here since the coordinator united the shard: what is gone is made again.
    """
    starts = numbers(united["start"])
    seen = np.zeros(len(united), np.int32)
    if opened.batches:
        kept = cached_tables(opened, "local")
        if kept.counts(shard) is None:
            _keep_local(opened, shard, threads)
        local = kept.read(shard, made_by="hybrid")
        own = np.isin(numbers(local["start"]), starts)
        places = np.searchsorted(starts, numbers(local["start"])[own])
        seen[places] = numbers(local["observed"])[own]
    columns = {name: united[name] for name in united.column_names}
    columns |= {"contig": np.full(len(united), shard.region.contig, np.int32), "observed": seen}
    return pa.table([columns[name] for name in ALLELES.names], ALLELES)


def summarise_batch(task: ShardTask) -> None:
    """Summarise a batch in a shard, and keep it."""
    alleles, growth, opened = _estimable(task)
    summarised(opened, opened.batches[task.number], task.shard, alleles, growth)


def _estimable(task: ShardTask) -> tuple[pa.Table, KnownSites, cohort.Cohort]:
    """The sites of a shard that can be estimated, and what is known of them."""
    opened = task.at.opened()
    alleles = genotypes.with_alts(alleles_in(task.at.tables("alleles"), task.shard))
    return alleles, KnownSites.of(alleles, opened.layout, task.at.callset_url, task.shard), opened


def _summary(task: ShardTask) -> tuple[pa.Table, genotypes.LikelihoodCounts | None]:
    """The sites of a shard that can be estimated, and all of the site's batches at them, added up."""
    alleles, growth, opened = _estimable(task)
    found = in_threads(
        lambda batch: summarised(opened, batch, task.shard, alleles, growth), opened.batches, task.threads
    )
    return alleles, merged_in_order(found, genotypes.merge) if opened.batches else None


def hand_summary(task: ShardTask) -> Message:
    """The site's SUMMARY of a shard."""
    _, summary = _summary(task)
    assert summary is not None
    return task.at.released("summary", genotypes.summary_table(summary))


def estimate(task: ShardTask) -> None:
    """At home: estimate a shard from its own batches and the other sites' summaries."""
    at, tables = task.at, task.at.estimates
    alleles, own = _summary(task)
    others = [genotypes.summary_of(unpack(parcel, "summary")) for parcel in task.parcels]
    summary = genotypes.merge([*([own] if own else []), *others])
    everywhere = alleles_in(at.tables("alleles"), task.shard)
    write_estimates(tables, task.shard, everywhere, estimated(summary, alleles, at.model, task.threads))


def start(task: ShardTask) -> Message:
    """STARTS of the site's samples in a shard; their summary is kept, so that rounds need not read their rows."""
    alleles, summary = _summary(task)
    assert summary is not None
    task.at.tables("summary").write(task.shard, genotypes.summary_table(summary), {})
    return task.at.released("starts", genotypes.initial_sums(summary, alleles, task.at.model))


def answer(task: ShardTask) -> Message:
    """ANSWERS of the site's samples to a round's questions."""
    at = task.at
    alleles = genotypes.with_alts(alleles_in(at.tables("alleles"), task.shard))
    summary = genotypes.summary_of(at.tables("summary").read(task.shard, made_by="hybrid"))
    told = genotypes.answer_questions(summary, alleles, unpack(task.parcels[0], "questions"), at.model)
    return at.released("answers", told)


def take_put_out(task: ShardTask) -> None:
    """Keep what of a shard is put out, until it is complete."""
    _out(task.at).write(task.shard, unpack(task.parcels[0], "put out"), {})


def _out(at: At) -> CachedTables:
    return at.tables("out", asdict(at.model), at.scope)


def _put_out(task: ShardTask) -> pa.Table:
    """The rows of SETTLED that are put out, as they came."""
    alleles = alleles_in(task.at.tables("alleles"), task.shard)
    return genotypes.settled_from(_out(task.at).read(task.shard, made_by="hybrid"), alleles)


def cover_batch(task: ShardTask) -> None:
    """See to a batch's genotypes in a shard."""
    at, opened, store = task.at, task.at.opened(), storage.open_store(task.at.callset_url)
    emitted = _put_out(task)
    keys = site_keys(emitted, opened.layout)
    ensure_genotypes(opened, store, opened.batches[task.number], task.shard, emitted, keys, at.model)


def call(task: ShardTask) -> Message:
    """See to everybody's genotypes in a shard; the site's shares."""
    at, opened, store = task.at, task.at.opened(), storage.open_store(task.at.callset_url)
    emitted = _put_out(task)
    callset.begin_shard(store, task.shard, task.at.key)
    _, total = ensure_all_genotypes(opened, store, task.shard, emitted, at.model, task.threads)
    kind = "shares" if total.alleles is None else "allele shares"
    return at.released(kind, genotypes.summed_table(total, emitted))


def add_squares(task: ShardTask) -> Message:
    """SQUARES of the samples before this site's, with its own added."""
    at, opened, store = task.at, task.at.opened(), storage.open_store(task.at.callset_url)
    before, emitted = unpack(task.parcels[0], "squares"), _put_out(task)
    _, total = ensure_all_genotypes(opened, store, task.shard, emitted, at.model, task.threads)
    return at.released("squares", genotypes.squares_of(total, before))


def complete_shard(task: ShardTask) -> callset.ShardEntry:
    """Write a shard's SITES, as all sites' samples give them, and with that complete it."""
    at, opened, store = task.at, task.at.opened(), storage.open_store(task.at.callset_url)
    table, emitted = unpack(task.parcels[0], "sites"), _put_out(task)
    segments: Segments = {}
    if opened.batches:
        segments, _ = ensure_all_genotypes(opened, store, task.shard, emitted, at.model, task.threads)
    return at.entry(complete(opened, store, task.shard, at.key, emitted, table, segments, at.model, task.others))


def finished(given: tuple[At, Sequence[Shard]]) -> list[callset.ShardEntry | None]:
    """The entries of shards that are complete."""
    at, shards = given
    at.opened()
    store = storage.open_store(at.callset_url)
    entries = [callset.find_shard(store, shard, at.key, at.elsewhere) for shard in shards]
    return [entry and at.entry(entry) for entry in entries]
