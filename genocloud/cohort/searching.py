"""Whether an object holds a name or a fingerprint: as bytes, as text in JSON, as values in Parquet."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genocloud.cohort.verifying import pieces
from genocloud.objects import Store

LONG_BYTES = 8
"""Compressed bytes hold a name of so many by chance once in 10^19; a shorter one is sought in what they decode to."""

WITHIN = rb"[A-Za-z0-9_.-]"
"""What names go on with: maria-1 is not in maria-10."""

ALLELES = ("ref", "alts")
"""Columns of bases: initials such as CAT stand there too."""


def search(store: Store, name: str, needles: Sequence[str]) -> list[str]:
    """Which of some names and fingerprints an object holds, whole; raises DamagedObject where it has gone."""
    found = _in_bytes(pieces(store, name), [each for each in needles if len(each.encode()) >= LONG_BYTES])
    try:
        if name.endswith(".json"):
            return sorted(found | (set(needles) & set(_texts(json.loads(store.read(name))))))
        if name.endswith(".parquet"):
            return sorted(found | _in_parquet(store, name, set(needles)))
    except (ValueError, OSError, pa.ArrowException):
        pass  # it is not what its name says: whatever it is, its bytes are searched
    return sorted(_in_bytes(pieces(store, name), needles))


def _in_bytes(texts: Iterable[bytes], needles: Sequence[str]) -> set[str]:
    """Needles in bytes that come in pieces of any length, bounded by something that is not within a name."""
    if not needles:
        return set()
    words = sorted((needle.encode() for needle in needles), key=len, reverse=True)
    pattern = re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (WITHIN, b"|".join(map(re.escape, words)), WITHIN))
    found, text, first = set(), b"", True
    for piece in texts:
        text += piece
        ends = (match for match in pattern.finditer(text) if match.end() < len(text) and (first or match.start()))
        found |= {match[0] for match in ends}
        # what stands at the end is looked at again when it is known what comes next, together with the byte before
        rest = text[-len(words[0]) - 1 :]
        text, first = rest, first and len(rest) == len(text)
    found |= {match[0] for match in pattern.finditer(text) if match.end() == len(text)}
    return {each.decode() for each in found}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _in_parquet(store: Store, name: str, needles: set[str]) -> set[str]:
    """Needles among the words of an object's text columns, alleles aside, or in what it says of itself."""
    with store.open(name) as stream:
        file = pq.ParquetFile(stream)
        said = file.metadata.metadata or {}
        found = needles & {each.decode("utf-8", "replace") for pair in said.items() for each in pair}
        columns = [field.name for field in file.schema_arrow if _is_text(field.type) and field.name not in ALLELES]
        for group in range(file.num_row_groups if columns else 0):
            for column in file.read_row_group(group, columns).columns:
                found |= needles & set(_words(column))
    return found


def _words(column: pa.ChunkedArray) -> list[str]:
    words = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    words = pc.list_flatten(words) if pa.types.is_list(words.type) else words
    found: list[str] = pc.unique(words).to_pylist()
    return found


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_list(kind) or pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner))
