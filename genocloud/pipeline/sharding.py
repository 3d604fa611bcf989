"""Cut a cohort's genome into shards: windows of the genome, limited to targets."""

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import Any

from genocloud.cohort import Batch, Cohort, Layout, variants_along
from genocloud.errors import SettingError
from genocloud.pipeline.forced_alleles import ForcedAlleles
from genocloud.regions import Extent, Part, Region, joined, region_text
from genocloud.schema import numbers

Window = tuple[str, int]
"""A part's name, and the number of a window in it."""
Base = tuple[int, int]
"""A contig's number, and a place on it."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A region of the genome, of a long contig or of many short ones, whose name sorts in genome order.

    `region` is on the axis of its part (regions.Axis), as are all tables between reading rows and writing records, and
    `extent` says where that is. `discovered_shard`: the shard that was discovered, where this is a piece of it;
    `need`: bytes that a task of it takes, where they were estimated (memory_model). `targets`: which sites of it are
    emitted.
    """

    name: str
    region: Region
    extent: Extent
    discovered_shard: "Shard | None" = None
    need: int = field(default=0, compare=False)
    targets: "Targets" = field(default_factory=lambda: Targets())


@dataclass(frozen=True)
class Targets:
    """Where sites are emitted, and where whatever the evidence; both sorted in genome order, without overlaps.

    Of a shard these are on its axis.
    `inside` is None for everywhere; sites outside only decide which `*` alleles stay. `alleles`: ALTs that are emitted
    whatever the evidence, None for none.
    """

    inside: tuple[Region, ...] | None = None
    force_output: tuple[Region, ...] = ()
    alleles: ForcedAlleles | None = None

    @classmethod
    def of(
        cls, inside: Sequence[Region] | None, force_output: Sequence[Region], alleles: ForcedAlleles | None = None
    ) -> "Targets":
        """From regions in any order, overlapping or not."""
        return cls(None if inside is None else tuple(joined(inside)), tuple(joined(force_output)), alleles)

    def along(self, layout: Layout) -> "Targets":
        """The same on the axes of the layout's parts."""
        inside, force_output = (
            None if each is None else [layout.axis(region.contig).on(region) for region in each]
            for each in (self.inside, self.force_output)
        )
        return Targets.of(inside, force_output or (), self.alleles and self.alleles.along(layout))

    def clip(self, region: Region) -> "Targets":
        """The targets inside a region."""
        inside = None if self.inside is None else tuple(_intersection(self.inside, region))
        return Targets(
            None if inside == (region,) else inside,
            tuple(_intersection(self.force_output, region)),
            self.alleles and self.alleles.clip(region),
        )

    @property
    def alleles_inside(self) -> int:
        """How many of the alleles are emitted."""
        if self.alleles is None or self.inside is None:
            return len(self.alleles or ())
        return sum(len(self.alleles.clip(region) or ()) for region in self.inside)

    def as_json(self) -> str:
        """As text for `from_json`."""
        lists = (
            None if each is None else [astuple(region) for region in each] for each in (self.inside, self.force_output)
        )
        return json.dumps([*lists, *([self.alleles.rows()] if self.alleles else [])])

    @classmethod
    def from_json(cls, text: str | bytes) -> "Targets":
        """From the text of `as_json`."""
        inside, force_output, *alleles = json.loads(text)
        return cls(
            None if inside is None else tuple(Region(*each) for each in inside),
            tuple(Region(*each) for each in force_output),
            ForcedAlleles.of(alleles[0]) if alleles else None,
        )

    @property
    def tag(self) -> str:
        """A suffix for names: empty for EVERYTHING, else a hash."""
        if self == EVERYTHING:
            return ""
        content = f"Asked(inside={self.inside!r}, forced={self.force_output!r})"  # as names in stores have it
        content += f" {self.alleles.digest}" if self.alleles else ""
        return "." + hashlib.sha256(content.encode()).hexdigest()[:8]


EVERYTHING = Targets()


@dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """The shards of a run, and the shards upstream of them that only decide which of their `*` alleles stay.

    `scope` names all that is genotyped, by this run or by others; `whole`: all of it by this run, which then
    commits the callset. `alleles`: the alleles that are forced, anywhere in the genome.
    """

    scope: str
    whole: bool
    owned: tuple[Shard, ...]
    upstream: tuple[Shard, ...] = ()
    alleles: ForcedAlleles | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What a callset's manifest says of the plan, beside the model."""
        force_output = any(shard.targets.force_output for shard in self.owned)
        return {"force_output_intervals": force_output, "alleles": self.alleles.digest if self.alleles else ""}

    @property
    def all_shards(self) -> list[Shard]:
        """All of them in genome order."""
        return sorted(self.owned + self.upstream, key=lambda shard: shard.region)


