"""Check the files that a sample sheet names against the sheet and the reference."""

from collections.abc import Sequence
from dataclasses import replace

from genocloud import gvcf, samples, storage
from genocloud.errors import UnreadableFile
from genocloud.gvcf.dialects import ADVICE, WITHOUT_LIKELIHOODS
from genocloud.pipeline.localization import head_of, is_remote, scratch
from genocloud.pipeline.reference import Reference
from genocloud.regions import Contig, check_contigs

LOOKED_AT = 16
"""Samples looked at per task: 16 take some milliseconds, of which handing them over is a small part."""


def in_groups(sheet: Sequence[samples.Sample]) -> list[Sequence[samples.Sample]]:
    """The samples in groups for tasks that look at their files."""
    return [sheet[first : first + LOOKED_AT] for first in range(0, len(sheet), LOOKED_AT)]


def check_samples(
    sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, group: Sequence[samples.Sample]
) -> list[tuple[samples.Sample, str]]:
    """The samples with their names inside their gVCFs, and the callers of these; empty of reads.

    Raises an InputError for a file that does not match either.
    """
    return [_check_sample(sheet_url, reference, policy, sample) for sample in group]


def _check_sample(
    sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, sample: samples.Sample
) -> tuple[samples.Sample, str]:
    if sample.gvcf:
        with open_probe_of(sheet_url, sample) as probe:
            return check_probe(sheet_url, reference, policy, sample, probe), probe.header.caller
    from genocloud.reads.preflight import check_head, read_name  # loads htslib, which gVCFs need not

    samples.check_files(sheet_url, sample, _exists)
    url = str(sample.reads)
    if is_remote(url) or is_remote(reference.url):  # whether they hold a read is seen when they are called
        with scratch() as folder:
            check_head(url, head_of(url, folder), reference.contigs, sample.sample)
    else:
        read_name(url, reference.url, reference.contigs, sample.sample)
    return sample, ""


def open_probe_of(sheet_url: str, sample: samples.Sample) -> gvcf.Probe:
    """Open a sample's gVCF and read its header; raises MissingFile or UnreadableFile."""
    url = str(sample.gvcf)
    try:
        return gvcf.open_probe(url)
    except UnreadableFile as error:
        if _is_missing(error.__cause__, url):
            raise samples.MissingFile(sheet_url, sample, url) from None
        raise


def check_probe(
    sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, sample: samples.Sample, probe: gvcf.Probe
) -> samples.Sample:
    """The sample with its name inside its gVCF, which is open."""
    url = str(sample.gvcf)
    _check_caller(url, probe.header.caller)
    probe.check_index()
    _check_lengths(url, probe.header, reference.contigs, policy)
    return replace(sample, name_in_gvcf=samples.name_inside(sheet_url, sample, probe.header.samples))


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
        if _is_missing(error, url):
            return False
        raise UnreadableFile(url, error.problem, error.remedy) from error
    return True


def _is_missing(error: BaseException | None, url: str) -> bool:
    """Whether there is nothing at a URL; false for a folder."""
    return isinstance(error, storage.ObjectMissing) and error.problem == storage.ObjectMissing(url).problem


def file_size(url: str) -> int:
    """Bytes in one file, none in a pipe or device; raises UnreadableFile."""
    folder, name = storage.split(url)
    try:
        return storage.open_store(folder).size(name)
    except (storage.StoreFailed, storage.UnknownScheme) as error:
        raise UnreadableFile(url, error.problem, error.remedy) from error
