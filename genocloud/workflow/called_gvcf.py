"""Take over the gVCF that a caller's program wrote: read it whole, count what it holds, write its receipt."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genocloud import gvcf, reads, sealing
from genocloud.errors import GenocloudError, InputError
from genocloud.pipeline.receipts import Receipt, receipt_of, write_receipt
from genocloud.pipeline.reference import read_reference
from genocloud.reads.ploidy import Copies
from genocloud.workflow.caller_script import ProgramRun, read_run
from genocloud.workflow.callers import BY_NAME
from genocloud.workflow.study import Study


@dataclass(frozen=True, kw_only=True)
class CalledSample:
    """A sample's job of a program: what was called (`stretches` by contig), and the finished gVCF."""

    sample: str
    program: str
    reads_url: str
    reference_url: str
    stretches: Sequence[tuple[str, Copies]]
    gvcf: Path
    run: ProgramRun


def take_called(study: Study, wildcards: Any, input: Any, output: Any, log: Any) -> None:  # noqa: A002 as rules say it
    """The rule `call_receipt`: give the gVCF its final name and write its receipt, or say what is wrong with it."""
    sample = study.samples[wildcards.sample]
    called = CalledSample(
        sample=sample.sample,
        program=study.settings["caller"],
        reads_url=str(sample.reads),
        reference_url=study.settings["reference"],
        stretches=study.stretches(sample.sex),
        gvcf=Path(input.gvcf),
        run=read_run(Path(input.run)),
    )
    try:
        take(called, Path(output.gvcf), output.receipt)
    except GenocloudError as error:
        again = "" if called.gvcf.exists() else "; this gVCF is removed, and the next run calls the sample again"
        with Path(str(log)).open("a") as file:  # of a retry, too
            file.write(f"genocloud: {error}{again}\n")
        sys.stderr.write(f"genocloud: {error}{again}\n")
        raise


def take(called: CalledSample, final: Path, receipt_url: str) -> None:
    """Check and count the gVCF, move it to its final name, write its receipt. Raises InputError for a bad one.

    A bad one is removed: its job is over, and would not be done again while its output is there.
    """
    receipt = program_receipt(called)
    called.gvcf.replace(final)
    try:
        receipt.vouch(str(final))
        write_receipt(receipt, receipt_url)
    except BaseException:
        final.replace(called.gvcf)  # Snakemake removes the outputs of a job that failed, and this one took days
        raise


def program_receipt(called: CalledSample) -> Receipt:
    """The receipt of the program's job, whose balance is in the records of its gVCF. Raises InputError for a bad one.

    Seconds are the program's and those of reading its gVCF; of the program's memory nothing is known.
    """
    with receipt_of("call") as receipt:
        reference = read_reference(called.reference_url)
        receipt.inputs = {
            "reference": reference.checksum,
            "reads": f"fingerprint:{gvcf.fingerprint(called.reads_url)}",
        }
        counts, dropped, contigs = Counter[str](), Counter[str](), set[int]()
        with _removed_if_bad(called.gvcf):
            for rows in gvcf.read_rows(str(called.gvcf), reference.contigs, called.sample):
                counts.update(read=rows.read, variants=rows.variants.num_rows, blocks=rows.blocks.num_rows)
                dropped.update(rows.dropped)
                for batch in (rows.variants, rows.blocks):
                    contigs.update(batch["contig"].unique().to_pylist())
            version = _version(called)
        receipt.balanced("records", counts["read"], counts["variants"] + counts["blocks"], dropped)
        receipt.figures = {
            "sample": called.sample,
            "program": called.program,
            "program_version": version,
            "reads": reads.count_reads(called.reads_url),
            "contigs": len({contig for contig, _ in called.stretches}),
            "contigs_with_records": len(contigs),
            "regions": len(called.stretches),
            "bases": sum(stretch.end - stretch.start for _, stretch in called.stretches),
            "variants": counts["variants"],
            "blocks": counts["blocks"],
            "gvcf_bytes": called.gvcf.stat().st_size,
            "gvcf_sha256": _sha256(called.gvcf),
        }
    receipt.command = called.run.command
    receipt.seconds = round(receipt.seconds + called.run.seconds, 3)
    receipt.cpu_seconds = round(receipt.cpu_seconds + called.run.cpu_seconds, 3)
    receipt.peak_memory_bytes = 0  # not known
    return receipt


@contextmanager
def _removed_if_bad(file: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        file.unlink(missing_ok=True)
        raise


def _version(called: CalledSample) -> str:
    """The program's version as its gVCF's header says it; empty if it does not."""
    with gvcf.open_probe(str(called.gvcf)) as probe:
        launch = BY_NAME[called.program].launch
        match = launch and launch.version.search(probe.head.text.decode("utf-8", "replace"))
    return match[1] if match else ""


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return sealing.sha256_of(stream)
