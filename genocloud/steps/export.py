"""export: a Parquet callset becomes one VCF with its index."""

from genocloud import callset
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, receipt_of


def export(callset_url: str, out_url: str, threads: int, progress: Progress) -> Receipt:
    """Write the VCF, whole or not at all; the balance is in records."""
    with receipt_of("export") as receipt:
        opened = callset.open_callset(callset_url)
        sites = opened.counts["sites"]
        with progress.stage("export", tasks=sites, unit="site") as stage:
            counts = callset.write_vcf(
                opened,
                out_url,
                threads,
                lambda piece: stage.advance(tasks=piece.records, bytes=piece.text_bytes),
            )
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in opened.shards}
        receipt.figures = {"genotypes": counts.genotypes, "text_bytes": counts.text_bytes}
        receipt.balanced("records", sites, counts.records, {})
    return receipt
