"""A study folder's config, samples and files, as the rules need them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any, cast

from genocloud import regions, storage
from genocloud.callset import FormatFields, form_of
from genocloud.federation import Config
from genocloud.reads.ploidy import Copies, Sex, SexContigs
from genocloud.samples import Sample, are_small
from genocloud.workflow.callers import BY_NAME, CallerProgram
from genocloud.workflow.filter_options import filter_files, filter_options
from genocloud.workflow.further_exports import FurtherExport, further_exports
from genocloud.workflow.model_settings import model_files
from genocloud.workflow.options import JobOptions
from genocloud.workflow.ploidy_beds import stretches
from genocloud.workflow.remote import content_parameter, receipt_of, remote


@dataclass(frozen=True, kw_only=True)
class SnakemakeRun:
    """What the workflow needs to know of its Snakemake process."""

    snakefile: Path
    is_main: bool
    is_dry: bool
    """Whether no job will run: a dry run, or something else in its place (--lint, --unlock, ...)."""
    is_remote_job: bool
    brings_programs: bool
    """Whether conda or a container brings the callers' programs."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """The checked config and sheet; `samples_here` are at the coordinator, if `federation` has several sites."""

    settings: Mapping[str, Any]
    samples: Mapping[str, Sample]
    samples_here: tuple[Sample, ...]
    federation: Config | None
    run: SnakemakeRun

    @cached_property
    def called(self) -> list[str]:
        """Names of the samples that come as reads."""
        return [sample.sample for sample in self.samples.values() if sample.reads]

    @property
    def called_gvcfs(self) -> list[str]:
        """The gVCFs that the rule `call` writes."""
        return [f"results/call/{sample}.g.vcf.gz" for sample in self.called]

    @cached_property
    def gvcfs(self) -> list[str]:
        """The sheet's gVCFs that are here."""
        return [sample.gvcf for sample in self.samples_here if sample.gvcf]

    @cached_property
    def interval_files(self) -> list[str]:
        """Those intervals of the config that are files."""
        keys = ("intervals", "exclude_intervals", "force_output_intervals")
        texts = [text for key in keys for text in self.settings[key]]
        return [text for text in texts if Path(text).is_file() or remote([text])]

    @property
    def alleles(self) -> list[str]:
        """The VCF of alleles to force, if there is one."""
        return list(filter(None, [self.settings["alleles"]]))

    @property
    def model_files(self) -> list[str]:
        """The YAML file of the model's rules, if they are in one, and the table of GQ."""
        return model_files(self.settings)

    @property
    def dbsnp(self) -> list[str]:
        """The VCF of known variants, if there is one."""
        return list(filter(None, [self.settings["dbsnp"]]))

    @property
    def frequencies(self) -> list[str]:
        """The VCF of common variants for the screen, if there is one."""
        return list(filter(None, [self.settings["frequencies"]]))

    @property
    def pedigree(self) -> list[str]:
        """The pedigree, if there is one."""
        return list(filter(None, [self.settings["pedigree"]]))

    @property
    def sample_tables(self) -> list[str]:
        """What is known of the samples' kin and ancestry."""
        return [*self.pedigree, *filter(None, [self.settings["ancestry"]])]

    @property
    def refining_files(self) -> list[str]:
        """What exported genotypes are refined by beside the callset."""
        return [*self.settings["supporting"], *self.pedigree] if self.settings["refined"] else []

    @property
    def refinement(self) -> list[str]:
        """How exported genotypes are refined, as options."""
        return self.options.of("refined", "supporting", "pedigree") if self.settings["refined"] else []

    @property
    def reference(self) -> list[str]:
        """The reference and its index."""
        return [self.settings["reference"], f"{self.settings['reference']}.fai"]

    @property
    def caller(self) -> CallerProgram | None:
        """Who calls the samples that come as reads; None if the config says that there are none."""
        return BY_NAME.get(self.settings["caller"])

    @property
    def dictionary(self) -> str:
        """The reference's sequence dictionary, which some callers need."""
        return str(Path(self.settings["reference"]).with_suffix(".dict"))

    @cached_property
    def inputs(self) -> list[str]:
        """Every file that the run reads."""
        sources = [sample.gvcf or sample.reads or "" for sample in self.samples_here]
        return [self.settings["samples"], *self.reference, *sources, *self.known_files]

    @property
    def known_files(self) -> list[str]:
        """Intervals, and what is known of variants."""
        return [
            *self.interval_files,
            *self.alleles,
            *self.model_files,
            *self.dbsnp,
            *self.frequencies,
            *self.sample_tables,
            *self.filter_files,
            *self.settings["supporting"],
            *(file for each in self.exports.values() for file in each.files),
        ]

    def call_inputs(self, wildcards: Any) -> list[str]:
        """What the wildcards' sample is called from."""
        return [str(self.samples[wildcards.sample].reads), *self.reference]

    def ploidy_beds(self, wildcards: Any) -> dict[str, str]:
        """The BED files of the stretches of the wildcards' sample, by kind: haploid, diploid, par."""
        sex = self.samples[wildcards.sample].sex
        return {kind: f"results/call/{sex}.{kind}.bed" for kind in ("haploid", "diploid", "par")}

    def content(self, files: Callable[[Any], Sequence[str]]) -> dict[str, Callable[[Any], str]]:
        """A rule's parameter that changes with its files with a URL; none if the run reads no such file."""
        return content_parameter(files) if remote(self.inputs) else {}

    @cached_property
    def contigs(self) -> tuple[regions.Contig, ...]:
        """The reference's contigs."""
        with storage.open_file(self.reference[1]) as file:
            return regions.contigs_from_fai(file.read().decode())

    @cached_property
    def sex_contigs(self) -> SexContigs:
        """X and Y with the config's pseudo-autosomal regions. Raises InputError or NoPar."""
        par = [regions.parse_region(text, self.contigs) for text in self.settings["par"]]
        rows = [(self.contigs[region.contig].name, region.start, region.end) for region in par]
        return SexContigs.with_par(rows)

    def stretches(self, sex: str) -> list[tuple[str, Copies]]:
        """(contig, its stretch with a number of copies) for a sex, in genome order."""
        return stretches(self.contigs, cast("Sex", sex), self.sex_contigs)

    @property
    def vcf_files(self) -> list[str]:
        """The exported VCF and its index, if its format has one."""
        vcf = self.settings["vcf"]
        suffix = form_of(vcf).index_suffix(self.contigs)
        return [vcf, f"{vcf}{suffix}"] if suffix else [vcf]

    @cached_property
    def exports(self) -> dict[str, FurtherExport]:
        """Further files of the callset, by name. Raises BadConfig."""
        return further_exports(self.settings)

    @property
    def fields(self) -> FormatFields:
        """What FORMAT has in the exported VCF. Raises UnknownField."""
        settings = self.settings
        return FormatFields(
            keys=tuple(settings["fields"]) or None,
            local_alleles=settings["local_alleles"],
            vcf_version=settings["vcf_version"],
            genotype_filters=settings["genotype_filters"],
            posteriors=settings["refined"],
            of_trios=settings["refined"] and bool(settings["pedigree"]),
        )

    @property
    def report_files(self) -> list[str]:
        """The report's page, its summary and its tables of samples."""
        page = self.settings["report"]
        return [page, *(page.removesuffix(".html") + end for end in (".txt", ".samples.tsv", ".samples.json"))]

    @property
    def checked(self) -> str:
        """The file that is written once the inputs have been checked."""
        return "results/hybrid/samples.tsv" if self.federation else receipt_of("inputs")

    @property
    def screened(self) -> list[str]:
        """The receipt of the finished cohort: screened, if it is to be."""
        return [] if self.federation else [receipt_of("screen" if self.settings["screen"] else "ingest")]

    @property
    def genotyped(self) -> str:
        """The receipt of the finished callset."""
        return receipt_of("hybrid" if self.federation else "genotype")

    @property
    def filter_options(self) -> str:
        """Options of `genocloud filter`; empty where the callset is not filtered."""
        return filter_options(self.settings["filter"], self.settings["reference"])

    @property
    def filter_files(self) -> list[str]:
        """The files that filters are made of."""
        return filter_files(self.settings["filter"])

    @property
    def filtered(self) -> str:
        """The receipt of the callset with its filters, if it is to have some."""
        return receipt_of("filter") if self.filter_options else self.genotyped

    @property
    def checked_samples(self) -> list[str]:
        """The receipt of the samples' quality control, if the config wants it."""
        return [receipt_of("qc")] if self.settings["qc"] else []

    @property
    def check_options(self) -> str:
        """The folders of tables of samples that the report shows, as options."""
        screened = self.settings["screen"] and not self.federation
        return " ".join(
            (["--qc results/qc/tables"] if self.checked_samples else [])
            + (["--screen results/screen"] if screened else [])
        )

    @property
    def price_options(self) -> str:
        """The price tables that the config names, as options of the report."""
        of_sites = {f"{name}=": site.get("prices") for name, site in self.settings["sites"].items()}
        tables = {"": self.settings["prices"], **of_sites}
        return " ".join(f"--prices {quote(site + table)}" for site, table in tables.items() if table)

    @property
    def export_sites(self) -> str:
        """The sites whose genotypes may be read here, as options; empty if that is all."""
        if not self.federation:
            return ""
        config = self.federation
        names = [site.name for site in config.sites if site.policy == "may_leave" or site.name == config.coordinator]
        return "" if len(names) == len(config.sites) else " ".join(f"--site {name}" for name in names)

    @cached_property
    def is_small(self) -> bool:
        """Whether the files are so small that jobs in parallel would cost more than they save; never with a URL."""
        return not self.federation and are_small(self.samples_here, self.settings["small_cohort_bytes"])

    @cached_property
    def parts(self) -> list[str]:
        """Names of the parts of the genome that are jobs of their own; none for a small cohort."""
        return [] if self.is_small else [part.name for part in regions.parts(self.contigs, self.settings["part_bp"])]

    def receipts(self, step: str) -> list[str]:
        """The receipts of a step's jobs: one for each part of the genome, or that of the whole step."""
        return [f"results/{step}/{part}.json" for part in self.parts or [step]]

    @cached_property
    def options(self) -> JobOptions:
        """The options of jobs."""
        return JobOptions(self.settings, self.is_small, self.run.is_remote_job)
