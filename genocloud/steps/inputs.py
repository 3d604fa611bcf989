"""inputs: check the sample sheet against the files it names, before anything is computed."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from genocloud import gvcf, samples, storage
from genocloud.pipeline.fitting_model import fitting_model
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sample_files import check_samples, in_groups
from genocloud.pipeline.sample_list import Listed, read_people
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

EVERYWHERE = Intervals()


def check_inputs(
    listed: Listed,
    reference_url: str,
    *,
    scatter: Scatter,
    progress: Progress,
    intervals: Intervals = EVERYWHERE,
    called_dialect: str = "",
) -> tuple[list[samples.Sample], Receipt]:
    """Check the listed samples' files against sheet and reference; the first problem is raised as an InputError.

    Contigs without `intervals` may have another length in a gVCF's header than in the reference. Their alleles are
    checked as well. `called_dialect`: what reads will be called to, empty if it is not known. gVCFs that no model takes
    together are a problem.
    """
    with receipt_of("inputs") as receipt:
        reference = read_reference(reference_url)
        if intervals.alleles:
            # loads Arrow, which nothing else here needs
            from genocloud.pipeline.forced_alleles import read_forced_alleles

            read_forced_alleles(intervals.alleles, reference.contigs, reference)
        policy = gvcf.RecordPolicy(intervals.inside(reference.contigs))
        people = read_people(listed, scatter, progress)
        sheet = people.samples
        with progress.stage("inputs", tasks=len(sheet), unit="sample") as stage:
            check = partial(check_samples, people.source, reference, policy)
            groups = scatter.run(check, in_groups(sheet), lambda group: stage.advance(tasks=len(group)))
        callers = [(each, caller or called_dialect) for group in groups for each, caller in group]
        fitting_model(people.source, ((str(each.gvcf or each.reads), caller) for each, caller in callers if caller))
        checked = [sample for sample, _ in callers]
        receipt.inputs = {"reference": reference.checksum, "samples": people.checksum()}
        receipt.balanced("samples", len(sheet), len(checked), {})
        receipt.figures = {"samples": len(sheet), "reads": sum(bool(sample.reads) for sample in sheet)}
    return checked, receipt


def write_called_sheet(checked: Sequence[samples.Sample], called: str, url: str) -> None:
    """Write the sheet for ingest: a gVCF for each sample, `called`/<sample>.g.vcf.gz where there were reads."""
    folder, name = storage.split(url)
    rows = [_as_called(sample, called) for sample in checked]
    storage.open_store(folder).write(name, samples.sheet_text(rows, folder).encode())


def _as_called(sample: samples.Sample, called: str) -> samples.Sample:
    if sample.gvcf:
        return sample
    return replace(sample, gvcf=storage.join(called, f"{sample.sample}.g.vcf.gz"), reads=None)
