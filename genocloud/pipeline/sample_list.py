"""The samples of a run: the rows of a sample sheet, or all samples of gVCFs named one by one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from genocloud import gvcf, storage
from genocloud.errors import InputError
from genocloud.samples import Sample, read_sheet, sheet_text
from genocloud.samples.names import RULE, lookalike_key, problem_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

COMMAND_LINE = "the command line"

GZIP, VCF, BCF = b"\x1f\x8b", b"##fileformat=VCF", b"BCF\x02"
"""How a gVCF begins, compressed or not; a sample sheet is plain text and begins otherwise."""

INDEXES = (".tbi", ".csi")

READ_TOGETHER = 16
"""Headers per task: 16 take about ten milliseconds."""


@dataclass(frozen=True)
class People:
    """Listed samples, and the source that error messages name: a sheet's path or URL, or the command line."""

    source: str
    samples: tuple[Sample, ...]

    def checksum(self) -> str:
        """The sha256 of the sheet, or of the sheet that is equal to the command line."""
        if self.source == COMMAND_LINE:
            data = sheet_text(self.samples, ".").encode()
        else:
            with storage.open_file(self.source) as file:
                data = file.read()
        return f"sha256:{hashlib.sha256(data).hexdigest()}"


Listed: TypeAlias = str | tuple[str, ...] | People
"""A sample sheet's path or URL; gVCFs' paths or URLs; or samples that have been read already."""


class SampleTwice(InputError):
    """Two gVCFs of the command line with the same sample, or with names that look alike."""

    def __init__(self, sample: str, first: str, second: str) -> None:
        self.sample, self.files = sample, (first, second)
        where = f"{first} twice" if first == second else f"{first} and {second}"
        super().__init__(
            f"sample {sample} is in {where}; leave one out, or write a sample sheet that gives one of them another name"
        )


class NameNotUsable(InputError):
    """A gVCF whose sample name is not a valid one."""

    def __init__(self, url: str, sample: str) -> None:
        self.url, self.sample = url, sample
        super().__init__(
            f"{url}: its sample {sample!a} cannot keep that name: it {problem_of(sample)} ({RULE}); write a sample "
            "sheet that gives it another, with this one in the column name_in_gvcf"
        )


def sheet_or_gvcfs(urls: Sequence[str]) -> str | tuple[str, ...]:
    """The gVCFs that the command line lists, or the sample sheet: a single file that is no VCF.

    Indexes of listed gVCFs, which `gvcf/*` lists too, are left out. Raises UnreadableFile.
    """
    files = [url for url in urls if not (url.endswith(INDEXES) and url.rpartition(".")[0] in urls)]
    return tuple(files) if len(files) > 1 or _begins_like_vcf(files[0]) else files[0]


def read_people(listed: Listed, scatter: Scatter, progress: Progress) -> People:
    """The listed samples in order, with all samples of each gVCF.

    Raises UnreadableFile, SheetError, SampleTwice or NameNotUsable.
    """
    if isinstance(listed, People):
        return listed
    if isinstance(listed, str):
        return People(listed, read_sheet(listed))
    groups = [listed[first : first + READ_TOGETHER] for first in range(0, len(listed), READ_TOGETHER)]
    with progress.stage("headers", tasks=len(listed), unit="gVCF") as stage:
        read = scatter.run(_read_group, groups, lambda group: stage.advance(tasks=len(group)))
    samples = [sample for group in read for of_file in group for sample in of_file]
    first: dict[str, str] = {}
    for sample in samples:
        url, looks = str(sample.gvcf), lookalike_key(sample.sample)
        if looks in first:
            raise SampleTwice(sample.sample, first[looks], url)
        first[looks] = url
    return People(COMMAND_LINE, tuple(samples))


def _read_group(urls: Sequence[str]) -> list[list[Sample]]:
    return [_samples_of(url) for url in urls]


def _samples_of(url: str) -> list[Sample]:
    names = _names_in(url)
    for name in names:
        if problem_of(name):
            raise NameNotUsable(url, name)
    return [Sample(sample=name, gvcf=url, name_in_gvcf=name) for name in names]


def _names_in(url: str) -> tuple[str, ...]:
    try:
        return gvcf.read_header(url).samples
    except gvcf.NotVcf as error:
        raise gvcf.NotVcf(url, error.problem, "name gVCFs only, or a single sample sheet") from error


def _begins_like_vcf(url: str) -> bool:
    if Path(url).is_fifo():  # may be read once: a sheet from the shell's <(...)
        return False
    with storage.open_file(url) as file:
        return file.read(len(VCF)).startswith((GZIP, VCF, BCF))
