"""The lines of a VCF after GLnexus: records with their samples, and the header's fields."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.glnexus.batch_calls import BatchCalls
from genocloud.glnexus.merge_rules import MergeRules
from genocloud.glnexus.unified_sites import UnifiedSite
from genocloud.kernels import vcf_columns
from genocloud.kernels.cell_runs import CellRuns, fill_cells
from genocloud.kernels.widening import pair_up, replace_numbers, widen
from genocloud.schema import MISSING, strings

Array = npt.NDArray[Any]


class CellTexts(NamedTuple):
    """Text of a batch's cells, each distinct one once for each number of ALTs of its sites.

    texts    (bytes,) uint8, entries (texts + 1,) int64: see vcf_columns.put_rows
    runs     which cell each sample has at each site
    places   (kinds of sites, cells) int32; the text of a cell
    kinds    (sites,) int32
    """

    texts: Array
    entries: Array
    runs: CellRuns
    places: Array
    kinds: Array

    def cells(self, start: int, stop: int, samples: int) -> npt.NDArray[np.int32]:
        """The text of each cell of a span of the sites: (sites, samples)."""
        out = np.empty((stop - start, samples), np.int32)
        fill_cells(self.runs, start, out)
        replace_numbers(out, self.kinds[start:stop], self.places)
        return out


def format_keys(rules: MergeRules) -> list[str]:
    """The keys of FORMAT, in order."""
    return ["GT", *(lifted.name for lifted in rules.liftover_fields), "RNC"]


def cell_texts(calls: BatchCalls, alts: npt.NDArray[np.int32], rules: MergeRules) -> CellTexts:
    """The samples' columns of calls at sites with so many ALTs each: (sites,) int32."""
    different, kinds = np.unique(alts, return_inverse=True)
    kinds = kinds.reshape(-1).astype(np.int32)
    cells = calls.cells
    places, rows, kind = pair_up(calls.runs, kinds, len(different), len(cells.dp))
    ploidies = np.full(len(cells.dp), 2, np.int64)
    ad_at, ad, pl_at, pl = widen(rows, different.astype(np.int32)[kind], ploidies, cells.laa, cells.lad, cells.lpl)
    strands_at = np.arange(len(rows) + 1, dtype=np.int64) * 4
    values: dict[str, Any] = {
        "GT": _words(cells.pairs, rows, gt_text),
        "RNC": _words(cells.reasons, rows, rnc_text),
        "DP": cells.dp[rows],
        "GQ": cells.gq[rows],
        "AD": (ad_at, ad),
        "PL": (pl_at, pl),
        "SB": (strands_at, cells.sb[rows].ravel()),
    }
    if calls.filters:
        words = sorted({word for word in calls.filters if word is not None})
        number: dict[str | None, int] = {None: int(MISSING)} | {word: code for code, word in enumerate(words)}
        values["FT"] = np.array([number[calls.filters[row]] for row in rows.tolist()], np.int32), words
    return CellTexts(*_texts([values[key] for key in format_keys(rules)], len(rows)), calls.runs, places, kinds)


def gt_text(pair: Sequence[int]) -> str:
    """A genotype's two alleles, -1 for none."""
    return "/".join("." if each < 0 else str(each) for each in pair)


def rnc_text(pair: Sequence[int]) -> str:
    """The two reasons, as letters."""
    return "".join(map(chr, pair))


def _words(values: Array, rows: Array, text: Any) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Pairs of numbers as words: the code of each row's, and the words."""
    low, high = values.astype(np.int64).T
    codes, which = np.unique(low << 32 | (high & 0xFFFFFFFF), return_inverse=True)
    pairs = zip((codes >> 32).tolist(), (codes & 0xFFFFFFFF).astype(np.uint32).astype(np.int32).tolist(), strict=True)
    return which.reshape(-1).astype(np.int32)[rows], [text(pair) for pair in pairs]


