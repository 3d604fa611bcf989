"""The lines of a VCF after GLnexus: records with their samples, and the header's fields."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.glnexus.batch_calls import BatchCalls
from genocloud.glnexus.merge_rules import MergeRules
from genocloud.glnexus.sample_calls import SiteCall
from genocloud.glnexus.unified_sites import UnifiedSite


@dataclass(frozen=True, kw_only=True)
class WrittenRecord:
    """A record of VCF: its columns up to FORMAT, and those of the samples in the batches' order."""

    head: str
    samples: npt.NDArray[np.object_]
    alts: int

    def line(self, order: npt.NDArray[np.integer[Any]]) -> str:
        """The whole line, with samples in another order: the number of each in the batches'."""
        return "\t".join([self.head, *self.samples[order].tolist()]) + "\n"


def records(
    sites: Sequence[UnifiedSite], batches: Sequence[BatchCalls], contig: str, begin: int, rules: MergeRules
) -> Iterator[WrittenRecord | None]:
    """Each site's record, or None for one that nobody carries, of which nothing is written if ALTs are trimmed.

    begin   what the sites' coordinates exceed those of their contig by
    """
    for number, site in enumerate(sites):
        distinct = [np.unique(batch.codes[number], return_inverse=True) for batch in batches]
        cells = [
            [batch.cells[code] for code in codes.tolist()] for batch, (codes, _) in zip(batches, distinct, strict=True)
        ]
        kept = list(range(site.alleles))
        if rules.trim_uncalled_alleles:
            called = {allele for each in cells for cell in each for allele in cell.alleles}
            kept = [allele for allele in kept if allele == 0 or allele in called]
        if len(kept) < 2:
            yield None
            continue
        columns = [
            np.array([sample_text(cell, kept, rules) for cell in mine], object)[which.reshape(-1)]
            for mine, (_, which) in zip(cells, distinct, strict=True)
        ]
        head = f"{contig}\t{site.start - begin + 1}\t{_site_text(site, kept, contig, begin, rules)}"
        yield WrittenRecord(head=head, samples=np.concatenate(columns), alts=len(kept) - 1)


def _site_text(site: UnifiedSite, kept: Sequence[int], contig: str, begin: int, rules: MergeRules) -> str:
    """ID to FORMAT."""
    ids = []
    for number in kept[1:]:
        edit = site.normal[number - 1]
        ref = site.ref[edit.start - site.start : edit.stop - site.start]
        ids.append(f"{contig}_{edit.start - begin + 1}_{ref}_{edit.dna}")
    info = "AF=" + ",".join(f"{float(site.frequencies[number - 1]):.6g}" for number in kept[1:])
    if any(site.qualities):
        info += ";AQ=" + ",".join(str(site.qualities[number - 1]) for number in kept[1:])
    names = ":".join(["GT", *(lifted.name for lifted in rules.liftover_fields), "RNC"])
    alts = ",".join(site.alts[number - 1] for number in kept[1:])
    label = "MONOALLELIC" if site.alone else "."
    return "\t".join([";".join(ids), site.ref, alts, f"{max(site.qualities):g}", label, info, names])


def sample_text(cell: SiteCall, kept: Sequence[int], rules: MergeRules) -> str:
    """One sample's column, by the kept alleles of the site."""
    places = {allele: place for place, allele in enumerate(kept)}
    gt = "/".join("." if allele < 0 else str(places[allele]) for allele in cell.alleles)
    words = [gt]
    for lifted in rules.liftover_fields:
        values = cell.values[lifted.name]
        if values is not None and lifted.name == "AD":
            values = tuple(values[allele] for allele in kept)
        elif values is not None and lifted.name == "PL":
            values = tuple(values[high * (high + 1) // 2 + low] for high in kept for low in kept if low <= high)
        if values is None:
            words.append(".,.,.,." if lifted.name == "SB" else ".")
        else:
            words.append(",".join("." if value is None else str(value) for value in values))
    return ":".join([*words, cell.reasons])


_AN_INTEGER = {
    "DP": ("1", "Approximate read depth, the smallest of the sample's records"),
    "AD": ("R", "Allelic depths for the ref and alt alleles in the order listed"),
    "SB": ("4", "Reads: ref forward, ref reverse, alt forward, alt reverse"),
    "GQ": ("1", "Genotype Quality"),
    "PL": ("G", "Phred-scaled genotype Likelihoods"),
}


def header_fields(rules: MergeRules) -> list[str]:
    """The header's INFO, FILTER and FORMAT lines."""
    lines = [
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency over all samples, called or not">',
        '##INFO=<ID=AQ,Number=A,Type=Integer,Description="Quality of each ALT: the best of its carriers, phred">',
        '##FILTER=<ID=MONOALLELIC,Description="One ALT that could not be unified with the sites that it overlaps; '
        'nothing is said of REF">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    ]
    for lifted in rules.liftover_fields:
        if lifted.name == "FT":
            lines.append('##FORMAT=<ID=FT,Number=1,Type=String,Description="FILTER of the sample\'s records">')
        else:
            number, text = _AN_INTEGER[lifted.name]
            lines.append(f'##FORMAT=<ID={lifted.name},Number={number},Type=Integer,Description="{text}">')
    reasons = (
        "Why each allele of GT is not called: . = it is, M = no data, P = part of the site has no data, I = not called "
        "in the gVCF, D = depth too low, - = a deletion that is not at the site, L = another allele that is not at the "
        "site, U = several unphased variants, O = several overlapping variants, 1 = the site is MONOALLELIC"
    )
    return [*lines, f'##FORMAT=<ID=RNC,Number=2,Type=Character,Description="{reasons}">']
