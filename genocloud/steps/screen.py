"""screen: what each sample's own records say before genotyping: contamination, depth, sex, duplicates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from genocloud import cohort, qc, storage
from genocloud.errors import InputError, SettingError
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.screening.cohort_screen import add_up, compare, contig_depths, screen_table
from genocloud.pipeline.screening.part_screening import ScreenSettings, screen_parts
from genocloud.pipeline.screening.screen_files import write_multiqc, write_pairs, write_table
from genocloud.samples import read_sheet
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class ScreenOptions:
    """What is looked at: `frequencies_url` is a VCF of common sites or a callset, `sheet_url` a sheet with sexes.

    `flag` and `quarantine` are rules as `qc.parse_rule` takes them; a sample is flagged by both, and becomes inactive
    by `quarantine`.
    """

    frequencies_url: str | None = None
    sheet_url: str | None = None
    flag: Sequence[str] = qc.DEFAULT_RULES
    quarantine: Sequence[str] = ()
    intervals: Intervals = field(default_factory=Intervals)


class RuleNeedsFile(SettingError):
    """A rule about what is not known without a file."""

    def __init__(self, rule: str, option: str) -> None:
        self.rule, self.option = rule, option
        super().__init__(f"rule {rule!r}: nothing is known of that without {option}; name the file, or leave it out")


class NoCommonSites(InputError):
    """A sites VCF without a single site that is of use."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: no single-base variant of an autosome has an INFO/AF between 0.05 and 0.95; give a VCF of common "
            "variants with AF (bcftools +fill-tags -- -t AF makes it from genotypes)"
        )


class OtherSheet(InputError):
    """A sample sheet without a single sample of the cohort."""

    def __init__(self, url: str, cohort_url: str) -> None:
        self.url, self.cohort_url = url, cohort_url
        super().__init__(f"{url}: none of its samples is in {cohort_url}; give the sheet that was ingested there")


class AllFail(SettingError):
    """Quarantine rules that every sample fails."""

    def __init__(self, url: str, rules: Sequence[str]) -> None:
        self.url, self.rules = url, tuple(rules)
        super().__init__(
            f"{storage.join(url, 'flags.tsv')}: every sample fails one of {', '.join(rules)}, and none was taken out; "
            "name other limits"
        )


def screen(cohort_url: str, out_url: str, *, options: ScreenOptions, scatter: Scatter, progress: Progress) -> Receipt:
    """Screen the cohort's samples, write the tables to the folder OUT, and make inactive who fails `quarantine`.

    The balance is in samples. Raises BadRule, RuleNeedsFile, AllFail, NoCommonSites, or what reading files raises.
    """
    with storage.folder_lock(out_url), receipt_of("screen") as receipt:
        quarantine, rules = _rules(options.quarantine, options), _rules(options.flag, options)
        before = cohort.open_cohort(cohort_url)
        settings = ScreenSettings.of(before, options.frequencies_url, options.intervals)
        sexes = _sexes(options.sheet_url, before)
        screen_parts(before, settings, scatter, progress)
        sums = add_up(before, settings)
        if options.frequencies_url is not None and not sums.genotypes.shape[1]:
            raise NoCommonSites(options.frequencies_url)
        pairs = compare(sums, settings, scatter, progress)
        samples = screen_table(sums, pairs, sexes, settings.contamination)
        flags = qc.flags_of(samples, [*quarantine, *rules])
        names = list(dict.fromkeys(flag.sample for flag in qc.flags_of(samples, quarantine)))
        for name, table in (("samples", samples), ("contigs", contig_depths(sums)), ("flags", qc.flag_table(flags))):
            receipt.vouch(*write_table(out_url, name, table))
        receipt.vouch(*write_pairs(out_url, pairs), *write_multiqc(out_url, samples, qc.flag_table(flags)))
        if names and len(names) == len(before.samples):
            raise AllFail(out_url, options.quarantine)
        now = cohort.remove(storage.open_store(cohort_url), frozenset(names)) if names else before
        receipt.inputs = cohort_inputs(before)
        receipt.figures = {
            "flagged": len({flag.sample for flag in flags}),
            "flags": dict(Counter(flag.check for flag in flags)),
            "quarantined": names,
            "cohort_version": now.version,
            "fingerprint_sites": sums.genotypes.shape[1],
        }
        kept = len(set(before.samples) & set(now.samples))
        removed = len(before.samples) - kept - len(names)
        dropped = {"quarantined": len(names), "removed meanwhile by another run": removed}
        receipt.balanced("samples", len(before.samples), kept, dropped)
    return receipt


def _sexes(sheet_url: str | None, screened: cohort.Cohort) -> dict[str, str] | None:
    """The sheet's sexes by sample. Raises OtherSheet, or what reading it raises."""
    if not sheet_url:
        return None
    sexes = {each.sample: each.sex for each in read_sheet(sheet_url)}
    if screened.samples and sexes.keys().isdisjoint(screened.samples):
        raise OtherSheet(sheet_url, screened.url)
    return sexes


def _rules(texts: Sequence[str], options: ScreenOptions) -> list[qc.Rule]:
    """The rules, less those of DEFAULT_RULES that lack a file. Raises BadRule or RuleNeedsFile."""
    rules = {text: qc.parse_rule(text) for text in texts}
    for text, rule in list(rules.items()):
        needs = {"--samples": rule.of_sheet and not options.sheet_url}
        needs["--frequencies"] = rule.of_frequencies and not options.frequencies_url
        for option in (each for each, lacking in needs.items() if lacking):
            if text not in qc.DEFAULT_RULES or texts is options.quarantine:
                raise RuleNeedsFile(text, option)
            del rules[text]
    return list(rules.values())
