"""Messages of a hybrid run: tables of declared kinds and columns, packed to cross between locations."""

import lzma
from dataclasses import dataclass

import pyarrow as pa

from genocloud import annotations, schema
from genocloud.errors import StoreError
from genocloud.federation.codec import packed, unpacked
from genocloud.federation.site_policy import MAY_LEAVE, STAYS, SUMMARIES


@dataclass(frozen=True)
class MessageKind:
    """A kind of message: its columns, and the least policy under which a location sends it, None for never.

    signed  whether the location's policy file must say so, too (`gnomad_table: true`)
    """

    columns: pa.Schema
    least: str | None = None
    signed: bool = False


KINDS = {
    "sheet": MessageKind(schema.SHEET),
    "people": MessageKind(schema.ACTIVE_SAMPLES, STAYS),
    "local": MessageKind(schema.LOCAL_ALLELES, STAYS),
    "spans": MessageKind(schema.INTERVALS, STAYS),
    "covered": MessageKind(schema.INTERVALS, STAYS),
    "united": MessageKind(schema.UNITED_ALLELES),
    "starts": MessageKind(schema.STARTS, STAYS),
    "maxima": MessageKind(schema.MAXIMA, STAYS),
    "questions": MessageKind(schema.QUESTIONS),
    "answers": MessageKind(schema.ANSWERS, STAYS),
    "summary": MessageKind(schema.SUMMARY, SUMMARIES),
    "emitted sites": MessageKind(schema.EMITTED_SITES),
    "shares": MessageKind(annotations.SHARES, STAYS),
    "allele shares": MessageKind(annotations.SUMMED_SHARES, STAYS),
    "squares": MessageKind(schema.SQUARES, STAYS),
    "sites": MessageKind(annotations.SITES),
    "evidence": MessageKind(schema.ALLELE_EVIDENCE, STAYS),
    "called alts": MessageKind(schema.CALLED_ALTS, STAYS),
    "called counts": MessageKind(schema.CALLED_COUNTS, STAYS),
    "merged sites": MessageKind(annotations.MERGED_SITES),
    "totals": MessageKind(schema.TOTALS, STAYS),
    "gnomad groups": MessageKind(schema.GNOMAD_GROUPS, STAYS, signed=True),
    "gnomad counts": MessageKind(schema.GNOMAD_COUNTS, STAYS, signed=True),
    "genotypes": MessageKind(schema.STORED_GENOTYPES, MAY_LEAVE),
}
"""Every kind of message, by name; nothing else crosses. Kinds that no location sends come from the coordinator."""


class BadMessage(StoreError):
    """A message that is damaged, or has other columns than its kind."""

    def __init__(self, kind: str, problem: str) -> None:
        self.kind, self.problem = kind, problem
        super().__init__(f"a message of {kind}: {problem}; use one version of genocloud at all sites, run this again")


@dataclass(frozen=True, slots=True)
class Message:
    """A packed table of one kind, with so many rows."""

    kind: str
    rows: int
    data: bytes

    def __repr__(self) -> str:
        """Short, for error texts that show tasks."""
        return f"Message({self.kind!r}, rows={self.rows}, bytes={len(self.data)})"


def pack(kind: str, table: pa.Table) -> Message:
    """Pack a table with exactly the columns of its kind; raises BadMessage otherwise."""
    declared = _plain(KINDS[kind].columns)
    if (table.column_names, table.schema.types) != (declared.names, declared.types):
        raise BadMessage(kind, f"has the columns {table.schema.names}, not {declared.names}")
    plain = table.cast(declared).combine_chunks()
    return Message(kind, table.num_rows, packed(plain))


def unpack(message: Message, kind: str) -> pa.Table:
    """The table of a message of this kind, with the columns' descriptions. Raises BadMessage."""
    declared = KINDS[kind].columns
    if message.kind != kind:
        raise BadMessage(message.kind, f"came in the place of {kind}")
    try:
        table = unpacked(message.data, _plain(declared))
    except (pa.ArrowException, lzma.LZMAError, OSError, ValueError, LookupError, EOFError) as error:
        raise BadMessage(kind, f"is damaged ({error})") from error
    return table.cast(declared).combine_chunks()


def _plain(declared: pa.Schema) -> pa.Schema:
    """Names and types of the columns, without their descriptions."""
    return pa.schema([pa.field(field.name, field.type) for field in declared])
