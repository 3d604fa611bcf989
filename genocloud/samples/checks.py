"""Check a sheet's files: existence, indexes of reads, sample names; opens no file itself."""

import logging
from collections.abc import Callable, Sequence

from genocloud.errors import InputError
from genocloud.samples.sheet import Sample

log = logging.getLogger(__name__)

READS_INDEXES = {".bam": (".bam.bai", ".bai", ".bam.csi"), ".cram": (".cram.crai", ".crai")}
"""Suffixes of the index of reads, by the reads' suffix; the first is what `samtools index` writes."""


class MissingFile(InputError):
    """A file that the sheet names is not there."""

    def __init__(self, sheet: str, sample: Sample, file: str) -> None:
        self.sheet, self.sample, self.line, self.file = sheet, sample.sample, sample.line, file
        super().__init__(
            f"{sheet}, line {sample.line}: sample {sample.sample}: no file {file}; "
            "correct the path (relative paths start at the sheet's folder)"
        )


class MissingIndex(InputError):
    """Reads without the index that calling by region needs."""

    def __init__(self, sheet: str, sample: Sample) -> None:
        self.sheet, self.sample, self.line, self.file = sheet, sample.sample, sample.line, str(sample.reads)
        super().__init__(
            f"{sheet}, line {sample.line}: sample {sample.sample}: {sample.reads} has no index; "
            f"make one: samtools index {sample.reads}"
        )


class NameDiffers(InputError):
    """A file does not hold the sheet's sample; `names` are those inside."""

    def __init__(self, sheet: str, sample: Sample, file: str, names: Sequence[str], remedy: str) -> None:
        self.sheet, self.sample, self.line, self.file = sheet, sample.sample, sample.line, file
        self.names = tuple(names)
        wanted = sample.name_in_gvcf or sample.sample
        super().__init__(
            f"{sheet}, line {sample.line}: sample {wanted} is not in {file}, which holds {_some(names)}; {remedy}"
        )


def check_files(sheet: str, sample: Sample, exists: Callable[[str], bool]) -> None:
    """Refuse a sample whose file, or whose reads' index, does not exist.

    Raises MissingFile or MissingIndex. A gVCF needs no index: it is read once, from its beginning.
    """
    file = sample.gvcf or sample.reads or ""
    if not exists(file):
        raise MissingFile(sheet, sample, file)
    if sample.reads and not any(exists(index) for index in indexes_of(sample.reads)):
        raise MissingIndex(sheet, sample)


def indexes_of(reads: str) -> tuple[str, ...]:
    """Possible paths of a BAM's or CRAM's index."""
    for ending, indexes in READS_INDEXES.items():
        if reads.endswith(ending):
            return tuple(reads.removesuffix(ending) + index for index in indexes)
    return tuple(reads + index for index in (".bai", ".csi", ".crai"))


def name_inside(sheet: str, sample: Sample, header_samples: Sequence[str]) -> str:
    """The name under which a gVCF with these samples holds `sample`.

    Raises NameDiffers where the sheet's name is not inside, unless `name_in_gvcf` says which it is, or a sample map
    renames the file's only sample (which is logged).
    """
    wanted = sample.name_in_gvcf or sample.sample
    if wanted in header_samples:
        return wanted
    if sample.renames and len(header_samples) == 1:
        log.info("%s: sample %s is renamed to %s", sample.gvcf, header_samples[0], sample.sample)
        return header_samples[0]
    remedy = "correct the name, or say in the column name_in_gvcf how the file calls it"
    raise NameDiffers(sheet, sample, str(sample.gvcf), header_samples, remedy)


def _some(names: Sequence[str]) -> str:
    if not names:
        return "no sample"
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
