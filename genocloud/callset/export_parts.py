"""Parts of an exported callset: a shard's compressed records and index entries; concatenated without recompression."""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.callset import bgzf
from genocloud.callset.filter_tables import FilterLine
from genocloud.callset.format_fields import ALL_FIELDS, FormatFields
from genocloud.callset.formats import form_of, place_of
from genocloud.callset.layout import NOT_JSON
from genocloud.callset.manifest import Description
from genocloud.callset.vcf_index import ContigIndex, VcfIndex, index_depth
from genocloud.regions import Contig
from genocloud.storage import ObjectMissing, Store, open_store

if TYPE_CHECKING:
    from genocloud.callset.vcf_text import Lines

_END = struct.Struct("<Q8s")
"""Trailer of a part: the length of the compressed JSON before it, and a magic number."""

_SIGN = b"gcpart01"
_STREAMED_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Records, genotypes and uncompressed bytes that an export wrote; of which sites, and what it left out.

    sites   that were read
    taken   records that these make: as many, or one for each ALT
    Of these, not written: not_passing (FILTER), excluded (by the condition), below_min_ac, overlapping (`*` alone).
    """

    records: int = 0
    genotypes: int = 0
    text_bytes: int = 0
    sites: int = 0
    taken: int = 0
    not_passing: int = 0
    excluded: int = 0
    below_min_ac: int = 0
    overlapping: int = 0

    @property
    def left_out(self) -> dict[str, int]:
        """Records that were not written, by reason."""
        names = ("not_passing", "excluded", "below_min_ac", "overlapping")
        return {name: getattr(self, name) for name in names}

    def __add__(self, more: "Counts") -> "Counts":
        return Counts(**{each.name: getattr(self, each.name) + getattr(more, each.name) for each in fields(self)})


class Piece(NamedTuple):
    """Neighbouring sites as bytes of the file; `places` are virtual offsets from the first of them.

    contigs        (index of a contig's first site, its name), in order
    longest_block  bases of the longest reference block that may be among them; 0 without one
    """

    data: bytes
    contigs: Sequence[tuple[int, str]]
    begin: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    counts: Counts
    longest_block: int = 0


def piece_of_lines(
    contigs: Sequence[str], lines: "Lines", begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64], genotypes: int
) -> Piece:
    """Lines of VCF, compressed; of each its contig, and the first and last base + 1: (lines,)."""
    blocks = bgzf.compress(lines.data.data)
    counts = Counts(records=len(contigs), genotypes=genotypes, text_bytes=len(lines.data))
    firsts = [place for place, name in enumerate(contigs) if not place or name != contigs[place - 1]]
    names = [(first, contigs[first]) for first in firsts]
    return Piece(blocks.data, names, begin, end, bgzf.virtual(blocks, lines.starts), counts)


@dataclass(frozen=True, kw_only=True)
class ExportPart:
    """A written part: digest of its inputs (`key`), index entries, and `extra` JSON of whoever made it.

    The object holds `size` bytes of BGZF blocks, without a header or an end block, then this description.
    `longest_block`: bases of its longest reference block, 0 without one.
    """

    name: str
    key: str
    size: int
    counts: Counts
    index: Mapping[str, ContigIndex]
    extra: Mapping[str, Any]
    longest_block: int = 0

    def _encode(self) -> bytes:
        values = {each.name: getattr(self, each.name) for each in fields(self)} | {"counts": asdict(self.counts)}
        values["index"] = {contig: index.as_json() for contig, index in self.index.items()}
        data = zlib.compress(json.dumps(values).encode())
        return data + _END.pack(len(data), _SIGN)

    @classmethod
    def _decode(cls, data: bytes) -> "ExportPart":
        values = json.loads(zlib.decompress(data))
        made = {"counts": Counts(**values["counts"]), "index": _index_of(values["index"])}
        return cls(**(values | made))


def _index_of(values: Mapping[str, Any]) -> dict[str, ContigIndex]:
    return {contig: ContigIndex.from_json(index) for contig, index in values.items()}


def find_part(store: Store, name: str, key: str) -> ExportPart | None:
    """A complete part written earlier with the same `key`; None if it must be written."""
    try:
        size = store.size(name)
        length, sign = _END.unpack(store.read(name, max(size - _END.size, 0), size))
        part = ExportPart._decode(store.read(name, max(size - _END.size - length, 0), size - _END.size))
    except (ObjectMissing, struct.error, zlib.error, *NOT_JSON):
        return None
    whole = sign == _SIGN and part.size + length + _END.size == size
    return part if whole and part.key == key else None


def write_part(
    store: Store,
    name: str,
    key: str,
    contigs: Sequence[Contig],
    pieces: Iterable[Piece],
    *,
    extra: Mapping[str, Any],
) -> ExportPart:
    """Write a shard's records as a part, piece by piece; atomic."""
    depth, index, counts, written, longest = index_depth(contigs), dict[str, ContigIndex](), Counts(), 0, 0
    with store.writer(name) as sink:
        for piece in pieces:
            sink.write(piece.data)
            for contig, first, end in _by_contig(piece):
                places = piece.places[first : end + 1] + (written << 16)
                index.setdefault(contig, ContigIndex(depth)).add(piece.begin[first:end], piece.end[first:end], places)
            written += len(piece.data)
            counts += piece.counts
            longest = max(longest, piece.longest_block)
        part = ExportPart(
            name=name, key=key, size=written, counts=counts, index=index, extra=extra, longest_block=longest
        )
        sink.write(part._encode())
    return part


def _by_contig(piece: Piece) -> Iterator[tuple[str, int, int]]:
    """Each contig's name, its first site, and its end (exclusive); nothing of a piece without sites."""
    if not piece.contigs:
        return
    ends = [first for first, _ in piece.contigs[1:]] + [len(piece.begin)]
    yield from ((name, first, end) for (first, name), end in zip(piece.contigs, ends, strict=True))


def join_parts(
    parts_url: str,
    parts: Sequence[ExportPart],
    description: Description,
    url: str,
    fields: FormatFields = ALL_FIELDS,
    *,
    filters: Sequence[FilterLine] = (),
    header: bytes | None = None,
) -> Counts:
    """Concatenate parts, in genome order, into one file at `url`, and write its index beside it; return the totals.

    An old index is deleted first and the new one written last, so that an index never lies beside a file it does not
    belong to, and its presence means that the file is complete.
    `header`: in the place of the callset's. Raises what check_export_url raises.
    """
    store, name = place_of(url)
    longest = max((part.longest_block for part in parts), default=0)
    form, held = form_of(url).having(replace(fields, longest_block=longest), filters), open_store(parts_url)
    index = VcfIndex(description.contigs, bcf=form.index == "csi")
    for old in form.index_names(name):
        store.delete(old)
    with store.writer(name) as sink:
        header = form.encoders().header(description) if header is None else header
        head = bgzf.compress(header).data if form.bgzf else header
        sink.write(head)
        written = len(head)
        for part in parts:
            for data in _streamed(held, part):
                sink.write(data)
            for contig, share in part.index.items():
                index.follow(contig, share, written)
            written += part.size
        sink.write(bgzf.END if form.bgzf else b"")
    if form.index != "none":
        store.write(f"{name}{index.suffix}", index.encode())
    return sum((part.counts for part in parts), Counts())


def _streamed(store: Store, part: ExportPart) -> Iterator[bytes]:
    left = part.size
    with store.open(part.name) as stream:
        while left and (data := stream.read(min(left, _STREAMED_BYTES))):
            yield data
            left -= len(data)
    if left:
        raise ObjectMissing(f"{store.url}/{part.name}", "has been cut short", "run this again")
