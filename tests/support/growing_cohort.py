"""A cohort and its callset that grow, shrink and are called again."""

from pathlib import Path

from genocloud import pipeline, steps
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA, sample_map
from tests.support.decoded_callsets import records

REFERENCE = str(DATA / "reference.fa")

PLAIN = Model()

STORING = pipeline.IngestOptions(batch_size=2, window_bp=60_000)


class Work:
    """A cohort and its callset, and what is done to them."""

    def __init__(
        self, folder: Path, model: Model = PLAIN, choice: str = "threads:2", *, alleles: str = "", forced: str = ""
    ) -> None:
        self.folder, self.model, self.choice = folder, model, choice
        self.intervals = pipeline.Intervals(alleles=alleles, force_output=(forced,) if forced else ())
        self.cohort, self.callset = str(folder / "cohort"), str(folder / "callset")

    def add(self, gvcfs: list[Path], storing: pipeline.IngestOptions = STORING) -> "Work":
        self.folder.mkdir(exist_ok=True)
        with open_scatter("inline") as scatter:
            steps.ingest(
                self.cohort,
                str(sample_map(self.folder, gvcfs)),
                REFERENCE,
                options=storing,
                scatter=scatter,
                progress=Silent(),
            )
        return self

    def call(self) -> "Work":
        stored_cohort, reference, how = open_cohort(self.cohort), pipeline.read_reference(REFERENCE), Silent()
        cut = pipeline.cut_genome(stored_cohort, targets=self.intervals.targets(reference.contigs, reference))
        with open_scatter(self.choice) as scatter:
            steps.discover(stored_cohort, cut, scatter=scatter, progress=how, reference=reference)
            self.receipt = steps.genotype(
                stored_cohort, self.callset, model=self.model, cut=cut, scatter=scatter, progress=how
            )
        return self

    def remove(self, sample: str) -> "Work":
        steps.remove(self.cohort, [sample])
        return self

    def records(self) -> list[str]:
        out = self.folder / "out.vcf.gz"
        with open_scatter("inline") as scatter:
            steps.export(self.callset, str(out), scatter=scatter, progress=Silent())
        return records(out)
