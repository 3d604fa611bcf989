"""Records of one ALT each, from sites of several, as `bcftools norm -m-` makes them; haploid genotypes as diploid."""

from collections.abc import Callable
from math import comb

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.callset.local_genotypes import ploidies, ragged, take_rows

_Ints = npt.NDArray[np.int64]

_BY_ALT = {column.name for column in (*annotations.SITE_COLUMNS, *schema.FILTER_COLUMNS) if column.number == "A"} | {
    "alts"
}
_BY_GENOTYPE = "PL", "PP"


def split_rows(alts: npt.NDArray[np.int32]) -> tuple[_Ints, _Ints]:
    """The site of each record, and the number of its ALT there; 0 for a site that has no two: (records,) each."""
    records = np.maximum(alts, 1).astype(np.int64)
    site = np.repeat(np.arange(len(alts)), records)
    number = np.arange(len(site)) - np.repeat(np.cumsum(records) - records, records) + 1
    return site, np.where(alts[site] > 1, number, 0)


def split_sites(sites: schema.Sites, site: _Ints, alt: _Ints) -> schema.Sites:
    """SITES as records of `split_rows`: what they have by ALT is that ALT's, or missing where it was not one by ALT."""
    rows, counts = sites.take(pa.array(site)), _lengths(sites["alts"])[site]
    whole = alt == 0
    for name in rows.column_names:
        if name in _BY_ALT:
            lists = rows[name].combine_chunks()
            lengths = _lengths(lists)
            kept = np.where(whole, lengths, 1)
            kept[~whole & (lengths != counts)] = 0
            starts = np.cumsum(lengths) - lengths + np.maximum(alt - 1, 0)
            ends = np.cumsum(kept)
            places = np.repeat(starts - (ends - kept), kept) + np.arange(ends[-1] if len(ends) else 0)
            values = lists.flatten().take(pa.array(places))
            none = pa.array((kept == 0) & np.asarray(lists.is_null() if name != "alts" else np.zeros(len(lists), bool)))
            none = pc.or_(none, pa.array(~whole & (kept == 0)))
            column = pa.ListArray.from_arrays(pa.array(np.append(0, ends).astype(np.int32)), values, mask=none)
            rows = schema.with_column(rows, name, column)
    return rows


def _lengths(lists: pa.Array | pa.ChunkedArray) -> _Ints:
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)


def split_genotypes(
    distinct: schema.DistinctGenotypes,
    numbers: npt.NDArray[np.int32],
    records: tuple[_Ints, _Ints],
    alts: npt.NDArray[np.int32],
) -> tuple[schema.DistinctGenotypes, npt.NDArray[np.int32]]:
    """Genotypes at records of `split_rows`, and the number of each cell's: (records, samples).

    distinct  at all alleles of the sites
    numbers   (sites, samples) int32; the row of each cell
    alts      (sites,) int32; the number of ALTs of each site

    Other ALTs become REF in GT; AD, PL and PP keep the values of REF and the ALT, or are missing where they were not
    by the site's alleles.
    """
    site, alt = records
    kinds, kind = np.unique(np.stack([alt, np.where(alt > 0, alts[site], 0)]), axis=1, return_inverse=True)
    kind = kind.ravel()
    out, rows, of, base = np.empty((len(site), numbers.shape[1]), np.int32), [], [], 0
    for number in range(kinds.shape[1]):
        here = np.flatnonzero(kind == number)
        cells = numbers[site[here]]
        used = np.zeros(len(distinct), np.bool_)
        used[cells] = True
        out[here] = (np.cumsum(used) - 1 + base).astype(np.int32)[cells]
        rows.append(np.flatnonzero(used))
        of.append(np.full(len(rows[-1]), number))
        base += len(rows[-1])
    if not rows:
        return distinct.slice(0, 0), out
    chosen = take_rows(distinct.combine_chunks(), np.concatenate(rows).astype(np.int32))
    number_of = np.concatenate(of)
    return _of_one_alt(chosen, kinds[0][number_of], kinds[1][number_of]), out


def _of_one_alt(rows: schema.DistinctGenotypes, alt: _Ints, alts: _Ints) -> schema.DistinctGenotypes:
    """Rows of distinct genotypes by REF and one ALT, each of a site of so many; those of ALT 0 stay."""
    columns = {"GT": _changed_words(rows["GT"], alt, _with_alt)}
    if "AD" in rows.column_names:
        pair = np.stack([np.zeros(len(alt), np.int64), alt], axis=1)
        columns["AD"] = _chosen(rows, "AD", alt, alts + 1, (pair, np.full(len(alt), 2)))
    for name in _BY_GENOTYPE:
        if name in rows.column_names:
            columns[name] = _genotype_values(rows, name, alt, alts)
    for name, column in columns.items():
        rows = schema.with_column(rows, name, column)
    return rows


