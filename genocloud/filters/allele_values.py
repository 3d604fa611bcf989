"""The columns of sites as values of their alleles: one entry for each ALT, and one for a site without any."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.filters.expressions import Values

_BCFTOOLS_NAMES = {"CHROM": "contig", "POS": "pos", "ID": "id", "REF": "ref", "QUAL": "qual", "FILTER": "filter"}
COMPUTED = "ALT", "TYPE", "ILEN", "N_ALT"
"""What follows from REF and ALT, by bcftools' names. TYPE: snp, mnp, indel, overlap (`*`), other, or ref."""


class AlleleValues(Mapping[str, Values]):
    """Columns of sites by name, each with a value for every allele: see expressions.Values.

    offsets  (sites + 1,) int64; where each site's alleles begin. A site without ALTs has one entry, of type `ref`
    tables   SITES, and others with a row for each of the same sites; of equal names the first table's is meant
    """

    def __init__(self, *tables: pa.Table) -> None:
        sites = tables[0]
        self._alts = sites["alts"]
        self.counts = np.asarray(pc.fill_null(pc.list_value_length(self._alts), 0)).astype(np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(np.maximum(self.counts, 1))])
        self._columns: dict[str, pa.ChunkedArray] = {}
        for table in reversed(tables):
            self._columns |= {name: table[name] for name in table.column_names}
        for name, column in _BCFTOOLS_NAMES.items():
            if column in self._columns:
                self._columns[name] = self._columns.pop(column)
        self._known: dict[str, Values] = {}

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._columns if name != "alts")
        yield from COMPUTED

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> Values:
        """Raises KeyError for a name that is not among them."""
        if name not in self._known:
            if name in COMPUTED:
                self._known |= dict(zip(COMPUTED, self._of_alleles(), strict=True))
            else:
                self._known[name] = self._spread(self._columns[name])
        return self._known[name]

    @property
    def is_alt(self) -> npt.NDArray[np.bool_]:
        """Whether an entry is an ALT, not a site without any: (alleles,)."""
        return np.repeat(self.counts > 0, np.diff(self.offsets))

    @property
    def site(self) -> npt.NDArray[np.int64]:
        """The site of each entry: (alleles,)."""
        return np.repeat(np.arange(len(self.counts)), np.diff(self.offsets))

    def _spread(self, column: pa.ChunkedArray) -> Values:
        if pa.types.is_list(column.type):
            return self._by_alt(column)
        return _plain(column)[self.site]

    def _by_alt(self, column: pa.ChunkedArray) -> Values:
        """A list's entry for each ALT; missing where the list does not have one for each."""
        lists = column.combine_chunks()
        lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)
        values = _plain(lists.flatten())
        out: Values = (
            np.full(self.offsets[-1], "", object) if values.dtype == object else np.full(self.offsets[-1], np.nan)
        )
        whole = (lengths == self.counts) & (lengths > 0)
        out[np.repeat(whole, np.diff(self.offsets))] = values[np.repeat(whole, lengths)]
        return out

    def _of_alleles(self) -> tuple[Values, Values, Values, Values]:
        refs = self["REF"]
        alts: Values = np.full(self.offsets[-1], "", object)
        alts[self.is_alt] = self._alts.combine_chunks().flatten().to_pylist()
        kinds = np.array([_kind(*pair) for pair in zip(refs, alts, strict=True)], object)
        lengths = np.array([float(len(alt) - len(ref)) for ref, alt in zip(refs, alts, strict=True)])
        lengths[kinds != "indel"] = np.nan
        return alts, kinds, lengths, self.counts[self.site].astype(np.float64)


def _kind(ref: str, alt: str) -> str:
    if not alt:
        return "ref"
    if alt == "*":
        return "overlap"
    if not alt.isalpha():
        return "other"
    if len(ref) != len(alt):
        return "indel"
    return "snp" if sum(one != other for one, other in zip(ref, alt, strict=True)) <= 1 else "mnp"


def _plain(column: pa.ChunkedArray | pa.Array) -> Values:
    """float64 with NaN, or str objects with empty ones, for what is missing."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        return _objects(pc.fill_null(column, "").to_pylist())
    if pa.types.is_boolean(column.type):
        return np.asarray(pc.fill_null(column, False)).astype(np.float64)
    return schema.numbers(pc.cast(column, pa.float64()))


def _objects(texts: Sequence[str]) -> npt.NDArray[Any]:
    out = np.empty(len(texts), object)
    out[:] = texts
    return out
