"""A region of a callset as dense arrays with sgkit's names and dimensions."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset.vcf_header import FILTERS
from genocloud.errors import SettingError
from genocloud.regions import Contig

Array = npt.NDArray[Any]
MISSING, FILL = -1, -2
"""sgkit's missing integer, and its fill value for short lists; floats use NaN for both."""

_LISTS = {"R": "alleles", "A": "alt_alleles", "G": "genotypes"}


class NotInstalled(SettingError):
    """An optional package is not installed."""

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(f"{package} is not installed; pip install {package}, or use to_numpy(), sites(), genotypes()")


def dense(
    sites: schema.Sites, genotypes: schema.Genotypes, samples: Sequence[str], contigs: Sequence[Contig]
) -> dict[str, Array]:
    """SITES and GENOTYPES (dense, samples in order) as arrays by name.

    call_genotype          (variants, samples, ploidy) int8; -1 missing, -2 where the ploidy is smaller
    call_genotype_mask     (variants, samples, ploidy) bool; True where call_genotype is -1 or -2
    call_genotype_phased   (variants, samples) bool
    call_GQ, call_DP, ...  (variants, samples) int32 or object; call_AD (..., alleles), call_PL (..., genotypes)
    variant_position       (variants,) int32, 1-based; variant_contig int32, index into contig_id
    variant_allele         (variants, alleles) object; REF first, padded with ""
    variant_id             (variants,) object, "." where missing; variant_id_mask bool
    variant_filter         (variants, filters) bool; no True where no filter was applied
    variant_quality        (variants,) float64, phred; variant_AC, ... for each INFO column
    filter_id              (filters,) object; PASS first
    sample_id, contig_id   object; contig_length int64, bp
    """
    shape = (sites.num_rows, len(samples))
    places = _places(sites, contigs)
    alleles = places["variant_allele"].shape[1]
    info = _columns(schema.SITE_COLUMNS, "INFO/")
    calls = (column for column in _columns(schema.GENOTYPE_COLUMNS, "FORMAT/") if column.name != "GT")
    return {
        "sample_id": np.array(samples, object),
        "contig_id": np.array([contig.name for contig in contigs], object),
        "contig_length": np.array([contig.length for contig in contigs], np.int64),
        "filter_id": np.array(FILTERS, object),
        **places,
        "variant_filter": np.array(sites["filter"].to_pylist(), object).reshape(-1, 1) == np.array(FILTERS, object),
        **{f"variant_{column.name}": _field(sites, column, alleles, shape[:1]) for column in info},
        **_calls(genotypes["GT"], shape),
        **{f"call_{column.name}": _field(genotypes, column, alleles, shape) for column in calls},
    }


def _columns(columns: Sequence[schema.Column], prefix: str) -> Iterator[schema.Column]:
    return (column for column in columns if column.vcf.startswith(prefix))


def _places(sites: schema.Sites, contigs: Sequence[Contig]) -> dict[str, Array]:
    index = {contig.name: place for place, contig in enumerate(contigs)}
    alleles = [[ref, *alts] for ref, alts in zip(sites["ref"].to_pylist(), sites["alts"].to_pylist(), strict=True)]
    width = max(map(len, alleles), default=1)
    return {
        "variant_contig": np.array([index[name] for name in sites["contig"].to_pylist()], np.int32),
        "variant_position": schema.numbers(sites["pos"]),
        "variant_id": np.array([text or "." for text in sites["id"].to_pylist()], object),
        "variant_id_mask": np.array([not text for text in sites["id"].to_pylist()], bool),
        "variant_allele": np.array([row + [""] * (width - len(row)) for row in alleles], object).reshape(-1, width),
        "variant_quality": schema.numbers(sites["qual"]),
    }


def _field(table: pa.Table, column: schema.Column, alleles: int, shape: tuple[int, ...]) -> Array:
    """An INFO or FORMAT column; lists by allele are all as wide as the site with the most alleles."""
    values = table[column.name].combine_chunks()
    if not pa.types.is_list(values.type):
        return _scalars(values).reshape(shape)
    array = _padded(values, {"R": alleles, "A": alleles - 1}.get(column.number, 1))
    return array.reshape(*shape, array.shape[1])


def _calls(column: pa.ChunkedArray, shape: tuple[int, int]) -> dict[str, Array]:
    """Genotypes and phasing; each distinct GT text is parsed once."""
    words = column.combine_chunks()
    texts = words.dictionary.to_pylist()
    called = [[MISSING if one == "." else int(one) for one in text.replace("|", "/").split("/")] for text in texts]
    codes = words.indices.to_numpy().reshape(shape)
    ploidy = max((len(called[code]) for code in np.unique(codes)), default=2)
    table = np.array([(row + [FILL] * ploidy)[:ploidy] for row in called], np.int8).reshape(-1, ploidy)
    genotypes = table[codes]
    return {
        "call_genotype": genotypes,
        "call_genotype_mask": genotypes < 0,
        "call_genotype_phased": np.array(["|" in text for text in texts], bool)[codes],
    }


def _scalars(values: pa.Array) -> Array:
    if pa.types.is_dictionary(values.type):
        words = np.array([*values.dictionary.to_pylist(), "."], object)
        return np.asarray(words[values.indices.fill_null(-1).to_numpy()])
    if pa.types.is_boolean(values.type):
        return schema.numbers(values)
    return schema.numbers(values if pa.types.is_floating(values.type) else values.fill_null(MISSING))


def _padded(values: pa.Array, least: int) -> Array:
    """Lists as rows of one width, at least `least`: a null list is one missing value, then fill values."""
    offsets, flat = schema.ragged(values)
    lengths = np.diff(offsets)
    floating = np.issubdtype(flat.dtype, np.floating)
    width = int(lengths.max(initial=max(least, 1)))
    table = np.full((len(values), width), np.nan if floating else FILL, flat.dtype)
    table[lengths == 0, 0] = np.nan if floating else MISSING
    table[np.arange(width) < lengths[:, None]] = flat if floating else np.where(flat == schema.MISSING, MISSING, flat)
    return table


def as_dataset(values: dict[str, Array]) -> Any:
    """The arrays of `dense` as an xarray.Dataset."""
    try:
        import xarray
    except ImportError:
        raise NotInstalled("xarray") from None
    return xarray.Dataset({name: (_dims(name, array), array) for name, array in values.items()})


def as_polars(table: pa.Table) -> Any:
    """An Arrow table as a polars.DataFrame, without a copy where polars can."""
    try:
        import polars as pl
    except ImportError:
        raise NotInstalled("polars") from None
    return pl.from_arrow(table)


def as_pandas(table: pa.Table) -> Any:
    """An Arrow table as a pandas.DataFrame; dictionary columns are categorical."""
    try:
        return table.to_pandas()
    except ImportError:
        raise NotInstalled("pandas") from None


def _dims(name: str, array: Array) -> tuple[str, ...]:
    kind, _, field = name.partition("_")
    if kind in ("sample", "contig", "filter"):
        return (f"{kind}s",)
    lead = ("variants", "samples") if kind == "call" else ("variants",)
    return lead if array.ndim == len(lead) else (*lead, _last_dim(field))


def _last_dim(field: str) -> str:
    known = {"allele": "alleles", "filter": "filters", "genotype": "ploidy", "genotype_mask": "ploidy"}
    if field in known:
        return known[field]
    columns = (*schema.SITE_COLUMNS, *schema.GENOTYPE_COLUMNS)
    return _LISTS[next(column.number for column in columns if column.name == field)]
