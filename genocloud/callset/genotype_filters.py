"""FT: the filters that a genotype is under, by those of the ALTs that it has, and by its own quality and reads."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset.allele_counts import called_numbers
from genocloud.callset.filter_tables import FilterLine
from genocloud.callset.local_genotypes import take_rows
from genocloud.kernels import adj
from genocloud.kernels.adj import adj_failures, allele_table

_PASS = "PASS"


ADJ = (
    FilterLine("GQ20", f"GQ < {adj.MIN_GQ}"),
    FilterLine("DP10", f"DP < {adj.MIN_DP}, or < {adj.MIN_HAPLOID_DP} where haploid"),
    FilterLine("AB0.2", f"AD of an ALT of a heterozygote < {adj.MIN_BALANCE} DP"),
)
"""FT of genotypes that are not gnomAD's adj, whatever their alleles."""
ADJ_COLUMNS = "GT", "AD", "DP", "GQ"
"""The columns of GENOTYPES that ADJ follows from."""
_CODE_BITS = len(ADJ)


def with_genotype_filters(
    distinct: schema.DistinctGenotypes, numbers: npt.NDArray[np.int32], sites: schema.Sites, *, by_adj: bool
) -> tuple[schema.DistinctGenotypes, npt.NDArray[np.int32]]:
    """Genotypes with the column FT, and the number of each cell's: see `genotype_filter`, and ADJ.

    distinct  FORMAT columns of genotypes; with `by_adj` ADJ_COLUMNS among them, or LAA and LAD for AD
    numbers   (sites, samples) int32; the row of each cell
    sites     ref, alts and AS_FilterStatus of the sites

    Genotypes without an ALT have none by their alleles. A row becomes several where cells with it are under different
    filters.
    """
    words = distinct["GT"].unify_dictionaries().combine_chunks()
    texts, codes = [*words.dictionary.to_pylist(), "."], schema.numbers(words.indices).astype(np.int64)
    codes = np.where(codes < 0, len(texts) - 1, codes)  # cells inside a reference block have no GT
    called = [called_numbers(text) for text in texts]
    has_alt = np.array([any(number > 0 for number in each) for each in called], bool)[codes]
    is_called = np.array([bool(each) for each in called], bool)[codes]
    lacks = _lacking(distinct, allele_table(texts)[codes]) if by_adj else np.zeros(len(codes), np.int64)
    names, kinds = [_PASS], {_PASS: 0}

    def kind_of(*filters: str) -> int:
        name = ";".join(name for name in filters if name != _PASS) or _PASS
        if name not in kinds:
            kinds[name] = len(names)
            names.append(name)
        return kinds[name]

    of_adj = [[line.name for bit, line in enumerate(ADJ) if number >> bit & 1] for number in range(1 << _CODE_BITS)]
    own = np.where(has_alt | (by_adj & is_called), np.array([kind_of(*each) for each in of_adj])[lacks], -1)
    status = np.asarray(pc.list_value_length(sites["AS_FilterStatus"]).fill_null(0))
    flagged = np.flatnonzero(_has_filtered(sites["AS_FilterStatus"].combine_chunks(), status))
    site, sample = np.nonzero(has_alt[numbers[flagged]])
    site, row = flagged[site], numbers[flagged[site], sample]
    pairs, which = np.unique(site.astype(np.int64) << 32 | codes[row] << _CODE_BITS | lacks[row], return_inverse=True)
    columns = (sites.take(pa.array(pairs >> 32))[name].to_pylist() for name in ("ref", "alts", "AS_FilterStatus"))
    kind_of_pair = [
        kind_of(genotype_filter(texts[code >> _CODE_BITS], ref, alts, by_alt), *of_adj[code % (1 << _CODE_BITS)])
        for code, ref, alts, by_alt in zip((pairs & 0xFFFFFFFF).tolist(), *columns, strict=True)
    ]
    of_cell = np.array(kind_of_pair, np.int64)[which]
    filtered = of_cell != own[row]
    rows, place = np.unique(row[filtered].astype(np.int64) << 32 | of_cell[filtered], return_inverse=True)
    out = numbers.copy()
    out[site[filtered], sample[filtered]] = len(distinct) + place
    chosen = np.concatenate([np.arange(len(distinct)), rows >> 32]).astype(np.int32)
    of_row = np.concatenate([own, rows & 0xFFFFFFFF])
    column = pa.DictionaryArray.from_arrays(pa.array(of_row.astype(np.int32), mask=of_row < 0), pa.array(names))
    return take_rows(distinct.combine_chunks(), chosen).append_column("FT", column), out


def _lacking(distinct: schema.DistinctGenotypes, alleles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What each genotype lacks of ADJ: bit k is set for line k."""
    quality, depth = (schema.numbers(distinct[name]).astype(np.int64) for name in ("GQ", "DP"))
    is_local = "LAA" in distinct.column_names
    local_alts = schema.ragged(distinct["LAA"]) if is_local else None
    reads = schema.ragged(distinct["LAD" if is_local else "AD"])
    return np.asarray(adj_failures(quality, depth, alleles, local_alts, reads) @ (1 << np.arange(_CODE_BITS)))


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
