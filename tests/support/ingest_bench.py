"""A folder in which `ingest` is tried on good and bad files, and what its cohort holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import genocloud
from genocloud.cli import main
from genocloud.regions import Region
from genocloud.storage import local, open_store
from tests.support.small_gvcfs import (
    LENGTHS,
)

VOICE = "genocloud: error: "


@dataclass(frozen=True)
class Bench:
    """A folder with a reference, good gVCFs of ann and bob, and a place for cyd's bad one."""

    folder: Path

    @property
    def bad(self) -> Path:
        return self.folder / "cyd.g.vcf.gz"

    @property
    def cohort(self) -> Path:
        return self.folder / "cohort"

    @property
    def reference(self) -> Path:
        return self.folder / "reference.fa"

    def sheet(self, *rows: str) -> Path:
        """A sheet of these people: names, or whole rows."""
        path = self.folder / "samples.tsv"
        entries = [row if "\t" in row else f"{row}\t{row}.g.vcf.gz" for row in rows]
        path.write_text("sample\tgvcf\n" + "".join(f"{row}\n" for row in entries))
        return path

    def ingest(self, *rows: str) -> int:
        """Run the command, one sample a batch so that bob's batch is stored before cyd's fails."""
        options = ("--reference", self.reference, "--quiet", "--scatter", "inline", "--batch-size", "1")
        return main([str(word) for word in ("ingest", self.cohort, self.sheet(*rows), *options)])


def state(cohort: Path) -> object:
    """All that a reader of the cohort sees: versions, samples, and every row."""
    manifests = [name for name in open_store(str(cohort)).list() if name.startswith("manifest/")]
    if not manifests:
        return manifests
    stored_cohort = genocloud.open_cohort(str(cohort))
    rows = [
        genocloud.read_region(stored_cohort, Region(number, 0, length))
        for number, length in enumerate(LENGTHS.values())
    ]
    tables = [(each.variants.to_pydict(), each.blocks.to_pydict()) for each in rows]
    return manifests, stored_cohort.version, stored_cohort.samples, tables


def without_last_digest(cohort: Any) -> Any:
    """A state without the digest beside its newest version, which a writer that was cut off leaves to the next one."""
    return cohort and ([name for name in cohort[0] if name != f"manifest/{cohort[1]:08}.sha256"], *cohort[1:])


def drafts(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(f"{local.DRAFT}*")]
