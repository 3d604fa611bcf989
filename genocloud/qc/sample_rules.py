"""Rules such as contamination>0.02 or sex!=sheet: which samples of SCREEN fail them, and what to do."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from genocloud.errors import SettingError, did_you_mean
from genocloud.qc.flags import Flag
from genocloud.qc.screen_tables import SCREEN, Screen

ADVICE = {
    "contamination": "other people's reads are among these: genotype without it, and sequence or extract DNA again",
    "hom_alt_ref_share": "reads of REF at hom-alt calls: other people's reads may be among these; see contamination",
    "depth": "few reads: its genotypes will be uncertain and often missing; sequence more, or genotype without it",
    "covered": "much of the genome has no records: look whether its file is whole, and made with the others' intervals",
    "sex": "look for a swapped sample, or a wrong row in the sheet",
    "karyotype": "copies of X and Y as one in 500 people has them, or another person's reads among these",
    "duplicate": "the same person as that sample: a duplicate, a twin, or one of both has another's name",
}
"""What to do about a sample that fails a rule, by check."""

SEXES = {"male": "XY", "female": "XX"}

_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_COLUMNS = {field.name: pa.types.is_string(field.type) for field in SCREEN if field.name not in ("sample", "sheet")}


class BadRule(SettingError):
    """A text that is no rule."""

    def __init__(self, text: str, problem: str) -> None:
        self.text, self.problem = text, problem
        super().__init__(
            f"rule {text!r}: {problem}; write a column of the table of samples, one of < <= > >= = !=, and a limit: "
            "contamination>0.03, depth<15, sex!=sheet"
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """Samples fail it whose `column` compares so with `limit`: a number, texts, or `sheet` for the sheet's sex."""

    column: str
    operator: str
    limit: float | tuple[str, ...]

    @property
    def of_sheet(self) -> bool:
        """Whether it needs the sample sheet."""
        return self.limit == ("sheet",)

    @property
    def of_frequencies(self) -> bool:
        """Whether it needs frequencies of common sites."""
        return self.column in ("contamination", "charr_calls", "fingerprint_sites", "concordance", "nearest")

    @property
    def check(self) -> str:
        """What a sample that fails it is flagged for; after genotyping the same checks have the same names."""
        if self.column == "sex":
            return "sex" if self.of_sheet else "karyotype"
        return "duplicate" if self.column == "concordance" else self.column

    def fails(self, row: dict[str, Any]) -> bool:
        """Whether a row of SCREEN fails it; what is not known fails no rule."""
        value = row[self.column]
        if value is None:
            return False
        if self.of_sheet:  # a person with X0 or XXY is as the sheet says if a Y is there, or not, as it says
            wanted = _of_sheet(row)
            return wanted is not None and value != "ambiguous" and ("Y" in value) != (wanted == "XY")
        if isinstance(self.limit, tuple):
            return (value in self.limit) == (self.operator == "=")
        compared = {">": value > self.limit, ">=": value >= self.limit, "<": value < self.limit}
        return bool(compared.get(self.operator, value <= self.limit))

    def flag(self, row: dict[str, Any]) -> Flag:
        """The flag of a row that fails it."""
        value = row[self.column]
        text = value if isinstance(value, str) else f"{value:.4g}"
        if self.column == "concordance":
            text += f" with {row['nearest']}"
        return Flag(
            sample=row["sample"],
            check=self.check,
            value=text,
            limit=self._limit_text(row),
            advice=ADVICE.get(self.check, "outside of the limit of your rule: look at it before genotyping"),
        )

    def _limit_text(self, row: dict[str, Any]) -> str:
        if isinstance(self.limit, float):
            return f"{_OPPOSITE[self.operator]} {self.limit:.4g}"
        wanted = " or ".join(self.limit) if not self.of_sheet else _of_sheet(row) or ""
        return f"not {wanted}" if self.operator == "=" else wanted


def parse_rule(text: str) -> Rule:
    """A rule from its text. Raises BadRule."""
    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|!=|==?|<|>)\s*(\S.*?)\s*", text)
    if match is None:
        raise BadRule(text, "it cannot be read")
    column, operator, limit = match[1], match[2].replace("==", "="), match[3]
    if column not in _COLUMNS:
        raise BadRule(text, f"there is no column {column}{did_you_mean(column, _COLUMNS)}")
    if _COLUMNS[column] != (operator in ("=", "!=")):
        raise BadRule(text, f"{column} is {'text' if _COLUMNS[column] else 'a number'}")
    if limit == "sheet" and (column, operator) != ("sex", "!="):
        raise BadRule(text, "only sex!=sheet has the sheet for its limit")
    if _COLUMNS[column]:
        return Rule(column, operator, tuple(each.strip() for each in limit.split(",")))
    try:
        number = float(limit)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRule(text, f"{limit} is not a number")
    return Rule(column, operator, number)


def flags_of(screen: Screen, rules: Sequence[Rule]) -> list[Flag]:
    """The flags of the samples that fail rules, in the samples' order; of each check's rules the first that fails."""
    flags = []
    for row in screen.to_pylist():
        failing: dict[str, Rule] = {}
        for rule in rules:
            if rule.fails(row):
                failing.setdefault(rule.check, rule)
        flags += [rule.flag(row) for rule in failing.values()]
    return flags


def _of_sheet(row: dict[str, Any]) -> str | None:
    """What the sheet says a sample's sex is; None where it does not."""
    return SEXES.get(row["sheet"])
