"""Annotations of sites or of alleles as a matrix, as GATK reads them from the callset's VCF."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.errors import SettingError, did_you_mean

Array = npt.NDArray[Any]
BY_ALLELE = "AS_"
ALLELE_ANNOTATIONS = ("AS_QD", "AS_MQRankSum", "AS_ReadPosRankSum", "AS_FS", "AS_MQ", "AS_SOR")
"""WARP's, for SNPs and indels. Source: JointGenotyping.wdl, run_vets."""
COHORT = "cohort"
COHORT_ANNOTATIONS = ("AB", "DP_RATIO", "ExcessHet", "MEAN_GQ")
"""What the set `cohort` adds to WARP's annotations: sums over genotypes, and what all of them say together."""
CONTEXT_ANNOTATIONS = tuple(column.name for column in schema.SITE_CONTEXT_COLUMNS)
"""What it adds where the reference is at hand. Models of SNPs do not look at it: slippage is of indels."""
SITE_ANNOTATIONS = tuple(name.removeprefix(BY_ALLELE) for name in ALLELE_ANNOTATIONS)

_ALWAYS = "contig", "pos", "ref", "alts", "filter"
_COLUMNS = {
    name: [column for column in annotations.SITE_COLUMNS if column.vcf == f"INFO/{name}"]
    for name in sorted({each.vcf.removeprefix("INFO/") for each in annotations.SITE_COLUMNS})
}
_COMPUTED = {
    column.name: pa.types.is_list(column.type) for column in (*schema.SITE_METRIC_COLUMNS, *schema.SITE_CONTEXT_COLUMNS)
}
"""Sums over genotypes, and what the reference has there, by name, and whether there is one by ALT."""


class BadAnnotation(SettingError):
    """An annotation that a model cannot be trained on."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"annotation {name!r}: {problem}")


def annotation_names(names: Iterable[str]) -> tuple[str, ...]:
    """In GATK's order, each once. Raises BadAnnotation for what is no number of sites, nor computed for filters.

    By ALT are those named AS_, and some of the sums.
    """
    wanted = tuple(sorted(set(names)))
    for name in wanted:
        if name in _COMPUTED:
            continue
        columns = _COLUMNS.get(name)
        if not columns:
            raise BadAnnotation(name, f"callsets have none of this name{did_you_mean(name, [*_COLUMNS, *_COMPUTED])}")
        if columns[0].kind not in ("Float", "Integer"):
            raise BadAnnotation(name, "it is no number; choose others")
        if columns[0].number != ("A" if name.startswith(BY_ALLELE) else "1"):
            raise BadAnnotation(name, "it has several numbers at a site; choose others, or its AS_ annotation")
    return wanted


def default_annotations(groups: Collection[str]) -> tuple[str, ...]:
    """WARP's annotations by ALT where these annotation groups of a callset have them, else those of sites."""
    return annotation_names(ALLELE_ANNOTATIONS if "AS_StandardAnnotation" in groups else SITE_ANNOTATIONS)


def expanded(names: Iterable[str], groups: Collection[str], *, with_context: bool = False) -> tuple[str, ...]:
    """Annotations by their names, with those that the set `cohort` stands for; the default without names.

    with_context  whether the reference is at hand, so that `cohort` has CONTEXT_ANNOTATIONS, too
    """
    wanted = list(names)
    if wanted and COHORT not in wanted:
        return annotation_names(wanted)
    context = CONTEXT_ANNOTATIONS if with_context else ()
    more = (*COHORT_ANNOTATIONS, *context, *(name for name in wanted if name != COHORT)) if wanted else ()
    return annotation_names((*default_annotations(groups), *more))


def site_columns(names: Iterable[str]) -> list[str]:
    """The columns of SITES that a model of annotations `names` needs, with what labels need; none that are computed."""
    wanted = {*_ALWAYS, *(column.name for name in names if name not in _COMPUTED for column in _COLUMNS[name])}
    return [name for name in annotations.SITES.names if name in wanted]


def is_by_allele(names: Iterable[str]) -> bool:
    """Whether a model of these annotations judges alleles: GATK does so as soon as one of them is by ALT."""
    return any(_is_by_alt(name) for name in names)


def _is_by_alt(name: str) -> bool:
    return name.startswith(BY_ALLELE) or _COMPUTED.get(name, False)


