"""gq_curve: how often genotypes of a GQ are wrong, by samples whose genotypes are known, and what GQ should be."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from genocloud import storage
from genocloud.callset import open_callset
from genocloud.errors import SettingError
from genocloud.pipeline.genotyping.gq_tables import curve_text
from genocloud.pipeline.gq_truth import judge
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.receipts import Receipt, receipt_of


def gq_curve(
    callset_url: str,
    out_url: str,
    truths: Mapping[str, str],
    *,
    intervals: Intervals = Intervals(),  # noqa: B008
) -> Receipt:
    """Write OUT.tsv, a row a kind of genotype and GQ. The balance is in genotypes.

    `--gq-calibration` takes the table, unless the callset was made with one.

    truths     an indexed VCF by sample; what it does not have is REF
    intervals  where the truth is known

    Raises UnknownSample, what reading the truth does, GenotypesNotShared, RemoteUnreachable, OutputInUse.
    """
    if not out_url.endswith(".tsv"):
        raise SettingError(f"{out_url}: the table is written as .tsv; name the output so")
    with storage.file_lock(out_url), receipt_of("gq_curve") as receipt:
        callset = open_callset(callset_url)
        inside = intervals.inside(callset.contigs)
        parts = [judge(callset.of_samples([sample]), sample, url, inside) for sample, url in truths.items()]
        counts = np.sum([part.counts for part in parts], axis=0)
        folder, name = storage.split(out_url)
        by_table = bool(callset.description.model.get("gq_calibration"))
        storage.open_store(folder).write(name, curve_text(counts, by_table=by_table).encode())
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(out_url)
        dropped = sum((part.dropped for part in parts), Counter[str]())
        genotypes, wrong = counts.sum(axis=(0, 1)).tolist()
        receipt.figures = {"wrong": wrong}
        receipt.balanced("genotypes", genotypes + dropped.total(), genotypes, dropped)
    return receipt