@dataclass(frozen=True, kw_only=True)
class GenomeRows:
    """Which windows of the genome have rows, in one cohort or over several locations: the input of `cut_windows`.

    `variants` and `blocks`: windows, as part and number in it, that have such rows; `reach` gives, for some bases,
    where the chain of overlapping variant rows begins that reaches over each, or the base itself. `rows`: how many
    rows of both kinds the windows have; None where locations do not share that.
    """

    layout: Layout
    variants: Collection[Window]
    blocks: Collection[Window]
    reach: Callable[[Sequence[Base]], list[int]]
    rows: Mapping[Window, int] | None = None


def cut_genome(cohort: Cohort, part: str | None = None, targets: Targets = EVERYTHING) -> ShardPlan:
    """The shards of a cohort's targets, see `cut_windows`."""
    variants, blocks = rows_by_window(cohort, "variants"), rows_by_window(cohort, "blocks")
    genome = GenomeRows(
        layout=cohort.layout, variants=variants, blocks=blocks, reach=partial(reaches, cohort), rows=variants + blocks
    )
    return cut_windows(genome, part, targets)


def cut_windows(genome: GenomeRows, part: str | None = None, targets: Targets = EVERYTHING) -> ShardPlan:
    """The shards of the targets, or of one part of the genome; windows that can have no site get none.

    The sites of a region are exactly those of a whole-genome run: which `*` stays depends on the deletions emitted
    upstream, whose own `*` depend on those further up, until a base that no record spans. Raises SettingError for a
    part that the reference does not have.
    """
    layout, scope, alleles = genome.layout, _scope(genome.layout, targets), targets.alleles
    targets = targets.along(layout)
    chosen = [item for item in layout.parts() if part in (None, item.name)]
    if not chosen:
        raise SettingError(f"no part {part!r}; the reference has {', '.join(item.name for item in layout.parts())}")
    windows = [region for item in chosen for region in _regions_with_rows(genome, item, targets)]
    if targets.inside is None:
        owned = [_shard(layout, region, targets) for region in windows]
        return ShardPlan(scope=scope, whole=part is None, owned=tuple(owned), alleles=alleles)
    owned, upstream = _cut_stretches(genome, windows, targets)
    return ShardPlan(scope=scope, whole=part is None, owned=tuple(owned), upstream=tuple(upstream), alleles=alleles)


def _scope(layout: Layout, targets: Targets) -> str:
    text = (
        "genome" if targets.inside is None else " ".join(region_text(each, layout.contigs) for each in targets.inside)
    )
    text += "".join(f" !{region_text(each, layout.contigs)}" for each in targets.force_output)
    return text + (f" alleles {targets.alleles.digest}" if targets.alleles else "")


FEW_ROWS = 1 << 14
"""Windows of whole contigs share a shard up to this many rows: 0.3 core-seconds of work, where any shard costs 0.05."""


def _regions_with_rows(genome: GenomeRows, part: Part, targets: Targets) -> Iterator[Region]:
    """The windows of a part that can have sites; neighbouring windows of whole contigs are joined up to FEW_ROWS.

    Which are joined does not depend on the intervals, so that cached tables have the same names.
    """
    for numbers_of in _window_groups(genome, part, targets):
        regions = [
            genome.layout.stretches(part)[number]
            for number in numbers_of
            if (part.name, number) in genome.variants
            or (here := targets.clip(genome.layout.stretches(part)[number])).alleles
            or (here.force_output and (part.name, number) in genome.blocks)
        ]
        if regions:
            yield Region(regions[0].contig, regions[0].start, regions[-1].end)


def _window_groups(genome: GenomeRows, part: Part, targets: Targets) -> Iterator[list[int]]:
    """The part's window numbers, grouped by shard.

    A force-output window has a site at every base, however few its rows are.
    """
    run: list[int] = []
    rows = 0
    for number, (window, region) in enumerate(
        zip(genome.layout.windows(part), genome.layout.stretches(part), strict=True)
    ):
        more = (genome.rows or {}).get((part.name, number), 0)
        joins = genome.rows is not None and _is_whole(genome.layout, window) and not targets.clip(region).force_output
        if run and not (joins and rows + more <= FEW_ROWS):
            yield run
            run, rows = [], 0
        run.append(number)
        rows = rows + more if joins else FEW_ROWS
    if run:
        yield run


def _is_whole(layout: Layout, window: Sequence[Region]) -> bool:
    """Whether a window has all bases of its contigs."""
    return window[0].start == 0 and window[-1].end == layout.contigs[window[-1].contig].length


def rows_by_window(cohort: Cohort, kind: str) -> Counter[Window]:
    """Rows of a kind by window, as part and number in it; windows without rows, as most of decoys, are left out."""
    rows: Counter[Window] = Counter()
    for batch in cohort.batches:
        for part in cohort.receipt(batch).parts:
            if part.kind == kind:
                rows.update({(part.name, number): count for number, count in enumerate(part.rows) if count})
    return rows


