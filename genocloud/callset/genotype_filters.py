"""FT: the filters that a genotype is under, by those of the ALTs that it has."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset.allele_counts import called_numbers
from genocloud.callset.local_genotypes import take_rows

_PASS = "PASS"


def with_genotype_filters(
    distinct: schema.DistinctGenotypes, numbers: npt.NDArray[np.int32], sites: schema.Sites
) -> tuple[schema.DistinctGenotypes, npt.NDArray[np.int32]]:
    """Genotypes with the column FT, and the number of each cell's: see `genotype_filter`.

    distinct  FORMAT columns of genotypes
    numbers   (sites, samples) int32; the row of each cell
    sites     ref, alts and AS_FilterStatus of the sites

    Genotypes without an ALT have none. A row becomes several where cells with it are under different filters.
    """
    words = distinct["GT"].unify_dictionaries().combine_chunks()
    texts, codes = [*words.dictionary.to_pylist(), "."], schema.numbers(words.indices)
    codes = np.where(codes < 0, len(texts) - 1, codes)  # cells inside a reference block have no GT
    has_alt = np.array([any(number > 0 for number in called_numbers(text)) for text in texts], bool)[codes]
    names, kinds = [_PASS], {_PASS: 0}
    passing = np.where(has_alt, 0, -1)
    status = np.asarray(pc.list_value_length(sites["AS_FilterStatus"]).fill_null(0))
    flagged = np.flatnonzero(_has_filtered(sites["AS_FilterStatus"].combine_chunks(), status))
    site, sample = np.nonzero(has_alt[numbers[flagged]])
    site, row = flagged[site], numbers[flagged[site], sample]
    pairs, which = np.unique(site.astype(np.int64) << 32 | codes[row], return_inverse=True)
    columns = (sites.take(pa.array(pairs >> 32))[name].to_pylist() for name in ("ref", "alts", "AS_FilterStatus"))
    kind_of_pair = []
    for code, ref, alts, by_alt in zip((pairs & 0xFFFFFFFF).tolist(), *columns, strict=True):
        name = genotype_filter(texts[code], ref, alts, by_alt)
        if name not in kinds:
            kinds[name] = len(names)
            names.append(name)
        kind_of_pair.append(kinds[name])
    of_cell = np.array(kind_of_pair, np.int64)[which]
    filtered = of_cell > 0
    rows, place = np.unique(row[filtered].astype(np.int64) << 32 | of_cell[filtered], return_inverse=True)
    out = numbers.copy()
    out[site[filtered], sample[filtered]] = len(distinct) + place
    chosen = np.concatenate([np.arange(len(distinct)), rows >> 32]).astype(np.int32)
    of_row = np.concatenate([passing, rows & 0xFFFFFFFF])
    column = pa.DictionaryArray.from_arrays(pa.array(of_row.astype(np.int32), mask=of_row < 0), pa.array(names))
    return take_rows(distinct.combine_chunks(), chosen).append_column("FT", column), out


def _has_filtered(by_alt: pa.ListArray, counts: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Whether some ALT of each site is under a filter."""
    ends = np.cumsum(counts)
    failing = np.concatenate([[0], np.cumsum(np.asarray(pc.not_equal(by_alt.flatten(), _PASS)))])
    return np.asarray(failing[ends] > failing[ends - counts])


def genotype_filter(text: str, ref: str, alts: Sequence[str], by_alt: Sequence[str]) -> str:
    """FT of a GT: the filters that each of its SNPs is under, or each of its other ALTs, `;` between; or PASS.

    `*` does not count. Source: ExtractCohortEngine.isFailingGenotype of GATK's Genomic Variant Store: the best of a
    genotype's ALTs of a type decides.
    """
    called = sorted({number - 1 for number in called_numbers(text) if number > 0 and alts[number - 1] != "*"})
    names: dict[str, None] = {}
    for is_snp in (True, False):
        of_type = [by_alt[number].split("&") for number in called if (len(alts[number]) == len(ref)) == is_snp]
        names |= {name: None for name in (of_type or [[]])[0] if all(name in each for each in of_type)}
    names.pop(_PASS, None)
    return ";".join(names) or _PASS
