"""What a person wants of a callset in a file: options of `genocloud export`, from the command or from a config."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import TYPE_CHECKING, Any, Self

from genocloud.callset import FAMILY, PGEN, FormatFields, RecordForm
from genocloud.callset.format_fields import VcfVersion, chosen_keys
from genocloud.errors import SettingError
from genocloud.filters import Expression
from genocloud.pipeline.chosen_samples import SampleChoice
from genocloud.pipeline.export_files import check_families
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.fasta_bases import FastaBases
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.site_expressions import SiteExpressions

if TYPE_CHECKING:  # see export_options
    from genocloud.pipeline.refining.genotype_refinement import RefinementOptions


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """Options of `genocloud export` by their names, as they are typed; `path` is the file, or the pattern of several.

    Raises SettingError for options that do not go together.
    """

    path: str
    intervals: Sequence[str] = ()
    interval_padding: int = 0
    exclude_intervals: Sequence[str] = ()
    interval_exclusion_padding: int = 0
    site: Sequence[str] | None = None
    samples: Sequence[str] | None = None
    exclude_samples: Sequence[str] | None = None
    keep_counts: bool = False
    fields: Sequence[str] | None = None
    local_alleles: bool = False
    vcf_version: VcfVersion = "4.2"
    genotype_filters: bool = False
    unfiltered: bool = False
    dense: bool = False
    sites_only: bool = False
    include: str | None = None
    exclude: str | None = None
    filtered: str = "all"
    min_ac: int = 0
    split: bool = False
    left_align: str | None = None
    drop_star: bool = False
    ids: str | None = None
    diploid_sex_chromosomes: bool = False
    refined: bool = False
    supporting: Sequence[str] | None = None
    num_reference_samples_if_no_call: int = 0
    default_to_allele_count: bool = False
    ignore_input_samples: bool = False
    discovered_allele_count_priors_off: bool = False
    skip_population_priors: bool = False
    pedigree: str | None = None
    par: Sequence[str] = ()

    @classmethod
    def of(cls, path: str, values: Mapping[str, Any]) -> Self:
        """The request that values by the options' names make; other names are left alone."""
        return cls(path=path, **{field.name: values[field.name] for field in fields_of(cls) if field.name in values})

    def __post_init__(self) -> None:
        if self.keep_counts and not self.samples and not self.exclude_samples:
            raise SettingError("--keep-counts is for some samples: add --samples or --exclude-samples")
        if self.refined and self.skip_population_priors and not self.pedigree:
            raise SettingError("--skip-population-priors leaves nothing to refine by: add --pedigree, or leave it out")
        if self.refined and self.dense:
            raise SettingError("--dense writes genotypes as they were called: leave out --refined")
        has_use = self.refined or PGEN.is_of(self.path) or FAMILY in self.path
        if (self.supporting and not self.refined) or (self.pedigree and not has_use):
            raise SettingError(
                "--supporting is for refined genotypes, --pedigree for these, OUT.pgen and {family}: add --refined"
            )
        check_families(self.path, has_pedigree=bool(self.pedigree))

    def options(self) -> ExportOptions:
        """What the file has of its callset. Raises BadExpression, UnknownField, UnreadableFile, SettingError."""
        return ExportOptions(
            intervals=Intervals(
                included=tuple(self.intervals),
                padding=self.interval_padding,
                excluded=tuple(self.exclude_intervals),
                exclusion_padding=self.interval_exclusion_padding,
            ),
            samples=SampleChoice(
                included=tuple(self.samples or ()),
                excluded=tuple(self.exclude_samples or ()),
                keep_counts=self.keep_counts,
            ),
            sites=self.site,
            fields=self._fields(),
            records=self._records(),
            filtered=not self.unfiltered,
            refinement=self._refinement() if self.refined else None,
        )

    def _fields(self) -> FormatFields:
        return FormatFields(
            keys=chosen_keys(self.fields),
            local_alleles=self.local_alleles,
            vcf_version=self.vcf_version,
            genotype_filters=self.genotype_filters,
            posteriors=self.refined,
            of_trios=self.refined and self.pedigree is not None,
        )

    def _records(self) -> RecordForm:
        include, exclude = (None if text is None else Expression(text) for text in (self.include, self.exclude))
        return RecordForm(
            sites_only=self.sites_only,
            passing=self.filtered == "pass",
            condition=SiteExpressions(include=include, exclude=exclude) if include or exclude else None,
            min_ac=self.min_ac,
            split=self.split,
            aligned_to=FastaBases.of(self.left_align) if self.left_align else None,
            drop_star=self.drop_star,
            place_ids=self.ids is not None,
            diploid=self.diploid_sex_chromosomes,
        )

    def _refinement(self) -> "RefinementOptions":
        from genocloud.pipeline.refining.genotype_refinement import RefinementOptions
        from genocloud.refinement import PriorOptions

        priors = PriorOptions(
            num_reference_samples_if_no_call=self.num_reference_samples_if_no_call,
            default_to_allele_count=self.default_to_allele_count,
            ignore_input_samples=self.ignore_input_samples,
            discovered_allele_count_priors_off=self.discovered_allele_count_priors_off,
        )
        return RefinementOptions(
            supporting=tuple(self.supporting or ()),
            pedigree=self.pedigree,
            priors=None if self.skip_population_priors else priors,
        )
