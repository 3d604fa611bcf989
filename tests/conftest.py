"""What several tests share: the test data, and one joint callset of its GATK gVCFs."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from genocloud import steps
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent

DATA = Path(__file__).resolve().parents[1] / "test_data"


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


def make_callset(folder: Path, sheets: list[Path], storing: steps.Storing, choice: str = "threads:2") -> Made:
    """Ingest the sheets one after another, then discover, genotype and export."""
    made = Made(str(folder / "cohort"), str(folder / "callset"), folder / "callset.vcf.gz")
    progress, model = Silent(), Model()
    with open_scatter(choice) as scatter:
        for sheet in sheets:
            steps.ingest(made.cohort, str(sheet), str(DATA / "reference.fa"), storing, scatter, progress)
        opened = open_cohort(made.cohort)
        cut = steps.cut_genome(opened)
        steps.discover(opened, cut, scatter, progress)
        steps.genotype(opened, made.callset, model, cut, scatter, progress)
        steps.finish(opened, made.callset, model, cut)
    steps.export(made.callset, str(made.vcf), 2, progress)
    return made


@pytest.fixture(scope="session")
def gvcfs() -> list[Path]:
    """The test data's gVCFs, all of GATK's HaplotypeCaller."""
    return sorted((DATA / "gvcf").glob("*.g.vcf.gz"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> Made:
    """The joint callset of the test data's gVCFs, in one batch."""
    folder = tmp_path_factory.mktemp("made")
    return make_callset(folder, [sample_map(folder, gvcfs)], steps.Storing())