def _genotype_values(rows: schema.DistinctGenotypes, name: str, alt: _Ints, alts: _Ints) -> pa.ListArray:
    """Values by genotype of REF and one ALT. Lists for diploid genotypes are taken as such with any GT, as bcftools
    does.
    """
    ploidy, lengths = ploidies(rows["GT"]), np.diff(ragged(rows, name)[0])
    kinds, kind = np.unique(np.stack([alt, alts, ploidy, lengths]), axis=1, return_inverse=True)
    own = [(n, total, p if length == comb(total + p, p) else 2) for n, total, p, length in kinds.T.tolist()]
    copies = range(max((p for *_, p in own), default=0) + 1)
    places = np.array([[_place(number, p, k) for k in copies] for number, _, p in own], np.int64)
    wanted = np.array([comb(total + p, p) for _, total, p in own], np.int64)
    counts = np.array([p + 1 for *_, p in own], np.int64)
    of = kind.ravel()
    return _chosen(rows, name, alt, wanted[of], (places.reshape(len(own), len(copies))[of], counts[of]))


def _place(alt: int, ploidy: int, copies: int) -> int:
    """Where the genotype of so many copies of an ALT, all else REF, stands among all of a site.

    Source: VCF 4.3 specification, section 1.6.2, "genotype ordering".
    """
    return sum(comb(alt + m - 1, m) for m in range(max(ploidy - copies, 0) + 1, ploidy + 1))


def _with_alt(text: str, alt: int) -> str:
    joint = "|" if "|" in text else "/"
    alleles = text.replace("|", "/").split("/")
    return joint.join(allele if allele == "." else "1" if int(allele) == alt else "0" for allele in alleles)


def _changed_words(column: pa.ChunkedArray, key: _Ints, change: Callable[[str, int], str]) -> pa.Array:
    """Words, each changed by its row's key; those of key 0 stay."""
    words = column.unify_dictionaries().combine_chunks()
    texts = [*words.dictionary.to_pylist(), None]
    codes = schema.numbers(words.indices).astype(np.int64)
    pairs, which = np.unique(np.where(codes < 0, len(texts) - 1, codes) << 32 | key, return_inverse=True)
    changed = [
        text if text is None or not pair & 0xFFFFFFFF else change(text, pair & 0xFFFFFFFF)
        for pair, text in ((pair, texts[pair >> 32]) for pair in pairs.tolist())
    ]
    return pa.array(changed, pa.string()).dictionary_encode().take(pa.array(which.ravel()))


def _chosen(
    rows: schema.DistinctGenotypes, name: str, alt: _Ints, lengths: _Ints, wanted: tuple[_Ints, _Ints]
) -> pa.ListArray:
    """Some values of each list of an ALT > 0 that is as long as `lengths` says; none of others.

    wanted  places in the lists, (rows, most), and how many of these each row has
    """
    places, counts = wanted
    offsets, values = ragged(rows, name)
    held = np.diff(offsets)
    kept = np.where(alt == 0, held, np.where(held == lengths, counts, 0))
    ends = np.cumsum(kept)
    row = np.repeat(np.arange(len(kept)), kept)
    within = np.arange(len(row)) - np.repeat(ends - kept, kept)
    split = alt[row] > 0
    place = within.copy()
    place[split] = places[row[split], within[split]]
    return schema.list_column(np.append(0, ends), values[offsets[row] + place])


def as_diploid(distinct: schema.DistinctGenotypes) -> schema.DistinctGenotypes:
    """Distinct genotypes with the haploid ones as two equal alleles, and without PL and PP there.

    A haploid call says nothing of a heterozygote's likelihood.
    """
    haploid = (ploidies(distinct["GT"]) == 1).astype(np.int64)
    out = schema.with_column(distinct, "GT", _changed_words(distinct["GT"], haploid, lambda text, _: f"{text}/{text}"))
    for name in _BY_GENOTYPE:
        if name in out.column_names:
            lists = out[name].combine_chunks()
            out = schema.with_column(out, name, pc.if_else(pa.array(haploid > 0), pa.scalar(None, lists.type), lists))
    return out
