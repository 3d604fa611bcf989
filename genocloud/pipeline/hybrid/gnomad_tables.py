"""gnomAD's table of a run over several sites: each location counts its own people, the coordinator adds them up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add

import numpy as np

from genocloud import callset, schema
from genocloud.callset import ShardEntry, open_callset
from genocloud.cohort import named_identities, open_cohort
from genocloud.errors import SettingError
from genocloud.federation import (
    BadMessage,
    DisclosableError,
    Message,
    Register,
    SitePolicy,
    TooFew,
    policy_for,
    unpack,
)
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.pipeline.gnomad.people import Group, GroupSizes, People, TablePeople, table_people
from genocloud.pipeline.gnomad.shard_counts import TableCounts, counts_of, counts_table, shard_counts, spans_of
from genocloud.pipeline.gnomad.table_files import (
    TablePart,
    group_sizes,
    join_table,
    shards_with_sites,
    table_account,
    write_part,
)
from genocloud.pipeline.hybrid.clients import LocationClient, map_locations
from genocloud.pipeline.hybrid.coordinator import Coordinator
from genocloud.pipeline.hybrid.tasks import LocationContext
from genocloud.pipeline.receipts import Receipt

GROUPS, COUNTS = TABLE_KINDS = "gnomad groups", "gnomad counts"
"""Kinds of messages that the table is made of."""


class ChangedPeople(DisclosableError, SettingError):
    """A location whose people or groups are others than a table was begun with."""

    def __init__(self, site: str, what: str) -> None:
        self.site, self.what = site, what
        super().__init__(f"site {site}: {what} changed since the callset was made; run this again")


@dataclass(frozen=True, kw_only=True)
class TableRequest:
    """Count a location's people at a shard's sites; `sites` is their digest, `groups` those that the location named."""

    context: LocationContext
    shard: str
    sites: str
    groups: tuple[Group, ...]


def send_groups(context: LocationContext) -> Message:
    """GNOMAD_GROUPS of a location."""
    return context.released(GROUPS, _people(context).sizes.table())


def send_counts(request: TableRequest) -> list[Message]:
    """GNOMAD_COUNTS of each span of a shard."""
    context, people = request.context, _people(request.context)
    if tuple(people.groups) != request.groups:
        raise ChangedPeople(context.site, "its labels, or the groups that its register lets out,")
    own = _own_callset(context)
    shard = next(each for each in own.shards if each.name == request.shard)
    if shard.sites.sha256 != request.sites:
        raise callset.BadShard(context.callset_url, shard.name, "its records are others than the coordinator's")
    cells = own.cells(shard)
    counts = shard_counts(own.of_shard(shard), shard, people)
    return [
        context.released(COUNTS, counts_table(total, cells.alts(span)))
        for span, total in zip(spans_of(shard), counts, strict=True)
    ]


def _own_callset(context: LocationContext) -> callset.Callset:
    """The location's callset with its own people only."""
    return open_callset(context.callset_url).of_sites([context.site])


def _people(context: LocationContext) -> TablePeople:
    """The location's people in the groups that its labels name and that its register admits."""
    policy, cohort = policy_for(context.store), context.admitted_cohort()
    made, content = open_callset(context.callset_url), cohort_key(cohort)
    if not policy.coordinates and made.description.source["cohort"] != content:  # a coordinator's says all people's
        raise ChangedPeople(context.site, "its cohort")
    return _admitted_people(policy, cohort.url, cohort.version, content, _own_callset(context).samples)


@lru_cache(maxsize=8)
def _admitted_people(
    policy: SitePolicy,
    cohort_url: str,
    version: int,
    content: str,  # noqa: ARG001  (it names the rows)
    samples: tuple[str, ...],
) -> TablePeople:
    """As `_people`, once in each process. The sets of people are admitted before anything of them leaves."""
    known = named_identities(open_cohort(cohort_url, version))
    if set(known) != set(samples):
        raise ChangedPeople(policy.site, "its cohort")

    register = Register(policy) if policy.counts_people else None

    def admit(sets: Sequence[People]) -> bool:
        if register:
            try:
                register.admit(*([known[sample] for sample in each] for each in sets))
            except TooFew:
                return False
        return True

    return table_people(policy.labels, samples, admit)


def write_joint_table(coordinator: Coordinator, out_url: str, receipt: Receipt) -> None:
    """Write gnomAD's table of everybody; its balance and groups are entered in the receipt's figures."""
    made = open_callset(coordinator.context.callset_url).with_filters()
    sent = map_locations(lambda one: one.submit_one(send_groups, coordinator.contexts[one.name]), coordinator.holders)
    sizes = [GroupSizes.of(unpack(message, GROUPS)) for message in sent]
    whole = reduce(add, sizes)
    own = dict(zip([client.name for client in coordinator.holders], sizes, strict=True))

    def part(shard: ShardEntry) -> TablePart:
        return write_part(out_url, made.of_shard(shard), _added(coordinator, made, shard, own, whole), whole)

    parts = coordinator.map_shards(part, shards_with_sites(made), "gnomAD's table")
    join_table(out_url, parts, whole)
    receipt.vouch(out_url)
    receipt.figures["gnomad_table"] = {"balance": table_account(receipt, made, parts), "groups": group_sizes(whole)}


def _added(
    coordinator: Coordinator, made: callset.Callset, shard: ShardEntry, own: dict[str, GroupSizes], whole: GroupSizes
) -> Iterator[TableCounts]:
    """Every location's counts of each of a shard's spans, added up."""

    def count(client: LocationClient) -> list[Message]:
        context, groups = coordinator.contexts[client.name], tuple(own[client.name].groups)
        return client.submit_one(
            send_counts, TableRequest(context=context, shard=shard.name, sites=shard.sites.sha256, groups=groups)
        )

    alts = np.diff(schema.string_lists(made.of_shard(shard).sites(columns=["alts"])["alts"])[0]).astype(np.int32)
    names = [client.name for client in coordinator.holders]
    by_location = map_locations(count, coordinator.holders)
    for number, (first, end) in enumerate(spans_of(shard)):
        counts = []
        for name, messages in zip(names, by_location, strict=True):
            groups = own[name].groups
            try:
                read = counts_of(unpack(messages[number], COUNTS), alts[first:end], len(groups))
            except (ValueError, LookupError) as error:
                raise BadMessage(COUNTS, f"is damaged ({error})") from error
            counts.append(read.in_groups(groups, list(whole.groups)))
        yield reduce(add, counts)