def target_regions(cut: ShardPlan, layout: Layout) -> list[Region]:
    """The regions of contigs whose sites a run emits."""
    targets = ((shard.region,) if shard.targets.inside is None else shard.targets.inside for shard in cut.owned)
    extents = (layout.axis(region.contig).extent(region) for regions in targets for region in regions)
    return [region for extent in extents for region in extent.regions(layout.contigs)]


def _cut_stretches(genome: GenomeRows, windows: Sequence[Region], targets: Targets) -> tuple[list[Shard], list[Shard]]:
    """A shard for each window with targets, from the first target base to the last; and the shards upstream, as far as
    deletions may reach into these."""
    met = [(window.contig, _intersection(targets.inside or (), window)) for window in windows]
    regions = [Region(contig, inside[0].start, inside[-1].end) for contig, inside in met if inside]
    before = zip([Region(-1, 0, 0), *regions], regions, strict=False)
    floors = [last.end if last.contig == region.contig else 0 for last, region in before]
    reached = genome.reach([(region.contig, region.start) for region in regions])
    upstream = [
        _shard(
            genome.layout,
            Region(region.contig, start, region.start),
            Targets(None, targets.force_output, targets.alleles),
        )
        for region, floor, reach in zip(regions, floors, reached, strict=True)
        if (start := max(reach, floor)) < region.start
    ]
    return [_shard(genome.layout, region, targets) for region in regions], upstream


def _intersection(regions: Sequence[Region], region: Region) -> list[Region]:
    """The intersection of sorted regions without overlaps with another region."""
    first = bisect_right(regions, (region.contig, region.start), key=lambda each: (each.contig, each.end))
    common = []
    for each in regions[first:]:
        if (each.contig, each.start) >= (region.contig, region.end):
            break
        common.append(Region(region.contig, max(each.start, region.start), min(each.end, region.end)))
    return common


def _shard(layout: Layout, region: Region, targets: Targets) -> Shard:
    """A shard named after its part, region and targets: names are unique and sort in genome order."""
    here = targets.clip(region)
    return Shard(
        name=_name(layout, region) + here.tag,
        region=region,
        extent=layout.axis(region.contig).extent(region),
        targets=here,
    )


def piece_of(layout: Layout, shard: Shard, region: Region) -> Shard:
    """The piece of a shard that holds the sites of a region."""
    if region == shard.region:
        return shard
    extent = layout.axis(region.contig).extent(region)
    return Shard(
        name=_name(layout, region) + shard.targets.tag,
        region=region,
        extent=extent,
        discovered_shard=shard,
        targets=shard.targets,
    )


def written_pieces(layout: Layout, shard: Shard, names: Sequence[str]) -> list[Shard]:
    """The pieces in which an earlier run wrote a shard, that together have all of it, or none.

    names  of written shards, sorted; where pieces of several cuts begin at a place, the longest counts
    """
    start, end, pieces = shard.region.start, shard.region.end, list[Shard]()
    prefix = _prefix(layout, shard.region.contig)
    while start < end:
        first = bisect_left(names, f"{prefix}{start:010d}-")
        beginning = names[first : bisect_right(names, f"{prefix}{start:010d}.", lo=first)]
        stops = (name[len(prefix) + 11 :][:10] for name in reversed(beginning))  # the longest piece first
        regions = (Region(shard.region.contig, start, int(stop)) for stop in stops if stop.isdecimal())
        chosen = (piece_of(layout, shard, region) for region in regions if start < region.end <= end)
        piece = next((each for each in chosen if each.name in beginning), None)
        if piece is None:
            return []
        pieces.append(piece)
        start = piece.region.end
    return pieces


def _name(layout: Layout, region: Region) -> str:
    return f"{_prefix(layout, region.contig)}{region.start:010d}-{region.end:010d}"


def _prefix(layout: Layout, contig: int) -> str:
    return f"{layout.part_of(contig).name}.{contig:05d}."


def reaches(cohort: Cohort, bases: Sequence[Base]) -> list[int]:
    """The start of the chain of overlapping variant rows that reaches over each base; the base itself without one."""
    return [_reach(cohort, *base) for base in bases]


def _reach(cohort: Cohort, contig: int, start: int) -> int:
    while True:
        base = Region(contig, start, start + 1)
        starts = [row_start for batch in cohort.batches for row_start in _variant_starts(cohort, batch, base)]
        if min(starts, default=start) >= start:
            return start
        start = min(starts)


def _variant_starts(cohort: Cohort, batch: Batch, base: Region) -> list[int]:
    starts: list[int] = numbers(variants_along(cohort, batch, base)["start"]).tolist()
    return starts