def is_symbolic(alt: str) -> bool:
    """Whether an ALT is symbolic or a breakend. Source: htsjdk's Allele.wouldBeSymbolicAllele."""
    return len(alt) > 1 and (alt[0] in "<." or alt[-1] in ">." or "[" in alt or "]" in alt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a model judges: sites, or their ALTs without `*`; no filtered ones.

    site    (rows,) int64: number of the site
    first   (rows,) int64: number of the ALT among all sites' ALTs; of a site, that of its first one
    end     (rows,) int64: behind the last ALT of the row
    snp     (rows,) bool: judged as a SNP, not as an indel
    values  (rows, annotations) float64, NaN where missing
    """

    site: Array
    first: Array
    end: Array
    snp: Array
    values: Array


def features(sites: schema.Sites, names: Sequence[str]) -> Features:
    """The rows of a model of annotations `names` (see annotation_names), of SITES with the computed ones among them.

    Values are those of the VCF, with the digits that it prints. Sites whose FILTER is neither null nor PASS have none.
    Source: LabeledVariantAnnotationsDatum.decodeAnnotation, VariantType (GATK 4.6.2.0).
    """
    offsets, same_length, is_star = _alleles(sites)
    counts = np.diff(offsets)
    unfiltered = _unfiltered(sites)
    if is_by_allele(names):
        site = np.repeat(np.arange(len(sites)), counts)
        first = np.flatnonzero(unfiltered[site] & ~is_star)
        site, end, snp = site[first], first + 1, same_length[first]
    else:
        site = np.flatnonzero(unfiltered & (counts > 0))
        first, end = offsets[site], offsets[site + 1]
        others = np.concatenate([[0], np.cumsum(~same_length)])
        snp = others[end] == others[first]
    values = np.stack([_values(sites, name, site, first) for name in names], axis=1)
    return Features(site=site, first=first, end=end, snp=snp, values=values)


def _unfiltered(sites: schema.Sites) -> Array:
    filters = pc.fill_null(sites["filter"].cast(pa.string()), "PASS")
    return np.asarray(pc.is_in(filters, pa.array(["PASS", "."])).to_numpy(zero_copy_only=False))


def _alleles(sites: schema.Sites) -> tuple[Array, Array, Array]:
    """Offsets of the sites' ALTs; by ALT, whether it is as long as REF and whether it is `*`."""
    alts = sites["alts"].combine_chunks()
    offsets = np.concatenate([[0], np.cumsum(schema.numbers(alts.value_lengths()))]).astype(np.int64)
    each = alts.flatten()
    refs = np.repeat(schema.numbers(pc.binary_length(sites["ref"])), np.diff(offsets))
    symbolic = pc.match_substring_regex(each, r"^[<.].|.[>.]$|[\[\]]").to_numpy(zero_copy_only=False)
    same_length = (schema.numbers(pc.binary_length(each)) == refs) & ~symbolic
    return offsets, same_length, pc.equal(each, "*").to_numpy(zero_copy_only=False)


def _values(sites: schema.Sites, name: str, site: Array, alt: Array) -> Array:
    """One annotation of some sites, or of some of their ALTs; infinite ones are missing, as in GATK."""
    out = np.full(len(site), np.nan)
    if name in _COMPUTED:
        stored = sites[name].combine_chunks()
        numbers = pc.cast(stored.flatten() if _COMPUTED[name] else stored, pa.float64())
        return np.asarray(schema.numbers(numbers)[alt if _COMPUTED[name] else site])
    for column in _COLUMNS[name]:
        stored = sites[column.name].combine_chunks()
        if name.startswith(BY_ALLELE):
            values = _by_alt(stored, sites["alts"].combine_chunks(), column.form)[alt]
        else:
            values = annotations.printed_values(stored, column.form)[site]
        out = np.where(np.isnan(out), values, out)
    out[np.isinf(out)] = np.nan
    return out


def _by_alt(lists: pa.Array, alts: pa.Array, form: str) -> Array:
    """The numbers of all ALTs; NaN where a site's list is null."""
    counts = schema.numbers(alts.value_lengths())
    present = lists.is_valid().to_numpy(zero_copy_only=False)
    out = np.full(counts.sum(), np.nan)
    out[np.repeat(present, counts)] = annotations.printed_values(lists.flatten(), form)
    return out
