"""Names for sites from known variants, such as dbSNP's: which of their alleles are the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from genocloud import schema

Event = tuple[int, str, str]
"""A biallelic change, as short as it can be: position (1-based), REF, ALT."""


def with_names(sites: pa.Table, known: Iterable[tuple[int, str, str, Sequence[str]]]) -> pa.Table:
    """SITES of one contig with the IDs of known records, and DB where there are any.

    known   records that begin where some sites begin, in their file's order: (pos, ID, REF, ALTs)

    A record names a site if one of its changes is one of the site's. Several names stand in the file's order, `;`
    between. Source: VariantOverlapAnnotator.getRsID (GATK 4.6.2.0).
    """
    here = defaultdict(list)
    for pos, name, ref, alts in known:
        here[pos].append((name, set(_events(pos, ref, alts))))
    rows = zip(*(sites[column].to_pylist() for column in ("pos", "id", "ref", "alts")), strict=True)
    names = [(own, _named(_events(pos, ref, alts), here.get(pos, ()))) for pos, own, ref, alts in rows]
    ids = [_joined(own, found) for own, found in names]
    table = schema.with_column(sites, "id", pa.array(ids, schema.STRING))
    return schema.with_column(table, "DB", pa.array([True if found else None for _, found in names], schema.BOOL))


def _named(events: Iterator[Event], records: Sequence[tuple[str, set[Event]]]) -> list[str]:
    """The IDs of the records that share a change."""
    own = set(events) if records else set()
    return [name for name, changes in records if changes & own]


def _joined(own: str | None, found: list[str]) -> str | None:
    """An ID and those found, unless it has them; `.` is no ID."""
    more = ";".join(found)
    if own and (not found or more in own):
        return own
    whole = ";".join(filter(None, [own, more]))
    return None if whole in ("", ".") else whole


def _events(pos: int, ref: str, alts: Sequence[str]) -> Iterator[Event]:
    """The changes of a record: each ALT alone, cut on both sides where there are several, then at the end.

    Source: GATKVariantContextUtils.splitVariantContextToEvents, Event.makeMinimalRepresentation.
    """
    for alt in alts:
        place, short_ref, short_alt = _cut(pos, ref, alt) if len(alts) > 1 else (pos, ref, alt)
        yield place, *_without_suffix(short_ref, short_alt, least=0)


def _without_suffix(ref: str, alt: str, least: int) -> tuple[str, str]:
    """Without the bases that both end with; a base alone stays as it is, others keep at least so many bases."""
    if min(len(ref), len(alt)) == 1:
        return ref, alt
    while min(len(ref), len(alt)) > least and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return ref, alt


def _cut(pos: int, ref: str, alt: str) -> Event:
    """Without the bases that both end with, then those that both begin with; each keeps one."""
    if min(len(ref), len(alt)) == 1 or alt.startswith("<"):
        return pos, ref, alt
    ref, alt = _without_suffix(ref, alt, least=1)
    shared = 0
    while shared < min(len(ref), len(alt)) - 1 and ref[shared] == alt[shared]:
        shared += 1
    return pos + shared, ref[shared:], alt[shared:]
