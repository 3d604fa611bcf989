"""A run over several sites of one machine, each in a folder of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genocloud import callset
from genocloud.federation.config import config_of
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.progress import Silent
from genocloud.steps.hybrid import hybrid
from tests.conftest import DATA
from tests.support.decoded_callsets import decoded
from tests.support.site_policies import obeying, write_policy

REFERENCE = str(DATA / "reference.fa")

SMALL = {"window_bp": 60_000, "batch_size": 2}


@dataclass
class Hybrid:
    """A run over sites named alpha, beta, ... in a folder, the gVCFs of each given; the first one coordinates."""

    folder: Path
    split: Sequence[Sequence[Path]]
    policies: Sequence[str]
    workers: str = "threads:2"
    stores: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: dict(SMALL))
    coordinator: int = 0
    roots: Sequence[str] = (str(DATA),)
    sexes: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return ["alpha", "beta", "gamma"][: len(self.split)]

    def store(self, name: str) -> str:
        return f"{self.stores or self.folder}/{name}"

    def config(self):
        self.folder.mkdir(exist_ok=True)
        rows = [
            f"{person}\t{gvcf}\t{self.sexes.get(person, '')}\t{name}\n"
            for name, gvcfs in zip(self.names, self.split, strict=True)
            for gvcf in gvcfs
            for person in [gvcf.name.removesuffix(".g.vcf.gz")]
        ]
        sheet = self.folder / "samples.tsv"
        sheet.write_text("".join(["sample\tgvcf\tsex\tsite\n", *rows]))
        sites = {
            name: {"store": self.store(name), "workers": self.workers, "policy": policy}
            for name, policy in zip(self.names, self.policies, strict=True)
        }
        for name, policy in zip(self.names, self.policies, strict=True):
            folder = self.folder / "policies"
            write_policy(folder / f"{name}.yaml", name, [self.store(name)], list(self.roots), policy)
        values = {"samples": str(sheet), "reference": REFERENCE, "sites": sites}
        return config_of({**values, "coordinator": self.names[self.coordinator], **self.options})

    def run(self) -> Receipt:
        config = self.config()
        with obeying(self.folder / "policies"):
            return hybrid(config, progress=Silent())

    @property
    def united(self) -> str:
        return f"{self.store(self.names[self.coordinator])}/callset"

    def sites(self) -> list[Any]:
        united_callset = callset.open_callset(self.united)
        return decoded(united_callset.sites()).to_pylist()

    def genotypes(self) -> list[Any]:
        """Of all sites, each read at its own site."""
        stores = [self.store(name) for name, some in zip(self.names, self.split, strict=True) if some]
        callsets = [callset.open_callset(f"{store}/callset") for store in stores]
        tables = [decoded(each.of_sites([each.description.site]).genotypes()) for each in callsets]
        return [row for table in tables for row in table.to_pylist()]
