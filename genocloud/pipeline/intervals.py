"""Genomic intervals in GATK's forms: text, BED, Picard's interval_list, GATK's list; by path or URL."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genocloud import storage
from genocloud.errors import GenocloudError, InputError, SettingError
from genocloud.regions import Contig, Region, joined, parse_region

if TYPE_CHECKING:
    from genocloud.pipeline.reference import Reference
    from genocloud.pipeline.sharding import Targets

BED, PICARD = ".bed", ".interval_list"
KINDS = (BED, PICARD, ".list", ".intervals")


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """GATK's -L, -XL and force-output intervals: texts or files as `read_intervals` takes them; none for everywhere.

    `padding` in bases. Sites inside `force_output`, or all with `non_variant`, are emitted whatever the evidence; so
    are the alleles of `alleles`, a VCF by path or URL, empty for none.
    `excluded`, padded by `exclusion_padding`, is subtracted from `included`.
    """

    included: tuple[str, ...] = ()
    padding: int = 0
    force_output: tuple[str, ...] = ()
    non_variant: bool = False
    excluded: tuple[str, ...] = ()
    exclusion_padding: int = 0
    alleles: str = ""

    def __post_init__(self) -> None:
        """Refuse what GATK refuses."""
        if self.force_output and self.non_variant:
            raise SettingError("force-output-intervals and include-non-variant-sites: each says all; give one of them")

    def targets(self, contigs: Sequence[Contig], reference: "Reference | None" = None) -> "Targets":
        """The regions to emit, and what to force; REF of alleles is compared with a `reference`. Raises InputError."""
        # with pyarrow, which a check of headers need not load
        from genocloud.pipeline.forced_alleles import read_forced_alleles
        from genocloud.pipeline.sharding import Targets

        force_output = everywhere(contigs) if self.non_variant else read_intervals(self.force_output, contigs)
        alleles = read_forced_alleles(self.alleles, contigs, reference) if self.alleles else None
        return Targets.of(self.inside(contigs), force_output, alleles)

    def inside(self, contigs: Sequence[Contig]) -> tuple[Region, ...] | None:
        """The regions outside of which nothing is emitted, None for everywhere. Raises InputError."""
        inside = read_intervals(self.included, contigs, self.padding) if self.included else None
        if self.excluded:
            excluded = read_intervals(self.excluded, contigs, self.exclusion_padding)
            inside = without(everywhere(contigs) if inside is None else inside, excluded)
            if not inside:
                raise InputError(f"{', '.join(self.excluded)}: nothing is left when these are excluded; exclude less")
        return None if inside is None else tuple(joined(inside))


def intervals_of(settings: Mapping[str, Any]) -> Intervals:
    """The intervals that a config describes."""
    return Intervals(
        included=tuple(settings["intervals"]),
        padding=settings["interval_padding"],
        force_output=tuple(settings["force_output_intervals"]),
        non_variant=settings["include_non_variant_sites"],
        excluded=tuple(settings["exclude_intervals"]),
        exclusion_padding=settings["interval_exclusion_padding"],
        alleles=settings["alleles"],
    )


def everywhere(contigs: Sequence[Contig]) -> list[Region]:
    """All bases of all contigs."""
    return [Region(number, 0, contig.length) for number, contig in enumerate(contigs) if contig.length]


def without(regions: Sequence[Region], excluded: Sequence[Region]) -> list[Region]:
    """Subtract regions from others; the rest in genome order."""
    left = []
    holes = joined(excluded)
    for region in joined(regions):
        start = region.start
        for hole in holes:
            if hole.contig == region.contig and hole.end > start and hole.start < region.end:
                if start < hole.start:
                    left.append(Region(region.contig, start, hole.start))
                start = hole.end
        if start < region.end:
            left.append(Region(region.contig, start, region.end))
    return left


class BadInterval(InputError):
    """A line of an interval file that is no interval."""

    def __init__(self, url: str, line: int, problem: str, remedy: str) -> None:
        self.url, self.line, self.problem, self.remedy = url, line, problem, remedy
        super().__init__(f"{url}, line {line}: {problem}; {remedy}")


def read_intervals(texts: Sequence[str], contigs: Sequence[Contig], padding: int = 0) -> list[Region]:
    """The regions that texts (`chr1`, `chr1:1-2000`) or interval files name, padded at both ends.

    A file's format follows from its name, compressed or not: BED (0-based, half-open), interval_list (Picard's,
    1-based, with a header), list or intervals (GATK's: a text a line). Raises InputError where one cannot be read, lies
    outside its contig, or where there is none.
    """
    regions = [region for text in texts for region in _regions(text, contigs)]
    if texts and not regions:
        raise InputError(f"{', '.join(texts)}: no intervals there; give some, or leave the option out")
    return [_padded(region, contigs[region.contig].length, padding) for region in regions]


def _padded(region: Region, length: int, padding: int) -> Region:
    return Region(region.contig, max(0, region.start - padding), min(length, region.end + padding))


def _regions(text: str, contigs: Sequence[Contig]) -> Iterator[Region]:
    kind = _kind(text)
    if kind is None:
        yield parse_region(_to_the_end(text, contigs), contigs)
        return
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip() or line.startswith(("#", "@")) or (kind == BED and line.startswith(("track", "browser"))):
            continue
        try:
            yield parse_region(_text_of(line, kind, contigs), contigs)
        except GenocloudError as error:
            raise BadInterval(text, number, *_parted(str(error))) from error
        except ValueError as error:
            raise BadInterval(text, number, f"{line!r} is no interval", _FORMS[kind]) from error


_FORMS = {
    BED: "write contig, start (0-based), end, with tabs between",
    PICARD: "write contig, start (1-based), end, strand, name, with tabs between",
}


def _parted(message: str) -> tuple[str, str]:
    problem, _, remedy = message.rpartition("; ")
    return problem, remedy


def _kind(text: str) -> str | None:
    name = text.removesuffix(".gz")
    return next((kind for kind in KINDS if name.endswith(kind)), None)


def _lines(url: str) -> list[str]:
    with storage.open_file(url) as stream:
        data = stream.read()
    try:
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode().splitlines()
    except (UnicodeDecodeError, OSError, EOFError) as error:
        raise InputError(f"{url}: no text ({error}); give intervals as BED, interval_list or list") from error


def _text_of(line: str, kind: str, contigs: Sequence[Contig]) -> str:
    """A line of a file as the text of a region. Raises ValueError."""
    if kind not in _FORMS:
        return _to_the_end(line.strip(), contigs)
    contig, start, end = line.split("\t")[:3] if "\t" in line else line.split()[:3]
    return f"{contig}:{int(start) + (kind == BED)}-{int(end)}"


def _to_the_end(text: str, contigs: Sequence[Contig]) -> str:
    """`chr1:1000+`, GATK's form for the rest of a contig, with its end filled in."""
    name, _, start = text.rpartition(":")
    length = next((contig.length for contig in contigs if contig.name == name), None)
    return text if length is None or not start.endswith("+") else f"{name}:{start[:-1]}-{length}"
