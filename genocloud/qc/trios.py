"""Mendelian errors of trios, counted as bcftools +mendelian2 does."""

from collections.abc import Iterator, Sequence, Set
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.qc.flags import Flag
from genocloud.qc.genotype_words import NO_ALLELE, GenotypeWords
from genocloud.qc.tables import MENDELIAN, TRIOS, MendelianSites, TrioTable, table_of

Counts = npt.NDArray[np.int64]

VERDICTS = ("ngood", "ngood_alt", "nmerr", "nmissing")
COUNTED = (*VERDICTS, "ngood_alt_pass", "nmerr_pass")

MOST_ERRORS = 0.05
"""Share of Mendelian errors, of sites at which one of the trio has an ALT; a wrong parent makes 0.1 and more."""

FEWEST_SITES = 100
"""Fewer sites than this say nothing about parents."""


class Trio(NamedTuple):
    """A child and its parents."""

    child: str
    father: str
    mother: str


class MendelianCounts(NamedTuple):
    """Judged genotypes of trios.

    by_trio  (trios, COUNTED)
    errors   (sites,) trios with a Mendelian error
    judged   (sites,) trios of which all three are called
    """

    by_trio: Counts
    errors: Counts
    judged: Counts


def mendelian_counts(
    words: GenotypeWords,
    numbers: npt.NDArray[np.int64],
    passes: npt.NDArray[np.bool_],
    members: Sequence[str],
    trios: Sequence[Trio],
) -> MendelianCounts:
    """Judge each trio at each site.

    numbers  (sites, members) the word of each member at each site
    passes   (sites,) whether no filter is set
    """
    count, place = len(words.classes), {name: column for column, name in enumerate(members)}
    out = np.zeros((len(trios), len(COUNTED)), np.int64)
    errors, judged = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.int64)
    for row, trio in enumerate(trios):
        child, father, mother = (numbers[:, place[name]] for name in trio)
        several, which = np.unique((child * count + father) * count + mother, return_inverse=True)
        verdicts = np.array([VERDICTS.index(_verdict(words, code)) for code in several.tolist()], np.int64)[which]
        out[row, : len(VERDICTS)] = np.bincount(verdicts, minlength=len(VERDICTS))
        out[row, VERDICTS.index("ngood")] += out[row, VERDICTS.index("ngood_alt")]
        passing = np.bincount(verdicts[passes], minlength=len(VERDICTS))
        out[row, len(VERDICTS) :] = passing[VERDICTS.index("ngood_alt")], passing[VERDICTS.index("nmerr")]
        errors += verdicts == VERDICTS.index("nmerr")
        judged += verdicts != VERDICTS.index("nmissing")
    return MendelianCounts(out, errors, judged)


def _verdict(words: GenotypeWords, code: int) -> str:
    rest, mother = divmod(code, len(words.classes))
    return judge(*(_alleles(words, word) for word in (*divmod(rest, len(words.classes)), mother)))


def _alleles(words: GenotypeWords, word: int) -> tuple[int, ...]:
    return tuple(allele for allele in words.alleles[word].tolist() if allele != NO_ALLELE)


def judge(child: tuple[int, ...], father: tuple[int, ...], mother: tuple[int, ...]) -> str:
    """One of VERDICTS, of an autosome's site: each allele of the child is one of another parent."""
    if any(-1 in alleles or len(alleles) != 2 for alleles in (child, father, mother)):
        return "nmissing"
    if tuple(sorted(child)) not in {tuple(sorted(pair)) for pair in product(father, mother)}:
        return "nmerr"
    return "ngood_alt" if any((*child, *father, *mother)) else "ngood"


def trio_table(trios: Sequence[Trio], counts: Counts) -> TrioTable:
    """The table TRIOS."""
    columns = {name: counts[:, place] for place, name in enumerate(COUNTED)}
    names = {name: [trio[place] for trio in trios] for place, name in enumerate(Trio._fields)}
    rates = {
        f"error_rate{kind}": _rates(columns[f"nmerr{kind}"], columns[f"ngood_alt{kind}"]) for kind in ("", "_pass")
    }
    return table_of({**names, **columns, **rates}, TRIOS)


def _rates(errors: Counts, good: Counts) -> npt.NDArray[np.float64]:
    rates = np.full(len(errors), np.nan)
    np.divide(errors, errors + good, out=rates, where=errors + good > 0)
    return rates


def site_table(sites: schema.Sites, places: Counts, counts: MendelianCounts) -> MendelianSites:
    """The table MENDELIAN of the sites with an error; places: those that were judged, among the rows of `sites`."""
    wrong = np.flatnonzero(counts.errors)
    rows = sites.select(["contig", "pos", "ref", "alts"]).take(places[wrong])
    columns = {name: rows[name].to_pylist() for name in ("contig", "pos", "ref")}
    alts = [",".join(alts) for alts in rows["alts"].to_pylist()]
    return table_of({**columns, "alt": alts, "nmerr": counts.errors[wrong], "ntrios": counts.judged[wrong]}, MENDELIAN)


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
