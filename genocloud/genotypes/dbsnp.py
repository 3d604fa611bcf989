"""ID and DB of sites from known variants, such as dbSNP's, matched by allele."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from genocloud import schema

Event = tuple[int, str, str]
"""A minimal biallelic change: position (1-based), REF, ALT."""


def with_names(sites: schema.Sites, known: Iterable[tuple[int, str, str, Sequence[str]]]) -> schema.Sites:
    """Add the IDs of known records to SITES of one contig, and DB where there are any.

    known   records that begin where some sites begin, in their file's order: (pos, ID, REF, ALTs)

    A record matches a site if they share a change. Several IDs are in the file's order, separated by `;`.
    Source: VariantOverlapAnnotator.getRsID (GATK 4.6.2.0).
    """
    here = defaultdict(list)
    for pos, name, ref, alts in known:
        here[pos].append((name, set(_events(pos, ref, alts))))
    rows = zip(*(sites[column].to_pylist() for column in ("pos", "id", "ref", "alts")), strict=True)
    names = [(own, _named(_events(pos, ref, alts), here.get(pos, ()))) for pos, own, ref, alts in rows]
    ids = [_joined(own, known_ids) for own, known_ids in names]
    table = schema.with_column(sites, "id", pa.array(ids, schema.STRING))
    return schema.with_column(
        table, "DB", pa.array([True if known_ids else None for _, known_ids in names], schema.BOOL)
    )


def _named(events: Iterator[Event], records: Sequence[tuple[str, set[Event]]]) -> list[str]:
    """The IDs of the records that share a change."""
    own = set(events) if records else set()
    return [name for name, changes in records if changes & own]


def _joined(own: str | None, known_ids: list[str]) -> str | None:
    """An ID with the known ones appended, unless it has them; `.` is no ID."""
    more = ";".join(known_ids)
    if own and (not known_ids or more in own):
        return own
    whole = ";".join(filter(None, [own, more]))
    return None if whole in ("", ".") else whole


def _events(pos: int, ref: str, alts: Sequence[str]) -> Iterator[Event]:
    """The changes of a record: each ALT alone, trimmed on both sides where there are several, then at the end.

    Source: GATKVariantContextUtils.splitVariantContextToEvents, Event.makeMinimalRepresentation.
    """
    for alt in alts:
        place, short_ref, short_alt = _cut(pos, ref, alt) if len(alts) > 1 else (pos, ref, alt)
        yield place, *_without_suffix(short_ref, short_alt, least=0)


def _without_suffix(ref: str, alt: str, least: int) -> tuple[str, str]:
    """Trim the common suffix, leaving at least `least` bases; a single base stays as it is."""
    if min(len(ref), len(alt)) == 1:
        return ref, alt
    while min(len(ref), len(alt)) > least and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return ref, alt


def _cut(pos: int, ref: str, alt: str) -> Event:
    """Trim the common suffix, then the common prefix; each allele keeps one base."""
    if min(len(ref), len(alt)) == 1 or alt.startswith("<"):
        return pos, ref, alt
    ref, alt = _without_suffix(ref, alt, least=1)
    shared = 0
    while shared < min(len(ref), len(alt)) - 1 and ref[shared] == alt[shared]:
        shared += 1
    return pos + shared, ref[shared:], alt[shared:]