def _texts(fields: Sequence[Any], rows: int) -> tuple[Array, Array]:
    """Text of rows of fields: numbers, (offsets, values) of lists, or (codes, words); every key is always there."""
    kinds, values, offsets, words = [], [], [], []
    bases = np.zeros((2, len(fields)), np.int64)
    at, offsets_at, words_at = 0, 0, 0
    for place, field in enumerate(fields):
        if isinstance(field, np.ndarray):
            kinds.append(vcf_columns.NUMBER)
            numbers, bases[0, place] = field, at
        elif isinstance(field[1], list):
            kinds.append(vcf_columns.WORD)
            numbers, bases[:, place] = field[0], (at, words_at)
            words += field[1]
            words_at += len(field[1])
        else:
            kinds.append(vcf_columns.LIST)
            numbers, bases[0, place] = field[1], offsets_at
            offsets.append(field[0] + at)
            offsets_at += len(field[0])
        values.append(numbers)
        at += len(numbers)
    word_offsets, data = strings(pa.array(words, pa.string()))
    columns = (
        np.array(kinds, np.int8),
        bases[0].copy(),
        bases[1].copy(),
        np.concatenate([np.zeros(0, np.int64), *offsets]),
        np.concatenate(values).astype(np.int32),
        word_offsets,
    )
    masks, bounds = np.empty(rows, np.int32), np.empty(rows, np.int32)
    vcf_columns.weigh_rows(*columns, masks, bounds)
    masks[:] = (1 << len(fields)) - 1
    out, entries = np.empty(int(bounds.sum()) + vcf_columns.SLACK, np.uint8), np.empty(rows + 1, np.int64)
    data = np.array(data)
    data.flags.writeable = False
    vcf_columns.put_rows(masks, *columns, data, out, entries)
    return out[: entries[-1] >> vcf_columns.KEY_BITS].copy(), entries


def kept_alts(
    sites: Sequence[UnifiedSite], alts: Array, batches: Iterable[BatchCalls], rules: MergeRules
) -> npt.NDArray[np.bool_]:
    """Which ALTs of the sites are written: all, or if they are trimmed those that somebody has."""
    out = np.zeros(int(alts[len(sites)]), np.bool_)
    if not rules.trim_uncalled_alleles:
        out[:] = True
    for batch in batches if rules.trim_uncalled_alleles else ():
        batch.mark_called(alts, out)
    return out


def site_texts(
    sites: Sequence[UnifiedSite], kept: Sequence[Sequence[int]], places: Sequence[tuple[str, int]]
) -> Iterator[str]:
    """CHROM to INFO of sites, with the ALTs that are kept, by number; places: (contig, where it begins on the axis)."""
    for site, numbers, (contig, begin) in zip(sites, kept, places, strict=True):
        yield f"{contig}\t{site.start - begin + 1}\t{_site_text(site, numbers, contig, begin)}"


def site_id(site: UnifiedSite, kept: Sequence[int], contig: str, begin: int) -> str:
    """The ALTs that are kept, by their places without bases that they share with REF."""
    ids = []
    for number in kept:
        edit = site.normal[number - 1]
        ref = site.ref[edit.start - site.start : edit.stop - site.start]
        ids.append(f"{contig}_{edit.start - begin + 1}_{ref}_{edit.dna}")
    return ";".join(ids)


def _site_text(site: UnifiedSite, kept: Sequence[int], contig: str, begin: int) -> str:
    """ID to INFO."""
    info = "AF=" + ",".join(f"{float(site.frequencies[number - 1]):.6g}" for number in kept)
    if any(site.qualities):
        info += ";AQ=" + ",".join(str(site.qualities[number - 1]) for number in kept)
    alts = ",".join(site.alts[number - 1] for number in kept)
    label = "MONOALLELIC" if site.alone else "."
    return "\t".join([site_id(site, kept, contig, begin), site.ref, alts, f"{max(site.qualities):g}", label, info])


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
