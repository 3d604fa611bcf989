"""Read IDs of known variants from an indexed VCF such as dbSNP."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genocloud.errors import UnreadableFile
from genocloud.gvcf.index import find_index
from genocloud.gvcf.text_source import Stretch, check_line, open_text
from genocloud.storage import open_file


class Known(NamedTuple):
    """A known variant: `pos` is 1-based, alleles in upper case; `id` is `.` where it has none."""

    pos: int
    id: str
    ref: str
    alts: tuple[str, ...]


def known_contigs(url: str) -> tuple[str, ...]:
    """The contigs in the index of a VCF of known variants.

    Raises UnreadableFile where the VCF or its index is missing, BadIndex where the index belongs to another file.
    """
    with open_text(url) as pieces:
        next(pieces, None)
    with open_file(url) as stream:
        index = find_index(url, stream)
    if index is None:
        plain = "" if url.endswith(".gz") else f"bgzip {url}, then "
        made = f"make it: {plain}tabix -p vcf {url}{'.gz' if plain else ''}"
        raise UnreadableFile(f"{url}.tbi", "known variants are read by their index", made)
    return index.names


def read_known(url: str, contig: str, positions: Sequence[int]) -> list[Known]:
    """The records of a contig that start at `positions` (1-based, ascending), in file order.

    Filtered records are left out, as in GATK. Raises UnreadableFile or BadIndex.
    """
    if not positions:
        return []
    wanted = {b"%d" % position for position in positions}
    stretch = Stretch(contig, positions[0] - 1, positions[-1])
    return [
        _known(line) for line in records_within(url, stretch) if line.split(b"\t", 2)[1] in wanted and _is_good(line)
    ]


def _is_good(line: bytes) -> bool:
    return line.split(b"\t", 7)[6] in (b".", b"PASS")


def _known(line: bytes) -> Known:
    pos, name, ref, alts = line.decode().split("\t", 5)[1:5]
    return Known(int(pos), name, ref.upper(), tuple(alts.upper().split(",")))


def records_within(url: str, stretch: Stretch) -> Iterator[bytes]:
    """Lines of an indexed VCF's records that start in a region, in file order. Raises UnreadableFile or BadIndex."""
    rest, contig = b"", stretch.contig.encode()
    with open_text(url, stretch) as pieces:
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            check_line(url, rest, f"in {stretch.contig}")
            for line in lines:
                if line.startswith(b"#") or not line:
                    continue
                name, pos, _ = line.split(b"\t", 2)
                if name == contig and int(pos) > stretch.end:
                    return
                if name == contig and int(pos) > stretch.start:
                    yield line
    if rest and not rest.startswith(b"#") and rest.split(b"\t", 1)[0] == contig:
        yield rest
