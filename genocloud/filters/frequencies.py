"""How frequent each ALT is in groups of people: alleles, homozygotes and hemizygotes, of all genotypes and of adj."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.filters.site_metrics import allele_numbers, along, by_alt, is_adj
from genocloud.genotype_text import NO_CALL
from genocloud.kernels.adj import PAD
from genocloud.kernels.cell_runs import CellRuns

_Ints = npt.NDArray[np.int64]

QUALITIES = "", "_adj"
"""Ends of columns' names: of all genotypes, and of adj ones (site_metrics)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """Exact counts over some people; those of other people are added.

    called       (sites,) called alleles: a person without data adds none
    counts       (ALTs,) of these each ALT's, site after site
    homozygotes  (ALTs,) people of more than one copy, all of this ALT
    hemizygotes  (ALTs,) people of one copy who have the ALT
    """

    called: _Ints
    counts: _Ints
    homozygotes: _Ints
    hemizygotes: _Ints

    @classmethod
    def none(cls, alts: npt.NDArray[np.int32]) -> "GroupCounts":
        """Those of nobody, at sites of so many ALTs."""
        of_alts = np.zeros(int(alts.sum()), np.int64)
        return cls(called=np.zeros(len(alts), np.int64), counts=of_alts, homozygotes=of_alts, hemizygotes=of_alts)

    def __add__(self, more: "GroupCounts") -> "GroupCounts":
        return GroupCounts(
            called=self.called + more.called,
            counts=self.counts + more.counts,
            homozygotes=self.homozygotes + more.homozygotes,
            hemizygotes=self.hemizygotes + more.hemizygotes,
        )

    def columns(self, end: str, alts: npt.NDArray[np.int32]) -> dict[str, pa.Array]:
        """AC, AN, AF, nhomalt and nhemi, with an end of their names; AF is null where no allele is called."""
        offsets = pa.array(np.append(0, np.cumsum(alts)).astype(np.int32))
        called = np.repeat(self.called, alts)
        shares = np.divide(self.counts, called, out=np.full(len(called), np.nan), where=called > 0)
        by_alt = {"AC": self.counts, "nhomalt": self.homozygotes, "nhemi": self.hemizygotes}
        lists = {name: pa.array(values.astype(np.int32)) for name, values in by_alt.items()}
        lists["AF"] = schema.nullable(shares, schema.DOUBLE)
        arrays = {name: pa.ListArray.from_arrays(offsets, values) for name, values in lists.items()}
        arrays["AN"] = pa.array(self.called.astype(np.int32))
        return {f"{name}{end}": arrays[name] for name, *_ in _FIELDS}


_FIELDS = (
    ("AC", schema.INTS, "A", "Integer", "alternate alleles"),
    ("AN", schema.INT32, "1", "Integer", "called alleles"),
    ("AF", schema.DOUBLES, "A", "Float", "share of the ALT among called alleles"),
    ("nhomalt", schema.INTS, "A", "Integer", "homozygotes of the ALT"),
    ("nhemi", schema.INTS, "A", "Integer", "people with one copy who have the ALT"),
)


def frequency_columns(groups: Mapping[str, int]) -> tuple[schema.Column, ...]:
    """The declared columns of groups, by name with their numbers of people; the group `` is everybody."""
    return tuple(_columns(groups))


def _columns(groups: Mapping[str, int]) -> Iterator[schema.Column]:
    for group, people in groups.items():
        whose = f"{people} people of {group}" if group else f"all {people} people"
        for quality in QUALITIES:
            kind = "genotypes of GQ 20, DP 10 (haploid 5), balance 0.2" if quality else "all genotypes"
            for name, type_, number, vcf_type, text in _FIELDS:
                key = f"{name}{end_of(group, quality)}"
                sentence = f"{text}, of {whose}, in {kind}"
                yield schema.Column(
                    key, type_, sentence, f"INFO/{key}", number, vcf_type, "%.9f" if name == "AF" else ""
                )


def end_of(group: str, quality: str) -> str:
    """The end of the names of a group's columns."""
    return f"_{group}{quality}" if group else quality


def count_alleles(
    local: schema.LocalGenotypes,
    runs: CellRuns,
    alts: npt.NDArray[np.int32],
    members: Sequence[npt.NDArray[np.bool_]],
) -> list[tuple[GroupCounts, GroupCounts]]:
    """For each group, (all genotypes, adj) of a batch: LOCAL_GENOTYPES and the runs of sites that have each.

    alts     (sites,) int32; the number of ALTs of each site
    members  of each group (samples,): who is in it
    """
    alleles = allele_numbers(local["GT"])
    high = is_adj(local, alleles) & ~np.asarray((alleles == NO_CALL).any(axis=1))
    judged = alleles, np.where(high[:, None], alleles, PAD)
    counted = []
    for who in members:
        chosen = np.asarray(who[runs.samples])
        own = CellRuns(*(each[chosen] for each in runs))
        raw, adj = (_count(own, each, alts) for each in judged)
        counted.append((raw, adj))
    return counted


def _count(runs: CellRuns, alleles: _Ints, alts: npt.NDArray[np.int32]) -> GroupCounts:
    present = np.asarray((alleles != PAD).sum(axis=1))
    is_same = np.asarray(((alleles == alleles[:, :1]) | (alleles == PAD)).all(axis=1))
    first = alleles[:, :1]
    return GroupCounts(
        called=along(runs, np.asarray((alleles >= 0).sum(axis=1)), len(alts)),
        counts=by_alt(runs, alleles, alts),
        homozygotes=by_alt(runs, np.where((is_same & (present > 1))[:, None], first, PAD), alts),
        hemizygotes=by_alt(runs, np.where((present == 1)[:, None], first, PAD), alts),
    )
