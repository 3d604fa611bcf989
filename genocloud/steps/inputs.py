"""inputs: check the sample sheet against the files it names, before anything is computed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from genocloud import gvcf, objects, samples
from genocloud.errors import UnreadableFile
from genocloud.gvcf.callers import ADVICE, WITHOUT_LIKELIHOODS
from genocloud.regions import Contig, check_contigs
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.copies import head_of, is_remote, scratch
from genocloud.steps.intervals import Intervals
from genocloud.steps.people import Listed, read_people
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import Reference, read_reference

EVERYWHERE = Intervals()


def check_inputs(
    listed: Listed,
    reference_url: str,
    scatter: Scatter,
    progress: Progress,
    intervals: Intervals = EVERYWHERE,
) -> tuple[list[samples.Sample], Receipt]:
    """The listed samples, whose files hold what is said of them; the first thing wrong is raised as an InputError.

    Contigs without `intervals` may have another length in a gVCF's header than in the reference.
    """
    with receipt_of("inputs") as receipt:
        reference = read_reference(reference_url)
        policy = gvcf.RecordPolicy(intervals.inside(reference.contigs))
        people = read_people(listed, scatter, progress)
        sheet = people.samples
        with progress.stage("inputs", tasks=len(sheet), unit="sample") as stage:
            check = partial(check_sample, people.source, reference, policy)
            checked = scatter.run(check, sheet, lambda _: stage.advance(tasks=1))
        receipt.inputs = {"reference": reference.checksum, "samples": people.checksum()}
        receipt.balanced("samples", len(sheet), len(checked), {})
        receipt.figures = {"samples": len(sheet), "reads": sum(bool(sample.reads) for sample in sheet)}
    return checked, receipt


def check_sample(
    sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, sample: samples.Sample
) -> samples.Sample:
    """The sample, with the name that its gVCF knows it by; raises an InputError for a file that cannot be its own."""
    if sample.gvcf:
        with look_at_sample(sheet_url, reference, sample, policy) as (checked, _):
            return checked
    from genocloud.reads.inputs import check_head, read_name  # loads htslib, which gVCFs need not

    samples.check_files(sheet_url, sample, _exists)
    url = str(sample.reads)
    if is_remote(url) or is_remote(reference.url):  # whether they hold a read is seen when they are called
        with scratch() as folder:
            check_head(url, head_of(url, folder), reference.contigs, sample.sample)
    else:
        read_name(url, reference.url, reference.contigs, sample.sample)
    return sample


@contextmanager
def look_at_sample(
    sheet_url: str, reference: Reference, sample: samples.Sample, policy: gvcf.RecordPolicy
) -> Iterator[tuple[samples.Sample, gvcf.Look]]:
    """As `check_sample` of a sample with a gVCF, whose file stays open for what else is to be asked of it."""
    samples.check_files(sheet_url, sample, _exists)
    url = str(sample.gvcf)
    with gvcf.look_at(url) as look:
        _check_caller(url, look.header.caller)
        look.check_index()
        _check_lengths(url, look.header, reference.contigs, policy)
        yield replace(sample, name_in_gvcf=samples.name_inside(sheet_url, sample, look.header.samples)), look


def write_called_sheet(checked: Sequence[samples.Sample], called: str, url: str) -> None:
    """Write the sheet that ingest takes: a gVCF for everyone, `called`/<sample>.g.vcf.gz where there were reads."""
    folder, name = objects.split(url)
    rows = [_as_called(sample, called) for sample in checked]
    objects.open_store(folder).write(name, samples.sheet_text(rows, folder).encode())


def _as_called(sample: samples.Sample, called: str) -> samples.Sample:
    if sample.gvcf:
        return sample
    return replace(sample, gvcf=objects.join(called, f"{sample.sample}.g.vcf.gz"), reads=None)


def _check_caller(url: str, caller: str) -> None:
    if caller in WITHOUT_LIKELIHOODS:
        raise UnreadableFile(url, f"is of {caller}", ADVICE[caller])


def _check_lengths(url: str, header: gvcf.Header, reference: Sequence[Contig], policy: gvcf.RecordPolicy) -> None:
    """A header may declare contigs that the reference lacks, but not only such; ingest looks at the records."""
    known = {contig.name for contig in reference}
    if not any(contig.name in known for contig in header.contigs):
        check_contigs(url, header.contigs, reference)
    check_contigs(url, gvcf.shared_contigs(header, reference, policy), reference)


def _exists(url: str) -> bool:
    """Whether the file can be opened; one that is there but cannot be read is an UnreadableFile."""
    objects.refuse_pipe(url)
    try:
        folder, name = objects.split(url)
        objects.open_store(folder).open(name).close()
    except (objects.StoreFailed, objects.UnknownScheme) as error:
        if isinstance(error, objects.ObjectMissing) and error.problem == objects.ObjectMissing(url).problem:
            return False
        raise UnreadableFile(url, error.problem, error.remedy) from error
    return True


def file_size(url: str) -> int:
    """Bytes in one file, none in a pipe or device; raises UnreadableFile."""
    folder, name = objects.split(url)
    try:
        return objects.open_store(folder).size(name)
    except (objects.StoreFailed, objects.UnknownScheme) as error:
        raise UnreadableFile(url, error.problem, error.remedy) from error
