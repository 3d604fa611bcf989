"""What an exported file has of its callset."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from genocloud.callset import ALL_FIELDS, EVERY_RECORD, Callset, FormatFields, NoFilters, NotForFormat, RecordForm
from genocloud.errors import SettingError
from genocloud.pipeline.chosen_samples import SampleChoice
from genocloud.pipeline.fasta_bases import FastaBases
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.refining.genotype_refinement import Refinement, RefinementOptions
from genocloud.pipeline.site_expressions import SiteExpressions


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
    refinement: RefinementOptions | None = None

    def __post_init__(self) -> None:
        if self.refinement and self.sites is not None:
            raise SettingError("genotypes are refined by those of all samples: leave out --site, or --refined")
        if self.records.passing and not self.filtered:
            raise SettingError("--unfiltered has no FILTER to choose records by: leave it out, or --filtered pass")

    def chosen(self, callset: Callset) -> Callset:
        """The callset as it is written.

        Raises StaleFilters, NoFilters, UnknownSite, UnknownContig, MixedContigs, BadExpression, what SampleChoice.of
        and Refinement.of raise.
        """
        callset = callset.with_filters() if self.filtered else callset
        if (self.fields.genotype_filters or self.records.passing) and callset.filter_set is None:
            raise NoFilters(callset.url)
        if isinstance(self.records.aligned_to, FastaBases):
            self.records.aligned_to.check(callset)
        if isinstance(self.records.condition, SiteExpressions):
            self.records.condition.check(filtered=callset.filter_set is not None)
        if self.refinement:
            callset = replace(callset, revision=Refinement.of(self.refinement, callset))
        return self.samples.of(callset if self.sites is None else callset.of_sites(self.sites))

    def check_all_records(self, url: str) -> None:
        """Raise NotForFormat where records are chosen or changed for a file that has all as they are."""
        if self.records != EVERY_RECORD:
            raise NotForFormat(url, "a choice or form of records (--include, --split, --min-ac and the like)")

    @property
    def columns(self) -> FormatFields:
        """FORMAT, with what refined genotypes have."""
        if not self.refinement:
            return self.fields
        return replace(self.fields, posteriors=True, of_trios=bool(self.refinement.pedigree))
