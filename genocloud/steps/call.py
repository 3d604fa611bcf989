"""call: call one sample's reads to one gVCF with the embedded caller."""

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from genocloud import gvcf, reads, storage
from genocloud.pipeline.localization import is_remote, local_reads, local_reference, put, scratch
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.reference import Reference, read_reference
from genocloud.reads.ploidy import copies
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """Options of `call`: one sample's reads, reference and output; `par` are regions such as chrX:10001-2781479.

    Reads, reference and `out` may be URLs: they are then copied to this machine, or from it.
    """

    sample: str
    reads_url: str
    reference_url: str
    out: str | Path
    sex: reads.Sex = "unknown"
    par: Sequence[str] = ()
    workers: int = 1


def call(options: CallOptions, *, progress: Progress) -> Receipt:
    """Write the gVCF and its index. The balance is in mpileup's lines that show an ALT."""
    with receipt_of("call") as receipt:
        reference = read_reference(options.reference_url)
        special = reads.SexContigs.with_par_texts(options.par, reference.contigs)
        stage_name = f"call {options.sample}"
        with (
            progress.stage(stage_name, _bases(options, reference, special), unit="base") as stage,
            _local(options) as local,
        ):
            called = reads.call(
                local.reads_url,
                local.reference_url,
                Path(local.out),
                options.sample,
                options.sex,
                sex_contigs=special,
                workers=options.workers,
                progress=lambda bases: stage.advance(tasks=bases),
            )
        receipt.inputs = {
            "reference": reference.checksum,
            "reads": f"fingerprint:{gvcf.fingerprint(options.reads_url)}",
        }
        receipt.figures = asdict(called)
        dropped = {"below the evidence floor": called.below_floor, "under a deletion": called.under_deletion}
        receipt.balanced("lines of evidence", called.evidence, called.recorded, dropped)
    return receipt


@contextmanager
def _local(options: CallOptions) -> Iterator[CallOptions]:
    """The options with local files; an output with a URL is uploaded at the end, its index first."""
    out = str(options.out)
    if not any(map(is_remote, (options.reads_url, options.reference_url, out))):
        yield options
        return
    with scratch(out) as folder:
        there = folder / storage.split(out)[1] if is_remote(out) else Path(out)
        reads_here = local_reads(options.reads_url, folder)
        yield replace(
            options, reads_url=reads_here, reference_url=local_reference(options.reference_url, folder), out=there
        )
        if is_remote(out):
            for index in there.parent.glob(f"{glob.escape(there.name)}.*"):
                put(index, f"{out}{index.suffix}")
            put(there, out)


def _bases(options: CallOptions, reference: Reference, special: reads.SexContigs) -> int:
    """The bases of which this sample has at least one copy."""
    stretches = [stretch for contig in reference.contigs for stretch in copies(contig, options.sex, special)]
    return sum(stretch.end - stretch.start for stretch in stretches)
