"""What an exported file has of its callset."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from genocloud.callset import (
    ALL_FIELDS,
    EVERY_RECORD,
    EXPORT_SUFFIXES,
    OTHER_FORMATS,
    PGEN,
    Callset,
    FormatFields,
    NoFilters,
    NotForFormat,
    RecordForm,
    RevisedExport,
    UnknownFormat,
    check_dense_url,
    check_export_url,
    form_of,
)
from genocloud.errors import SettingError
from genocloud.formatting import alternatives
from genocloud.pipeline.chosen_samples import SampleChoice
from genocloud.pipeline.fasta_bases import FastaBases
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.site_expressions import SiteExpressions

if TYPE_CHECKING:  # it brings dbSNP's and a cohort's rooms, and few exports refine
    from genocloud.pipeline.refining.genotype_refinement import RefinementOptions


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What an exported file has of its callset.

    intervals   only records whose POS lies there
    samples     only these
    sites       only the samples of some locations of a hybrid run
    fields      what FORMAT has
    records     which there are, and in what form
    filtered    with the callset's filters, if it has some
    refinement  genotypes are refined, and have PP
    """

    intervals: Intervals = field(default_factory=Intervals)
    samples: SampleChoice = field(default_factory=SampleChoice)
    sites: Sequence[str] | None = None
    fields: FormatFields = ALL_FIELDS
    records: RecordForm = EVERY_RECORD
    filtered: bool = True
    refinement: "RefinementOptions | None" = None

    def __post_init__(self) -> None:
        if self.refinement and self.sites is not None:
            raise SettingError("genotypes are refined by those of all samples: leave out --site, or --refined")
        if self.records.passing and not self.filtered:
            raise SettingError("--unfiltered has no FILTER to choose records by: leave it out, or --filtered pass")

    def chosen(self, callset: Callset) -> Callset:
        """The callset as it is written.

        Raises RevisedExport, StaleFilters, NoFilters, UnknownSite, UnknownContig, MixedContigs, BadExpression, what
        SampleChoice.of and Refinement.of raise.
        """
        if callset.revision:
            raise RevisedExport(callset.url)
        callset = callset.with_filters() if self.filtered else callset
        if (self.fields.genotype_filters or self.records.passing) and callset.filter_set is None:
            raise NoFilters(callset.url)
        if isinstance(self.records.aligned_to, FastaBases):
            self.records.aligned_to.check(callset)
        if isinstance(self.records.condition, SiteExpressions):
            self.records.condition.check(filtered=callset.filter_set is not None)
        if self.refinement:
            from genocloud.pipeline.refining.genotype_refinement import Refinement

            callset = replace(callset, revision=Refinement.of(self.refinement, callset))
        return self.samples.of(callset if self.sites is None else callset.of_sites(self.sites))

    def check(self, url: str, *, dense: bool = False) -> None:
        """Raise where a file of this name, or a dense table, cannot have all that.

        UnknownFormat, MissingPackage, NotForFormat, UnknownField, OtherVcfVersion, LocalSplit, BlocksWithoutGenotypes,
        and StoreFailed where a folder has the name of a VCF.
        """
        other = next((form for form in OTHER_FORMATS if form.is_of(url)), None)
        if dense:
            check_dense_url(url)
        elif other:
            other.check(url)
        elif not url.endswith(EXPORT_SUFFIXES):
            raise UnknownFormat(url, alternatives([*EXPORT_SUFFIXES, ".parquet with --dense"]))
        else:
            check_export_url(url, self.columns)
            self.records.check(form_of(url).having(self.columns).fields)
            return
        for option, has_it in self._for_vcf_alone(dense=dense, pgen=PGEN.is_of(url)).items():
            if has_it:
                raise NotForFormat(url, option)

    def _for_vcf_alone(self, *, dense: bool, pgen: bool) -> dict[str, bool]:
        """Whether there is what a dense table, PGEN or Zarr has no place for, by its options."""
        records = "a choice or form of records (--include, --split, --min-ac and the like)"
        more = {
            "--refined": self.refinement is not None,
            "--fields": pgen and self.fields.keys is not None,
            "--local-alleles": self.fields.local_alleles,
            "--genotype-filters": self.fields.genotype_filters,
            "--vcf-version": self.fields.vcf_version != "4.2",
        }
        return {records: self.records != EVERY_RECORD} | ({} if dense else more)  # a dense table has all fields

    @property
    def columns(self) -> FormatFields:
        """FORMAT, with what refined genotypes have."""
        if not self.refinement:
            return self.fields
        return replace(self.fields, posteriors=True, of_trios=bool(self.refinement.pedigree))
