"""The sample sheet's rows as the workflow needs them: paths that rules can hold, a caller for reads, a known site."""

from collections.abc import Iterable
from dataclasses import replace

from genocloud.federation import Config
from genocloud.pipeline.hybrid.sample_site import site_of
from genocloud.samples import BadRow, Sample, read_sheet, sheet_text
from genocloud.workflow.callers import NONE
from genocloud.workflow.config import BAD_IN_PATHS, PATH_PROBLEM, PATH_REMEDY


def read_samples(sheet: str, caller: str) -> dict[str, Sample]:
    """The sheet's samples by name. Raises SheetError, also for reads where the config names no caller."""
    samples = read_sheet(sheet)
    for sample in samples:
        _check_paths(sheet, sample)
    for sample in samples:
        if sample.reads and caller == NONE:
            problem = f"sample {sample.sample} comes as reads, and the config says `caller: none`"
            raise BadRow(sheet, sample.line, sample.sample, problem, "give a gVCF, or choose a caller")
    return {sample.sample: sample for sample in samples}


def _check_paths(sheet: str, sample: Sample) -> None:
    for path in filter(None, [sample.gvcf, sample.reads]):
        if bad := BAD_IN_PATHS.search(path):
            problem = f"sample {sample.sample}: {path!r} holds {bad[0]!r}, {PATH_PROBLEM}"
            raise BadRow(sheet, sample.line, sample.sample, problem, PATH_REMEDY)


def samples_here(samples: Iterable[Sample], config: Config | None) -> tuple[Sample, ...]:
    """The samples at the coordinator; all, if there is one site. Raises BadRow, also for reads at another site."""
    if config is None:
        return tuple(samples)
    here = []
    for sample in samples:
        site = site_of(sample, config)
        if site == config.coordinator:
            here.append(sample)
        elif sample.reads:
            problem = f"sample {sample.sample} comes as reads at the site {site}"
            remedy = "call it there (genocloud call), and give its gVCF"
            raise BadRow(config.samples, sample.line, sample.sample, problem, remedy)
    return tuple(here)


def called_sheet(samples: Iterable[Sample], folder: str) -> str:
    """The sheet of a hybrid run, as seen from its folder: called samples have the gVCFs of the rule `call`."""
    rows = [
        replace(sample, gvcf=sample.gvcf or f"results/call/{sample.sample}.g.vcf.gz", reads=None) for sample in samples
    ]
    return sheet_text(rows, folder)
