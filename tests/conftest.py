"""What several tests share: the test data, and the joint callsets of its GATK gVCFs and of its reads."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from genocloud import pipeline, steps
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.kernel_warmup import compile_kernels
from genocloud.samples import read_sheet
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("first failure", settings.get_profile("no clock"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("no clock")

TESTS = Path(__file__).resolve().parent
DATA = TESTS.parent / "test_data"
LONG = ("contracts", "kills", "properties", "workflow")
"""Folders of long tests."""


@dataclass(frozen=True)
class Made:
    """A cohort, its callset and its VCF."""

    cohort: str
    callset: str
    vcf: Path


def sample_map(folder: Path, gvcfs: list[Path]) -> Path:
    """A GATK sample map of gVCFs, written into `folder`."""
    path = folder / "samples.map"
    path.write_text("".join(f"{gvcf.name.removesuffix('.g.vcf.gz')}\t{gvcf}\n" for gvcf in gvcfs))
    return path


def call_reads(folder: Path, data: Path, most: int | None = None) -> list[Path]:
    """Call the first people of a data set who come as reads with the embedded caller; their gVCFs, in `folder`."""
    people = [sample for sample in read_sheet(str(data / "samples.tsv")) if sample.reads][:most]
    gvcfs = [folder / f"{person.sample}.g.vcf.gz" for person in people]
    reference = str(data / "reference.fa")
    for person, out in zip(people, gvcfs, strict=True):
        options = steps.CallOptions(
            sample=person.sample,
            reads_url=person.reads,
            reference_url=reference,
            out=out,
            sex=person.sex,
            par=["chrX:1-12000"],
            workers=2,
        )
        steps.call(options, progress=Silent())
    return gvcfs


def make_callset(
    folder: Path, sheets: list[Path], storing: pipeline.IngestOptions, choice: str = "threads:2", data: Path = DATA
) -> Made:
    """Ingest the sheets one after another, on a data set's reference, then discover, genotype and export."""
    made = Made(str(folder / "cohort"), str(folder / "callset"), folder / "callset.vcf.gz")
    progress, model = Silent(), Model()
    with open_scatter(choice) as scatter:
        for sheet in sheets:
            steps.ingest(
                made.cohort, str(sheet), str(data / "reference.fa"), options=storing, scatter=scatter, progress=progress
            )
        stored_cohort = open_cohort(made.cohort)
        cut = pipeline.cut_genome(stored_cohort)
        steps.discover(stored_cohort, cut, scatter=scatter, progress=progress)
        steps.genotype(stored_cohort, made.callset, model=model, cut=cut, scatter=scatter, progress=progress)
        steps.export(made.callset, str(made.vcf), scatter=scatter, progress=progress)
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files of few long tests, so that no worker has one of them alone at the end."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in LONG)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Compile the kernels once, before workers would do so side by side."""
    compile_kernels(os.cpu_count() or 1, None, Silent())


@pytest.fixture(scope="session")
def gvcfs() -> list[Path]:
    """The test data's gVCFs, all of GATK's HaplotypeCaller."""
    return sorted((DATA / "gvcf").glob("*.g.vcf.gz"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> Made:
    """The joint callset of the test data's gVCFs, in one batch."""
    folder = tmp_path_factory.mktemp("made")
    return make_callset(folder, [sample_map(folder, gvcfs)], pipeline.IngestOptions())


@pytest.fixture(scope="session")
def called(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The joint callset of a man and a woman of the test data's reads, by the embedded caller; gVCFs beside it."""
    folder = tmp_path_factory.mktemp("called")
    return make_callset(folder, [sample_map(folder, call_reads(folder, DATA, 2))], pipeline.IngestOptions())
