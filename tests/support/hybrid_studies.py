"""A generated study whose people lie at several sites, and the same study at one site: to be compared."""

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from genocloud import callset, pipeline, steps
from genocloud.cohort import open_cohort
from genocloud.federation import Config
from genocloud.federation.config import config_of
from genocloud.pipeline.chosen_model import chosen_model
from genocloud.pipeline.intervals import intervals_of
from genocloud.pipeline.options import model_of
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.steps.hybrid import hybrid
from tests.conformance.oracle import HEADER, write_reference
from tests.conftest import DATA
from tests.support.joint_styles import STYLES, Style, styled_contig, wild_contig
from tests.support.site_policies import obeying, write_policy


@dataclass(frozen=True)
class Study:
    """People by site, all of whose gVCFs lie in `folder`; settings as in a config."""

    folder: Path
    people: Mapping[str, Sequence[str]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    policies: Path | None = None

    @property
    def policy_folder(self) -> Path:
        """Where the sites' policy files lie; the sites are small, so that any number of people will do."""
        return self.policies or self.folder / "policies"

    @property
    def names(self) -> list[str]:
        """Everybody, in the sheet's order."""
        return [name for names in self.people.values() for name in names]

    def gvcf(self, name: str) -> Path:
        """A person's file."""
        return self.folder / f"{name}.g.vcf.gz"

    def config(self, run: str, policies: Mapping[str, str], coordinator: str, **workers: str) -> Config:
        """The config of a run over the sites, whose stores lie in a folder named after the run."""
        sites = {
            site: {
                "store": str(self.folder / run / site),
                "workers": workers.get(site, "inline"),
                "policy": policies[site],
            }
            for site in self.people
        }
        for site, values in sites.items():
            path = self.policy_folder / f"{self.folder.name}-{run}-{site}.yaml"
            write_policy(path, site, [values["store"]], [str(self.folder)], policies[site])
        values = {"samples": str(self.folder / "sites.tsv"), "reference": str(self.folder / "ref.fa"), "sites": sites}
        return config_of(values | {"coordinator": coordinator, **self.settings}, "config.yaml")

    def made(self, run: str, site: str) -> callset.Callset:
        """A site's callset after a run."""
        return callset.open_callset(str(self.folder / run / site / "callset"))

    def at_one_site(self, run: str = "single") -> callset.Callset:
        """The same study ingested and genotyped at one site, in the canonical order."""
        reference = str(self.folder / "ref.fa")
        settings = config_of({"samples": "batches.tsv", "reference": reference} | self.settings, "config.yaml").settings
        cohort_url, callset_url = (str(self.folder / run / name) for name in ("cohort", "callset"))
        storing = pipeline.IngestOptions(
            part_bp=settings["part_bp"], window_bp=settings["window_bp"], batch_size=settings["batch_size"]
        )
        scatter, progress = Inline(), Silent()
        steps.ingest(
            cohort_url, str(self.folder / "batches.tsv"), reference, options=storing, scatter=scatter, progress=progress
        )
        source = open_cohort(cohort_url)
        cut = pipeline.cut_genome(source, None, intervals_of(settings).targets(source.contigs))
        steps.discover(source, cut, scatter=scatter, progress=progress, reference=pipeline.read_reference(reference))
        model = chosen_model(source, model_of(settings), settings["model"], settings["preset"])
        steps.genotype(source, callset_url, model=model, cut=cut, scatter=scatter, progress=progress)
        return callset.open_callset(callset_url)


def write_study(
    folder: Path,
    counts: Mapping[str, int],
    contigs: Mapping[str, Style | int],
    seed: int = 5,
    policies: Path | None = None,
    **settings: Any,
) -> Study:
    """Write a study: how many people each site has; contigs by style, or by seed where they know no biology."""
    folder.mkdir(exist_ok=True)
    people = {site: [f"{site}{_word(site, number)}" for number in range(count)] for site, count in counts.items()}
    study = Study(folder, people, settings, policies)
    total = len(study.names)
    made = {name: _contig(name, kind, total, seed) for name, kind in contigs.items()}
    write_reference({name: bases for name, (bases, _) in made.items()}, folder)
    declared = [f"##contig=<ID={name},length={len(bases)}>" for name, (bases, _) in made.items()]
    for number, name in enumerate(study.names):
        lines = [line for _, rows in made.values() for line in rows[f"s{number:02}"]]
        columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{name}"
        study.gvcf(name).write_bytes(gzip.compress("\n".join([*HEADER, *declared, columns, *lines, ""]).encode(), 1))
    write_sheets(study)
    return study


def deepvariant_study(folder: Path, counts: Mapping[str, int], settings: Mapping[str, Any]) -> Study:
    """The demo's people in DeepVariant's form under names that stand nowhere by chance, so many at each site."""
    folder.mkdir(exist_ok=True)
    people = {site: [f"{site}{_word(site, number)}" for number in range(count)] for site, count in counts.items()}
    study = Study(folder, people, settings)
    for name in ("reference.fa", "reference.fa.fai"):
        (folder / name.replace("reference", "ref")).write_bytes((DATA / name).read_bytes())
    for path, name in zip(sorted((DATA / "deepvariant").glob("*.g.vcf.gz")), study.names, strict=True):
        text = re.sub(r"(\n#CHROM\t.*\t)[^\t\n]+\n", rf"\g<1>{name}\n", gzip.decompress(path.read_bytes()).decode())
        study.gvcf(name).write_bytes(gzip.compress(text.encode(), 1))
    write_sheets(study)
    return study


def write_sheets(study: Study) -> None:
    """Write the sheets of a run at several sites, and at one."""
    for sheet, column in (("sites.tsv", "site"), ("batches.tsv", "batch")):
        rows = [f"{name}\t{study.gvcf(name)}\t{site}\n" for site, names in study.people.items() for name in names]
        (study.folder / sheet).write_text(f"sample\tgvcf\t{column}\n{''.join(rows)}")


def _word(site: str, number: int) -> str:
    """Random enough that it stands nowhere by chance."""
    return hashlib.sha256(f"{site} {number}".encode()).hexdigest()[:12]


def _contig(name: str, kind: Style | int, samples: int, seed: int) -> tuple[str, dict[str, list[str]]]:
    if isinstance(kind, int):
        return wild_contig(name, samples, kind)
    bases, lines, _ = styled_contig(name, kind, samples, seed)
    return bases, lines


def small(style: str, loci: int, **changes: Any) -> Style:
    """One of STYLES with fewer loci."""
    return replace(STYLES[style], loci=loci, **changes)


def differences(study: Study, run: str, config: Config, single: callset.Callset) -> list[str]:
    """What each site's callset after a run has otherwise than that of one site."""
    different = []
    for site, names in study.people.items():
        if not names and site != config.coordinator:
            continue
        joint = study.made(run, site)
        own = joint.of_sites([site])
        different += [f"{site}: sites"] * (not _equal(joint.sites(), single.sites()))
        different += [f"{site}: samples"] * (sorted(own.samples) != sorted(names))
        different += [f"{site}: genotypes"] * (not _equal(own.genotypes(), single.genotypes(None, own.samples)))
    united = study.made(run, config.coordinator)
    different += ["the united callset: samples"] * (united.samples != single.samples)
    return different + ["the united callset: counts"] * (united.counts != single.counts)


def _equal(one: pa.Table, other: pa.Table) -> bool:
    return bool(repr(one.to_pylist()) == repr(other.to_pylist()))  # NaN is NaN here


def run_study(study: Study, config: Config) -> Receipt:
    """Run a study at its sites, whose workers obey the policies that the study has written."""
    with obeying(study.policy_folder):
        return hybrid(config, progress=Silent())
