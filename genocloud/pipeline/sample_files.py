"""Check the files that a sample sheet names against the sheet and the reference."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from genocloud import gvcf, samples, storage
from genocloud.errors import UnreadableFile
from genocloud.gvcf.dialects import ADVICE, WITHOUT_LIKELIHOODS
from genocloud.pipeline.localization import head_of, is_remote, scratch
from genocloud.pipeline.reference import Reference
from genocloud.regions import Contig, check_contigs


def check_sample(
    sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, sample: samples.Sample
) -> samples.Sample:
    """The sample with its name inside its gVCF; raises an InputError for a file that does not match either."""
    if sample.gvcf:
        with look_at_sample(sheet_url, reference, sample, policy) as (checked, _):
            return checked
    from genocloud.reads.preflight import check_head, read_name  # loads htslib, which gVCFs need not

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
) -> Iterator[tuple[samples.Sample, gvcf.Probe]]:
    """As `check_sample` of a sample with a gVCF, whose probe is kept open for the caller."""
    samples.check_files(sheet_url, sample, _exists)
    url = str(sample.gvcf)
    with gvcf.open_probe(url) as probe:
        _check_caller(url, probe.header.caller)
        probe.check_index()
        _check_lengths(url, probe.header, reference.contigs, policy)
        yield replace(sample, name_in_gvcf=samples.name_inside(sheet_url, sample, probe.header.samples)), probe


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
    """Whether the file exists; raises UnreadableFile for one that cannot be read."""
    storage.refuse_pipe(url)
    try:
        folder, name = storage.split(url)
        storage.open_store(folder).open(name).close()
    except (storage.StoreFailed, storage.UnknownScheme) as error:
        if isinstance(error, storage.ObjectMissing) and error.problem == storage.ObjectMissing(url).problem:
            return False
        raise UnreadableFile(url, error.problem, error.remedy) from error
    return True


def file_size(url: str) -> int:
    """Bytes in one file, none in a pipe or device; raises UnreadableFile."""
    folder, name = storage.split(url)
    try:
        return storage.open_store(folder).size(name)
    except (storage.StoreFailed, storage.UnknownScheme) as error:
        raise UnreadableFile(url, error.problem, error.remedy) from error
