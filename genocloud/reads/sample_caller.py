"""Call one sample: check the reads, scatter tiles over processes, join the parts into one gVCF or none."""

import errno
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pysam

from genocloud import storage
from genocloud.children import open_children
from genocloud.errors import StoreError
from genocloud.reads.blocks import NO_DATA, Block
from genocloud.reads.gvcf_text import block_line, header
from genocloud.reads.ploidy import Sex, SexContigs, copies
from genocloud.reads.preflight import read_name, reference_contigs
from genocloud.reads.tiles import CalledTile, ReadsSource, Tile, call_tile
from genocloud.regions import Contig

TILE_BP = 2_000_000
"""Bases called in one go: long enough that loading the contig's whole reference, as mpileup does at each start (0.5 s
for chr1), is little beside 2 Mb at 30x; short enough that its text on disk, about 20 bytes a base, is little too."""

TILES_PER_PROCESS = 50
"""mpileup never was meant to be called twice in a process: what it may leak goes with the process."""

TBI_BP = 2**29
"""A tabix index ends here; longer contigs need CSI."""

EVERYBODY = SexContigs()

UNWRITABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR}
)
"""What the system says of an output that cannot be; the inputs have been opened by then."""


class Unwritable(StoreError):
    """A gVCF that cannot be put where it was asked for."""

    def __init__(self, out: Path, problem: str) -> None:
        self.out, self.problem = out, problem
        super().__init__(f"{out}: cannot be written ({problem}); give a file name in a folder with room to write")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounts:
    """What a gVCF holds and what became of the evidence: evidence == recorded + below_floor + under_deletion.

    Evidence is counted in mpileup's lines that show an ALT: bases and indels of one position apart, though one record
    may hold both. `spanned` are records with `*`.
    """

    sample: str
    bases: int
    bases_without_data: int
    blocks: int
    records: int
    snps: int
    indels: int
    spanned: int
    evidence: int
    recorded: int
    below_floor: int
    under_deletion: int


def call(
    reads_url: str,
    reference: str,
    out_gvcf: Path,
    sample: str,
    sex: Sex = "unknown",
    *,
    sex_contigs: SexContigs = EVERYBODY,
    workers: int = 1,
    tile_bp: int = TILE_BP,
    progress: Callable[[int], None] | None = None,
) -> CallCounts:
    """Write the gVCF of one sample's short reads (indexed BAM or CRAM), BGZF-compressed, and its index beside it.

    The file appears under its name whole, the index a moment before it. Every base of the reference is in a record,
    under a deletion or in a block, save on contigs of which the person has no copy. `sample` is the read groups' SM.
    `progress` is told the bases of each finished tile. Neither `workers` nor `tile_bp` changes the output, except that
    where more than 255 reads cover a base htslib draws 255 of them, always the same ones for one `tile_bp`.

    Raises UnreadableFile, UnknownContig, MixedContigs, WrongSample or Unwritable.
    """
    contigs = reference_contigs(reference)
    source = ReadsSource(reads_url, reference, read_name(reads_url, reference, contigs, sample))
    tiles = [tile for contig in contigs for tile in _tiles(contig, sex, sex_contigs, tile_bp)]
    with _scratch(out_gvcf) as scratch:
        whole = scratch / "whole.g.vcf.gz"
        writer = _Writer(whole, reference)
        writer.text(header(contigs, sample))
        for part in _parts(source, tiles, scratch, workers):
            writer.part(part)
            if progress:
                progress(part.tile.end - part.tile.start)
        writer.close()
        _publish(whole, out_gvcf, csi=max(contig.length for contig in contigs) > TBI_BP)
    return _call_counts(sample, tiles, writer.counts)


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """A folder beside the output for the time of the work; raises Unwritable for what goes wrong in writing there."""
    try:
        if out.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise Unwritable(out, error.strerror or str(error)) from error


def _tiles(contig: Contig, sex: Sex, special: SexContigs, tile_bp: int) -> Iterator[Tile]:
    for stretch in copies(contig, sex, special):
        for start in range(stretch.start, stretch.end, tile_bp):
            yield Tile(contig, start, min(start + tile_bp, stretch.end), stretch.ploidy)


def _parts(source: ReadsSource, tiles: Sequence[Tile], scratch: Path, workers: int) -> Iterator[CalledTile]:
    """The called tiles in order; in other processes even with one worker, as mpileup takes over standard error."""
    jobs = [(source, tile, scratch / f"{number}.txt") for number, tile in enumerate(tiles)]
    early: dict[int, CalledTile] = {}
    due = 0
    with (
        open_children(workers, "spawn", TILES_PER_PROCESS) as children,
        closing(children.run(call_tile, jobs)) as parts,
    ):
        for number, part in parts:
            early[number] = part
            while due in early:
                yield early.pop(due)
                due += 1


class _Writer:
    """Writes parts in order, joining blocks that go on across the edge of two tiles."""

    def __init__(self, path: Path, reference: str) -> None:
        self.counts: Counter[str] = Counter()
        self._out = pysam.BGZFile(str(path), "wb")
        self._reference = pysam.FastaFile(reference)
        self._pending: tuple[str, Block] | None = None

    def text(self, text: str) -> None:
        self._out.write(text.encode())

    def part(self, part: CalledTile) -> None:
        contig = part.tile.contig.name
        self._block(contig, part.first)
        lines = part.lines.read_bytes()
        if lines:
            self._flush()
            self._out.write(lines)
        self._block(contig, part.last)
        self.counts.update(part.counts)
        part.lines.unlink()

    def close(self) -> None:
        self._flush()
        self._out.close()
        self._reference.close()

    def _block(self, contig: str, block: Block | None) -> None:
        if block is None:
            return
        if self._pending and self._pending[0] == contig and self._pending[1].continues(block):
            block = self._pending[1].joined(block)
        else:
            self._flush()
        self._pending = contig, block

    def _flush(self) -> None:
        if self._pending is None:
            return
        contig, block = self._pending
        self._pending = None
        base = self._reference.fetch(contig, block.start, block.start + 1)
        self.text(block_line(block, contig, base))
        self.counts.update(blocks=1, bases_without_data=(block.end - block.start) * (block.band == NO_DATA))


def _publish(whole: Path, out: Path, csi: bool) -> None:
    """Index the finished file and move both to their names, the index first: the gVCF's arrival is the commit."""
    pysam.tabix_index(str(whole), preset="vcf", force=True, csi=csi)
    suffix = ".csi" if csi else ".tbi"
    _put(Path(f"{whole}{suffix}"), Path(f"{out}{suffix}"))
    _put(whole, out)


def _put(file: Path, out: Path) -> None:
    """Give a file its name. A link's target is replaced, a device written to: as the store of local files does."""
    if out.is_symlink() or (out.exists() and not out.is_file()):
        with file.open("rb") as source, storage.open_store(str(out.parent)).writer(out.name) as sink:
            shutil.copyfileobj(source, sink)
    else:
        file.replace(out)


def _call_counts(sample: str, tiles: Iterable[Tile], counts: Counter[str]) -> CallCounts:
    return CallCounts(
        sample=sample,
        bases=sum(tile.end - tile.start for tile in tiles),
        bases_without_data=counts["bases_without_data"],
        blocks=counts["blocks"],
        records=counts["records"],
        snps=counts["snps"],
        indels=counts["indels"],
        spanned=counts["spanned"],
        evidence=counts["recorded"] + counts["below_floor"] + counts["under_deletion"],
        recorded=counts["recorded"],
        below_floor=counts["below_floor"],
        under_deletion=counts["under_deletion"],
    )
