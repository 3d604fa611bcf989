"""The ALT alleles of a table SITES, one row each: kind, exchange, length, count."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema

Counts = npt.NDArray[np.int64]

KINDS = ("SNV", "indel", "other")
"""The kinds of ALT alleles."""

SNV, INDEL, OTHER = range(len(KINDS))
TRANSITION, TRANSVERSION = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class AltAlleles:
    """The ALT alleles of a table SITES but for `*`, one row each.

    bare      (sites,) bool; those without any ALT, `*` neither
    owner     (ALTs,) which site each ALT is of, `*` included
    place     (alleles,) which of all ALTs
    kind      (alleles,) index into KINDS
    exchange  (alleles,) TRANSITION, TRANSVERSION or 0
    inserted  (alleles,) bases that an indel inserts, negative if it deletes; 0 for others
    ac, an    (alleles,) allele count and called alleles; -1 where the site has none
    """

    bare: npt.NDArray[np.bool_]
    owner: Counts
    place: Counts
    kind: Counts
    exchange: Counts
    inserted: Counts
    ac: Counts
    an: Counts

    @classmethod
    def of(cls, sites: schema.Sites) -> "AltAlleles":
        alts = sites["alts"].combine_chunks()
        owner = pc.list_parent_indices(alts).to_numpy(zero_copy_only=False).astype(np.int64)
        place = np.flatnonzero(pc.not_equal(alts.flatten(), "*").to_numpy(zero_copy_only=False))
        site, alt = owner[place], alts.flatten().take(place)
        ref = sites["ref"].combine_chunks().take(site)
        kind, exchange = _kinds(ref, alt)
        inserted = np.diff(schema.strings(alt)[0]) - np.diff(schema.strings(ref)[0])
        out = cls(
            bare=np.asarray(schema.numbers(alts.value_lengths()) == 0),
            owner=owner,
            place=place,
            kind=kind,
            exchange=exchange,
            inserted=np.where(kind == INDEL, inserted, 0),
            ac=np.zeros(0, np.int64),
            an=schema.numbers(sites["AN"]).astype(np.int64)[site],
        )
        counts, known = out.values_of(sites["AC"])
        return replace(out, ac=np.where(known, counts, -1).astype(np.int64))

    @property
    def site(self) -> Counts:
        """Which site each allele is of, (alleles,)."""
        return self.owner[self.place]

    def rows_of(self, lists: pa.ChunkedArray) -> tuple[Counts, npt.NDArray[np.bool_]]:
        """Where in the flattened lists, which have an entry for each ALT, an allele's is; whether its list has any."""
        lengths = lists.combine_chunks().value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        filled = lengths[self.owner] > 0
        rows = np.cumsum(filled) - 1
        return rows[self.place], filled[self.place]

    def values_of(self, lists: pa.ChunkedArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """A column of numbers by ALT, (alleles,), 0 where the list is null; and where it is not."""
        rows, known = self.rows_of(lists)
        values = schema.ragged(lists)[1]
        out = np.zeros(len(rows), values.dtype)
        out[known] = values[rows[known]]
        return out, known


def _kinds(ref: pa.Array, alt: pa.Array) -> tuple[Counts, Counts]:
    """Kind and exchange of each pair of REF and ALT, both (alleles,)."""
    ref_starts, ref_bytes = schema.strings(ref)
    alt_starts, alt_bytes = schema.strings(alt)
    lengths = np.diff(alt_starts)
    equal = np.flatnonzero(np.diff(ref_starts) == lengths)
    pair = np.repeat(equal, lengths[equal])
    step = np.arange(pair.size) - np.repeat(np.cumsum(lengths[equal]) - lengths[equal], lengths[equal])
    ref_base, alt_base = ref_bytes[ref_starts[pair] + step], alt_bytes[alt_starts[pair] + step]
    differs = ref_base != alt_base
    differences = np.bincount(pair[differs], minlength=len(ref))
    kind = np.where(np.diff(ref_starts) == lengths, np.where(differences == 1, SNV, OTHER), INDEL)
    kind[pc.starts_with(alt, "<").to_numpy(zero_copy_only=False)] = OTHER
    exchange = np.zeros(len(ref), np.int64)
    exchange[pair[differs]] = _EXCHANGES[ref_base[differs], alt_base[differs]]
    return kind.astype(np.int64), np.where(kind == SNV, exchange, 0)


def _exchanges() -> npt.NDArray[np.int8]:
    """(256, 256) by the bytes of two bases: TRANSITION, TRANSVERSION, or 0 where one is not of ACGT."""
    out = np.zeros((256, 256), np.int8)
    purines, pyrimidines = np.frombuffer(b"AG", np.uint8), np.frombuffer(b"CT", np.uint8)
    for same, opposite in ((purines, pyrimidines), (pyrimidines, purines)):
        out[np.ix_(same, same)] = TRANSITION
        out[np.ix_(same, opposite)] = TRANSVERSION
    return out


_EXCHANGES = _exchanges()
