"""Search an object for names and fingerprints: in its bytes, in JSON text, in Parquet values."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genocloud import json_digest, sealing
from genocloud.cohort.batch import DamagedObject
from genocloud.cohort.verifying import pieces
from genocloud.errors import scarcity
from genocloud.storage import Store, join

LONG_BYTES = 8
"""Compressed bytes contain a name of this length by chance once in 10^19; shorter ones are searched in decoded data."""

WITHIN = rb"[A-Za-z0-9_.-]"
"""Characters of names: maria-1 is not a match in maria-10."""

ALLELES = ("ref", "alts")
"""Columns of bases, which are not searched: a name such as CAT occurs there by chance."""

SEALED = re.compile(r"manifest/\d{8}\.json|batches/[^/]+/receipt\.json|callsets/[^/]+\.json")
"""Names of JSON that genocloud writes with a digest; a `sha256` in users' own JSON may mean something else."""


def search(store: Store, name: str, needles: Sequence[str]) -> list[str]:
    """Which of some names and fingerprints occur in an object, as whole words.

    Raises DamagedObject where it is missing, or where it is a damaged object of genocloud's, which cannot be searched.
    """
    matches = _in_bytes(pieces(store, name), [each for each in needles if len(each.encode()) >= LONG_BYTES])
    if name.endswith(".parquet") and _is_parquet(store, name):
        return sorted(matches | _in_parquet(store, name, set(needles)))
    if name.endswith(".json"):
        with suppress(ValueError):
            return sorted(matches | (set(needles) & set(_texts(_json(store, name)))))
    # not the type that its name says: search its bytes
    return sorted(_in_bytes(pieces(store, name), needles))


def _is_parquet(store: Store, name: str) -> bool:
    """Whether an object is Parquet, possibly damaged or truncated."""
    size, length = store.size(name), len(sealing.MAGIC)
    return sealing.MAGIC in (store.read(name, 0, length), store.read(name, max(size - length, 0), size))


def _json(store: Store, name: str) -> Any:
    """Decode a JSON object; raises ValueError where it is none, DamagedObject where its digest differs."""
    data = store.read(name)
    try:
        return json_digest.open_json(data)
    except json_digest.BadDigest as error:
        if SEALED.fullmatch(name):
            raise DamagedObject(join(store.url, name), str(error)) from error
    except ValueError:
        pass
    return json.loads(data)


def _in_bytes(texts: Iterable[bytes], needles: Sequence[str]) -> set[str]:
    """Needles in bytes that come in pieces of any length, delimited by characters that are not WITHIN names."""
    if not needles:
        return set()
    words = sorted((needle.encode() for needle in needles), key=len, reverse=True)
    pattern = re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (WITHIN, b"|".join(map(re.escape, words)), WITHIN))
    matches, text, first = set(), b"", True
    for piece in texts:
        text += piece
        ends = (match for match in pattern.finditer(text) if match.end() < len(text) and (first or match.start()))
        matches |= {match[0] for match in ends}
        # the end is searched again with the next piece, together with the byte before it
        rest = text[-len(words[0]) - 1 :]
        text, first = rest, first and len(rest) == len(text)
    matches |= {match[0] for match in pattern.finditer(text) if match.end() == len(text)}
    return {each.decode() for each in matches}


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
    """Needles among the values of a Parquet object's text columns, except alleles, and in its metadata."""
    try:
        with store.open(name) as stream:
            return needles & set(_words_of(sealing.reader(stream)))
    except (ValueError, OSError, LookupError, pa.ArrowException, MemoryError) as error:
        raise scarcity(error) or DamagedObject(join(store.url, name), str(error)) from error


def _words_of(file: sealing.ParquetFile) -> Iterator[str]:
    said = file.metadata.metadata or {}
    yield from (each.decode("utf-8", "replace") for pair in said.items() for each in pair)
    columns = [field.name for field in file.schema_arrow if _is_text(field.type) and field.name not in ALLELES]
    for group in range(file.num_row_groups if columns else 0):
        for column in file.read_row_group(group, columns, use_threads=False).columns:
            yield from _words(column)


def _words(column: pa.ChunkedArray) -> list[str]:
    words = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    words = pc.list_flatten(words) if pa.types.is_list(words.type) else words
    texts: list[str] = pc.unique(words).to_pylist()
    return texts


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_list(kind) or pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner))
