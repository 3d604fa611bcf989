"""Mendelian errors of trios, counted as bcftools +mendelian2 does."""

from collections.abc import Iterator, Sequence, Set
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.qc.flags import Flag
from genocloud.qc.genotype_words import NO_ALLELE, GenotypeWords
from genocloud.qc.tables import TRIOS, TrioTable, table_of

Counts = npt.NDArray[np.int64]

COUNTED = ("ngood", "ngood_alt", "nmerr", "nmissing")

MOST_ERRORS = 0.05
"""Share of Mendelian errors, of sites at which one of the trio has an ALT; a wrong parent makes 0.1 and more."""

FEWEST_SITES = 100
"""Fewer sites than this say nothing about parents."""


class Trio(NamedTuple):
    """A child and its parents."""

    child: str
    father: str
    mother: str


def mendelian_counts(
    words: GenotypeWords, numbers: npt.NDArray[np.int64], members: Sequence[str], trios: Sequence[Trio]
) -> Counts:
    """COUNTED of each trio, (trios, 4).

    numbers  (sites, members) the word of each member at each site
    """
    count, place = len(words.classes), {name: column for column, name in enumerate(members)}
    out = np.zeros((len(trios), len(COUNTED)), np.int64)
    for row, trio in enumerate(trios):
        child, father, mother = (numbers[:, place[name]] for name in trio)
        several, times = np.unique((child * count + father) * count + mother, return_counts=True)
        for code, number in zip(several.tolist(), times.tolist(), strict=True):
            rest, third = divmod(code, count)
            verdict = judge(*(_alleles(words, word) for word in (*divmod(rest, count), third)))
            out[row, COUNTED.index(verdict)] += number
            out[row, COUNTED.index("ngood")] += number if verdict == "ngood_alt" else 0
    return out


def _alleles(words: GenotypeWords, word: int) -> tuple[int, ...]:
    return tuple(allele for allele in words.alleles[word].tolist() if allele != NO_ALLELE)


def judge(child: tuple[int, ...], father: tuple[int, ...], mother: tuple[int, ...]) -> str:
    """One of COUNTED, of an autosome's site: each allele of the child is one of another parent."""
    if any(-1 in alleles or len(alleles) != 2 for alleles in (child, father, mother)):
        return "nmissing"
    if tuple(sorted(child)) not in {tuple(sorted(pair)) for pair in product(father, mother)}:
        return "nmerr"
    return "ngood_alt" if any((*child, *father, *mother)) else "ngood"


def trio_table(trios: Sequence[Trio], counts: Counts) -> TrioTable:
    """The table TRIOS."""
    columns = {name: counts[:, place] for place, name in enumerate(COUNTED)}
    rate = np.full(len(trios), np.nan)
    shown = columns["ngood_alt"] + columns["nmerr"]
    np.divide(columns["nmerr"], shown, out=rate, where=shown > 0)
    names = {name: [trio[place] for trio in trios] for place, name in enumerate(Trio._fields)}
    return table_of({**names, **columns, "error_rate": rate}, TRIOS)


def trio_flags(table: TrioTable, explained: Set[str] = frozenset()) -> Iterator[Flag]:
    """Children of trios with too many errors."""
    for row in table.to_pylist():
        if explained & {row["child"], row["father"], row["mother"]}:
            continue
        if row["ngood_alt"] + row["nmerr"] >= FEWEST_SITES and row["error_rate"] > MOST_ERRORS:
            yield Flag(
                sample=row["child"],
                check="mendelian errors",
                value=f"{row['error_rate']:.3f} with {row['father']} and {row['mother']}",
                limit=f"<= {MOST_ERRORS}",
                advice="look at the kinship with each parent: one of the three is another person, or contaminated",
            )
