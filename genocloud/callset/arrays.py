"""A region of a callset as dense arrays with sgkit's names and dimensions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.errors import PackageMissing
from genocloud.genotype_text import allele_numbers_of
from genocloud.regions import Contig

Array = npt.NDArray[Any]
PLOIDY = 2
FILTERS = "PASS", "LowQual"
"""Values of FILTER in SITES, PASS first."""
"""Least width of call_genotype, so that shapes do not depend on the genotypes, unless a sample has a higher ploidy."""
MISSING, FILL = -1, -2
"""sgkit's missing integer, and its fill value for short lists; floats use NaN for both."""

_LISTS = {"R": "alleles", "A": "alt_alleles", "G": "genotypes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What arrays' shapes depend on: samples, contigs, filters, number of sites, most alleles of a site with REF."""

    samples: tuple[str, ...]
    contigs: tuple[Contig, ...]
    filters: tuple[str, ...] = FILTERS
    sites: int = 0
    alleles: int = 1

    @property
    def widths(self) -> dict[str, int]:
        """Sizes of the last dimensions, where no sample has a ploidy above PLOIDY."""
        return {
            "alleles": self.alleles,
            "alt_alleles": max(self.alleles - 1, 1),
            "genotypes": self.alleles * (self.alleles + 1) // 2,
            "ploidy": PLOIDY,
            "filters": len(self.filters),
        }

    def headers(self) -> dict[str, Array]:
        """The arrays that have nothing of any site: samples, contigs and filters."""
        return {
            "sample_id": np.array(self.samples, object),
            "contig_id": np.array([contig.name for contig in self.contigs], object),
            "contig_length": np.array([contig.length for contig in self.contigs], np.int64),
            "filter_id": np.array(self.filters, object),
        }


@dataclass(frozen=True, slots=True)
class Variable:
    """An array that is made from some columns of SITES or, where its name begins with `call_`, of GENOTYPES."""

    name: str
    columns: tuple[str, ...]
    make: Callable[[pa.Table, Frame], Array]

    @property
    def of_calls(self) -> bool:
        """Whether it has values for each sample."""
        return self.name.startswith("call_")


def variables() -> list[Variable]:
    """All arrays but those of `Frame.headers` and call_genotype_mask, in the order of `dense`."""
    sites = [
        Variable("variant_contig", ("contig",), _contig_numbers),
        Variable("variant_position", ("pos",), lambda sites, _: schema.numbers(sites["pos"])),
        Variable("variant_id", ("id",), lambda sites, _: _objects(text or "." for text in sites["id"].to_pylist())),
        Variable("variant_id_mask", ("id",), _without_id),
        Variable("variant_allele", ("ref", "alts"), _alleles),
        Variable("variant_quality", ("qual",), lambda sites, _: schema.numbers(sites["qual"])),
        Variable("variant_filter", ("filter",), _filters),
    ]
    calls = [
        Variable("call_genotype", ("GT",), _genotypes),
        Variable("call_genotype_phased", ("GT",), _phased),
    ]
    return [*sites, *_fields("variant", annotations.SITE_COLUMNS), *calls, *_fields("call", schema.GENOTYPE_COLUMNS)]


def dense(sites: schema.Sites, genotypes: schema.Genotypes, frame: Frame) -> dict[str, Array]:
    """SITES and GENOTYPES (dense, the frame's samples in order) as arrays by name.

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

    `alleles` is the most of any of the sites, `ploidy` 2 and `genotypes` those of a diploid with so many alleles, or
    more where a sample has a higher ploidy.
    """
    frame = replace(frame, sites=sites.num_rows, alleles=most_alleles(sites))
    values = frame.headers()
    for variable in variables():
        values[variable.name] = variable.make(genotypes if variable.of_calls else sites, frame)
    return values | {"call_genotype_mask": values["call_genotype"] < 0}


def most_alleles(sites: schema.Sites) -> int:
    """The most alleles, REF included, of any site."""
    return 1 + int(pc.max(pc.list_value_length(sites["alts"])).as_py() or 0)


def _fields(kind: str, columns: Sequence[schema.Column]) -> list[Variable]:
    """INFO or FORMAT columns; GT has arrays of its own."""

    def variable(column: schema.Column) -> Variable:
        return Variable(f"{kind}_{column.name}", (column.name,), lambda table, frame: _field(table, column, frame))

    return [variable(column) for column in columns if "/" in column.vcf and column.name != "GT"]


def _objects(values: Iterable[Any]) -> Array:
    return np.array(list(values), object)


def _without_id(sites: schema.Sites, _: Frame) -> Array:
    return np.array([not text for text in sites["id"].to_pylist()], bool)


def _contig_numbers(sites: schema.Sites, frame: Frame) -> Array:
    index = {contig.name: number for number, contig in enumerate(frame.contigs)}
    return np.array([index[name] for name in sites["contig"].to_pylist()], np.int32)


def _alleles(sites: schema.Sites, frame: Frame) -> Array:
    alleles = [[ref, *alts] for ref, alts in zip(sites["ref"].to_pylist(), sites["alts"].to_pylist(), strict=True)]
    padded = [row + [""] * (frame.alleles - len(row)) for row in alleles]
    return np.array(padded, object).reshape(-1, frame.alleles)


def _filters(sites: schema.Sites, frame: Frame) -> Array:
    texts, codes = np.unique(_objects(text or "" for text in sites["filter"].to_pylist()), return_inverse=True)
    table = [[name in text.split(";") for name in frame.filters] for text in texts]
    return np.array(table, bool).reshape(len(texts), len(frame.filters))[codes]


def _field(table: pa.Table, column: schema.Column, frame: Frame) -> Array:
    """An INFO or FORMAT column; lists by allele are all as wide as the site with the most alleles."""
    values = table[column.name].combine_chunks()
    lead = (frame.sites, len(frame.samples)) if column.vcf.startswith("FORMAT/") else (frame.sites,)
    if not pa.types.is_list(values.type):
        return _scalars(values).reshape(lead)
    array = _padded(values, frame.widths[_LISTS[column.number]])
    return array.reshape(*lead, array.shape[1])


def _genotypes(table: schema.Genotypes, frame: Frame) -> Array:
    """Allele numbers of the genotypes; each distinct GT text is parsed once."""
    texts, codes = _words(table, frame)
    called = [allele_numbers_of(text) for text in texts]
    ploidy = max([PLOIDY, *(len(called[code]) for code in np.unique(codes))])
    rows = np.array([(row + [FILL] * ploidy)[:ploidy] for row in called], np.int8).reshape(-1, ploidy)
    return rows[codes]


def _phased(table: schema.Genotypes, frame: Frame) -> Array:
    texts, codes = _words(table, frame)
    return np.array(["|" in text for text in texts], bool)[codes]


def _words(table: schema.Genotypes, frame: Frame) -> tuple[list[str], Array]:
    """Distinct GT texts, and the number of each cell's: (sites, samples)."""
    words = table["GT"].combine_chunks()
    return words.dictionary.to_pylist(), words.indices.to_numpy().reshape(frame.sites, len(frame.samples))


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
    width = int(lengths.max(initial=least))
    table = np.full((len(values), width), np.nan if floating else FILL, flat.dtype)
    table[lengths == 0, 0] = np.nan if floating else MISSING
    table[np.arange(width) < lengths[:, None]] = flat if floating else np.where(flat == schema.MISSING, MISSING, flat)
    return table


def _missing(package: str) -> PackageMissing:
    return PackageMissing(package, f"pip install {package}, or use to_numpy(), sites(), genotypes()")


def as_dataset(values: dict[str, Any]) -> Any:
    """The arrays of `dense`, of NumPy or Dask, as an xarray.Dataset."""
    try:
        import xarray
    except ImportError:
        raise _missing("xarray") from None
    return xarray.Dataset({name: (dims(name, array.ndim), array) for name, array in values.items()})


def as_polars(table: pa.Table) -> Any:
    """An Arrow table as a polars.DataFrame, without a copy where polars can."""
    try:
        import polars as pl
    except ImportError:
        raise _missing("polars") from None
    return pl.from_arrow(table)


def as_pandas(table: pa.Table) -> Any:
    """An Arrow table as a pandas.DataFrame; dictionary columns are categorical."""
    try:
        return table.to_pandas()
    except ImportError:
        raise _missing("pandas") from None


def dims(name: str, count: int) -> tuple[str, ...]:
    """The names of an array's `count` dimensions."""
    kind, _, field = name.partition("_")
    if kind in ("sample", "contig", "filter"):
        return (f"{kind}s",)
    lead = ("variants", "samples") if kind == "call" else ("variants",)
    return lead if count == len(lead) else (*lead, _last_dim(field))


def _last_dim(field: str) -> str:
    known = {"allele": "alleles", "filter": "filters", "genotype": "ploidy", "genotype_mask": "ploidy"}
    if field in known:
        return known[field]
    columns = (*annotations.SITE_COLUMNS, *schema.GENOTYPE_COLUMNS)
    return _LISTS[next(column.number for column in columns if column.name == field)]
