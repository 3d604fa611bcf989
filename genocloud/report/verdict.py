"""The verdict that the page begins with: what is wrong, with whom, what to do; and what nobody has looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from genocloud.report.outliers import MOST
from genocloud.report.people import CallsetPeople, Columns, PersonFlag

TITLES = {
    "swap": "Samples under each other's names",
    "duplicate": "One person under two names",
    "concordance": "One person under two names, by their own gVCFs",
    "sex": "Another sex than the sheet or pedigree has",
    "kinship": "Other kin than the pedigree has",
    "mendelian errors": "Children that cannot be their parents'",
    "contamination": "Other people's reads",
    "hom_alt_ref_share": "Reads of REF where there should be none",
    "karyotype": "Sex chromosomes other than XX and XY",
    "depth": "Few reads",
    "call rate": "Low call rate",
    "batch": "Batches that differ from the others",
    "site": "Sites whose samples differ from the others'",
    "caller": "Callers whose samples differ from the others'",
    "het/hom": "Het/hom off the others'",
}
"""What each check finds, the gravest first; checks that are not here are of single numbers, and come last."""

OTHER_CHECKS = "Numbers far off the others'"


class Alike(NamedTuple):
    """Samples of which a check says the same."""

    value: str
    limit: str
    samples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Concern:
    """The samples that fail one check, by what it says of them, and what to do.

    common  whether most samples do: then the check or the callset is at fault, not each of them
    """

    title: str
    groups: tuple[Alike, ...]
    samples: int
    advice: tuple[str, ...]
    common: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """Something that the page does not show, and the commands that make it."""

    what: str
    commands: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """Something that checks found wrong with the cohort as a whole, and what to do."""

    what: str
    advice: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PageVerdict:
    """What the page begins with."""

    level: Literal["warning", "look", "good"]
    headline: str
    concerns: tuple[Concern, ...]


def judge(people: CallsetPeople, troubles: int, total: int) -> PageVerdict:
    """The verdict; `troubles` are what is wrong with the callset as a whole, `total` counts samples without a name."""
    concerns = _concerns(people)
    flagged = len(people.flagged)
    if troubles:
        headline = "Do not use this callset yet: something is wrong with it as a whole."
    elif flagged:
        verb = "needs" if flagged == 1 else "need"
        headline = f"{flagged:,} of {total:,} samples {verb} a look before this callset is used."
    elif people.names:
        headline = "Nothing stands out."
    else:
        headline = "No sample was looked at."
    level: Literal["warning", "look", "good"] = "warning" if troubles else "look" if flagged else "good"
    return PageVerdict(level=level, headline=headline, concerns=concerns)


def _concerns(people: CallsetPeople) -> tuple[Concern, ...]:
    by_title: dict[str, list[PersonFlag]] = {title: [] for title in (*TITLES.values(), OTHER_CHECKS)}
    for flag in people.flags:
        by_title[TITLES.get(flag.check, OTHER_CHECKS)].append(flag)
    return tuple(_concern(title, flags, len(people.names)) for title, flags in by_title.items() if flags)


def _concern(title: str, flags: Sequence[PersonFlag], total: int) -> Concern:
    samples = len({flag.sample for flag in flags})
    groups: dict[tuple[str, str], list[str]] = {}
    for flag in flags:
        value = flag.value if flag.check in TITLES else f"{flag.check} {flag.value}"
        groups.setdefault((value, flag.limit), []).append(flag.sample)
    return Concern(
        title=title,
        groups=tuple(Alike(*words, tuple(names)) for words, names in groups.items()),
        samples=samples,
        advice=tuple(dict.fromkeys(_sentence(flag.advice) for flag in flags)),
        common=samples > 1 and samples > MOST * total,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def doubts_of(qc: Mapping[str, Columns], *, alarmed: bool) -> Sequence[Doubt]:
    """The alarms of qc; without that of call rates where the page has one itself (`alarmed`)."""
    if "alarms" not in qc:
        return ()
    columns = (qc["alarms"][name].tolist() for name in ("check", "value", "limit", "advice"))
    rows = [row for row in zip(*columns, strict=True) if not (alarmed and row[0] == "call rate")]
    return [
        Doubt(what=_sentence(f"{check}: {value} (wanted: {limit})"), advice=_sentence(advice))
        for check, value, limit, advice in rows
    ]


def absent_inputs(
    callset: str, *, filtered: bool, qc: bool, screen: bool, plan: bool, prices: bool
) -> Sequence[Absent]:
    """What the page was not made with, and how it is."""
    where = callset or "CALLSET"
    absent = [
        (
            filtered,
            "Filters: which sites and alleles to trust",
            (f"genocloud filter {where}",),
        ),
        (
            qc,
            "Sex, kinship, pedigree, Mendelian errors, components, batches, sites and callers",
            (
                f"genocloud qc {where} qc/ --samples samples.tsv --pedigree family.ped",
                f"genocloud report {where} ... --qc qc/",
            ),
        ),
        (
            screen,
            "Contamination and depth by contig, from each sample's own gVCF",
            (
                "genocloud screen COHORT screen/ --frequencies common.vcf.gz --samples samples.tsv",
                f"genocloud report {where} ... --screen screen/",
            ),
        ),
        (
            plan,
            "What the run was expected to take and cost",
            ("genocloud plan CONFIG -o plan.json", f"genocloud report {where} ... --plan plan.json"),
        ),
        (prices, "What the run cost", (f"genocloud report {where} ... --prices onprem.yaml",)),
    ]
    return [Absent(what=what, commands=commands) for here, what, commands in absent if not here]
