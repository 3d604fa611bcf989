"""The slow, obvious counts of a callset: one allele and one genotype at a time, in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

TRANSITIONS = {("A", "G"), ("G", "A"), ("C", "T"), ("T", "C")}


def site_counts(sites: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Counts of rows {ref, alts}, by the names of `statistics.SITE_COUNTS`."""
    out = Counter[str]()
    for site in sites:
        alts = [alt for alt in site["alts"] or [] if alt != "*"]
        kinds = {allele_kind(site["ref"], alt) for alt in alts}
        out["sites"] += 1
        out[_site_class(kinds) if site["alts"] else "nonvariant"] += 1
        out["multiallelic"] += len(alts) > 1
        for alt in alts:
            out[_exchange(site["ref"], alt)] += 1
    return dict(out)


def allele_kind(ref: str, alt: str) -> str:
    """SNV, indel or other."""
    if alt.startswith("<"):
        return "other"
    if len(ref) != len(alt):
        return "indel"
    return "SNV" if len(_differences(ref, alt)) == 1 else "other"


def _site_class(kinds: set[str]) -> str:
    classes = {("SNV",): "snps", ("indel",): "indels", ("SNV", "indel"): "mixed"}
    return classes.get(tuple(sorted(kinds)), "other")


def _differences(ref: str, alt: str) -> list[tuple[str, str]]:
    return [pair for pair in zip(ref, alt, strict=True) if pair[0] != pair[1]]


def _exchange(ref: str, alt: str) -> str:
    if allele_kind(ref, alt) != "SNV":
        return "no exchange"
    (pair,) = _differences(ref, alt)
    if not set("".join(pair)) <= set("ACGT"):
        return "unknown base"
    return "transitions" if pair in TRANSITIONS else "transversions"


def spectrum(sites: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """ALT alleles by (kind, band)."""
    out = Counter[tuple[str, str]]()
    for site in sites:
        if site["AC"] is None or site["AN"] is None:
            continue
        for alt, count in zip(site["alts"], site["AC"], strict=True):
            if alt != "*":
                out[allele_kind(site["ref"], alt), band(count, site["AN"])] += 1
    return dict(out)


def band(ac: int, an: int) -> str:
    """The band of a count among `an` alleles."""
    if ac <= 2:
        return f"AC {ac}"
    percent = Fraction(100 * ac, an)
    edges = ("0.1", "0.5", "1", "2", "5", "10", "20", "50", "100")
    for lower, upper in zip(("", *edges), edges, strict=False):
        if percent < Fraction(upper):
            return f"{lower}-{upper}%" if lower else f"< {upper}%"
    return "100%"


def sample_counts(genotypes: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Counts of rows {sample, GT, DP, GQ} by sample and name (`statistics.SAMPLE_COUNTS` and `SAMPLE_SUMS`)."""
    out: dict[str, Counter[str]] = defaultdict(Counter)
    for row in genotypes:
        counts = out[row["sample"]]
        kind = genotype_class(row["GT"])
        counts[kind] += 1
        if kind == "missing":
            continue
        if row["DP"] is not None:
            counts["depth_sum"] += row["DP"]
            counts["depth_calls"] += 1
        if row["GQ"] is not None:
            counts["gq_sum"] += min(row["GQ"], 99)
            counts["gq_calls"] += 1
    return {sample: dict(counts) for sample, counts in out.items()}


def genotype_class(text: str) -> str:
    """The class of a genotype as VCF writes it."""
    alleles = text.replace("|", "/").split("/")
    if "." in alleles:
        return "missing"
    if len(alleles) == 1:
        return "haploid_ref" if alleles == ["0"] else "haploid_alt"
    if alleles == ["0"] * len(alleles):
        return "hom_ref"
    return "hom_alt" if len(set(alleles)) == 1 else "het"


def histogram(genotypes: Iterable[Mapping[str, Any]], name: str, highest: int) -> dict[int, int]:
    """Called genotypes by the value of column `name`, `highest` standing for all above it."""
    called = (row for row in genotypes if genotype_class(row["GT"]) != "missing" and row[name] is not None)
    return dict(Counter(min(row[name], highest) for row in called))
