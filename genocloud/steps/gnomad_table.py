"""gnomad_table: the table of aggregates that gnomAD takes in from other programmes, of one callset."""

from dataclasses import dataclass, field
from functools import partial

from genocloud import storage
from genocloud.callset import Callset, open_callset
from genocloud.pipeline.chosen_samples import SampleChoice
from genocloud.pipeline.gnomad.people import admit_from, table_people
from genocloud.pipeline.gnomad.table_files import (
    check_table_url,
    count_part,
    group_sizes,
    join_table,
    shards_with_sites,
    table_account,
)
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Whose table, and by which labels.

    labels_url  a table with tabs between and a header: `sample`, and any of `gen_anc`, `sex`, `age`
    least       people of the smallest group
    """

    samples: SampleChoice = field(default_factory=SampleChoice)
    labels_url: str | None = None
    least: int = 1


def gnomad_table(
    source: str | Callset, out_url: str, *, options: TableOptions, scatter: Scatter, progress: Progress
) -> Receipt:
    """Write OUT.parquet, a row for each ALT but `*`. The balance is in ALTs.

    Raises InputError for labels, UnknownSample, DamagedFile, GenotypesNotShared or RemoteUnreachable, OutputInUse.
    """
    check_table_url(out_url)
    with storage.file_lock(out_url), receipt_of("gnomad_table") as receipt:
        callset = options.samples.of(open_callset(source)).with_filters()
        callset.check_reach()
        people = table_people(options.labels_url, callset.samples, admit_from(options.least))
        tasks = [callset.of_shard(shard) for shard in shards_with_sites(callset)]
        with progress.stage("gnomad_table", tasks=len(tasks), unit="shard") as stage:
            parts = scatter.run(partial(count_part, out_url, people), tasks, lambda _: stage.advance(tasks=1))
        join_table(out_url, parts, people.sizes)
        receipt.vouch(out_url)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.figures = {"groups": group_sizes(people.sizes), "folded": dict(people.folded)}
        receipt.balance = table_account(receipt, callset, parts)
    return receipt
