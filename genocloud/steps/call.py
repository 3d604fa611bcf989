"""call: one person's reads become one gVCF, with the embedded caller."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from genocloud import reads
from genocloud.regions import Contig, parse_region
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import read_reference


@dataclass(frozen=True)
class Calling:
    """One person's reads and what is to be made of them; `par` are regions such as chrX:10001-2781479, or None."""

    sample: str
    reads_url: str
    reference_url: str
    out: Path
    sex: reads.Sex = "unknown"
    par: Sequence[str] | None = None
    workers: int = 1


def call(calling: Calling, progress: Progress) -> Receipt:
    """Write the gVCF and its index. The balance is in mpileup's lines that show an ALT."""
    with receipt_of("call") as receipt, progress.stage(f"call {calling.sample}", tasks=1) as stage:
        reference = read_reference(calling.reference_url)
        called = reads.call(
            calling.reads_url,
            calling.reference_url,
            calling.out,
            calling.sample,
            calling.sex,
            sex_contigs=_sex_contigs(calling.par, reference.contigs),
            workers=calling.workers,
        )
        stage.advance(tasks=1, sites=called.records)
        receipt.inputs = {"reference": reference.checksum}
        receipt.figures = asdict(called)
        dropped = {"below the evidence floor": called.below_floor, "under a deletion": called.under_deletion}
        receipt.balanced("evidence", called.evidence, called.recorded, dropped)
    return receipt


def _sex_contigs(par: Sequence[str] | None, contigs: Sequence[Contig]) -> reads.SexContigs:
    if not par:
        return reads.SexContigs()
    regions = [parse_region(text, contigs) for text in par]
    return reads.SexContigs(par=tuple((region.start, region.end) for region in regions))
