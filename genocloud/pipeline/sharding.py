"""How a cohort's genome is cut into shards, and the keys that its derived tables are named by."""

import hashlib
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from genocloud import sealing, storage
from genocloud.cohort import Batch, Cohort, Layout, variants_along
from genocloud.errors import SettingError, StoreError, scarcity
from genocloud.regions import Extent, Part, Region, joined, region_text
from genocloud.schema import VERSION, numbers

Window = tuple[str, int]
"""A part's name, and the number of a window in it."""
Base = tuple[int, int]
"""A contig's number, and a place on it."""


@dataclass(frozen=True)
class Shard:
    """A stretch of the genome with a name that sorts in genome order: of a long contig, or of many short ones.

    `region` is on the axis of its part (regions.Axis), as are all tables between reading rows and writing records, and
    `extent` says where that is. `window`: the shard that was discovered, where this is a piece of it; `need`: bytes
    that a task of it takes, where that was worked out (steps.needs). `asked`: what of it is put out.
    """

    name: str
    region: Region
    extent: Extent
    window: "Shard | None" = None
    need: int = field(default=0, compare=False)
    asked: "Targets" = field(default_factory=lambda: Targets())


@dataclass(frozen=True)
class Targets:
    """Where sites are put out, and where whatever the evidence; both in genome order and apart from one another.

    Of a shard these are on its axis.
    `inside` is None for everywhere: other sites only decide about `*`.
    """

    inside: tuple[Region, ...] | None = None
    forced: tuple[Region, ...] = ()

    @classmethod
    def of(cls, inside: Sequence[Region] | None, forced: Sequence[Region]) -> "Targets":
        """From regions in any order, overlapping or not."""
        return cls(None if inside is None else tuple(joined(inside)), tuple(joined(forced)))

    def along(self, layout: Layout) -> "Targets":
        """The same on the axes of the layout's parts."""
        inside, forced = (
            None if each is None else [layout.axis(region.contig).on(region) for region in each]
            for each in (self.inside, self.forced)
        )
        return Targets.of(inside, forced or ())

    def within(self, region: Region) -> "Targets":
        """What is asked of a region."""
        inside = None if self.inside is None else tuple(_meeting(self.inside, region))
        return Targets(None if inside == (region,) else inside, tuple(_meeting(self.forced, region)))

    def as_json(self) -> str:
        """As text that `from_json` reads."""
        lists = (None if each is None else [astuple(region) for region in each] for each in (self.inside, self.forced))
        return json.dumps(list(lists))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Targets":
        """What `as_json` has written."""
        inside, forced = json.loads(text)
        return cls(
            None if inside is None else tuple(Region(*each) for each in inside), tuple(Region(*e) for e in forced)
        )

    @property
    def tag(self) -> str:
        """For names: nothing where everything is asked, else a hash."""
        return "" if self == Targets() else "." + hashlib.sha256(repr(self).encode()).hexdigest()[:8]


EVERYTHING = Targets()


@dataclass(frozen=True)
class ShardPlan:
    """The work of a run: shards that it genotypes, and shards upstream of them that only decide about their `*`.

    `scope` names what is genotyped in all, by this run or by others; `whole`: by this run, so that it ends the callset.
    """

    scope: str
    whole: bool
    owned: tuple[Shard, ...]
    upstream: tuple[Shard, ...] = ()

    @property
    def settled(self) -> list[Shard]:
        """All of them in genome order."""
        return sorted(self.owned + self.upstream, key=lambda shard: shard.region)


@dataclass(frozen=True)
class Known:
    """What cutting a genome takes to know of those whose it is: one cohort's, or that of several sites.

    `variants` and `blocks`: windows, as part and number in it, that have such rows; `reach` gives, for some bases,
    where the chain of overlapping variant rows begins that reaches over each, or the base itself. `rows`: how many
    rows of both kinds the windows have; None where sites keep that to themselves.
    """

    layout: Layout
    variants: Collection[Window]
    blocks: Collection[Window]
    reach: Callable[[Sequence[Base]], list[int]]
    rows: Mapping[Window, int] | None = None


def cut_genome(cohort: Cohort, part: str | None = None, asked: Targets = EVERYTHING) -> ShardPlan:
    """The shards of what is asked of a cohort's genome, see `cut_known`."""
    variants, blocks = rows_by_window(cohort, "variants"), rows_by_window(cohort, "blocks")
    known = Known(cohort.layout, variants, blocks, partial(reaches, cohort), variants + blocks)
    return cut_known(known, part, asked)


def cut_known(known: Known, part: str | None = None, asked: Targets = EVERYTHING) -> ShardPlan:
    """The shards of what is asked of the genome, or of one part of it; windows in which no site can be have none.

    What is put out of a stretch is exactly what the whole genome gives there: which `*` stays hangs on the deletions
    that are put out upstream, whose own `*` hangs on those further up, until a base that no record spans. Raises
    SettingError for a part that the reference does not have.
    """
    layout, scope = known.layout, _scope(known.layout, asked)
    asked = asked.along(layout)
    chosen = [item for item in layout.parts() if part in (None, item.name)]
    if not chosen:
        raise SettingError(f"no part {part!r}; the reference has {', '.join(item.name for item in layout.parts())}")
    windows = [region for item in chosen for region in _busy_stretches(known, item, asked)]
    if asked.inside is None:
        owned = [_shard(layout, region, asked) for region in windows]
        return ShardPlan(scope, part is None, tuple(owned))
    owned, upstream = _cut_stretches(known, windows, asked)
    return ShardPlan(scope, part is None, tuple(owned), tuple(upstream))


def _scope(layout: Layout, asked: Targets) -> str:
    told = "genome" if asked.inside is None else " ".join(region_text(each, layout.contigs) for each in asked.inside)
    return told + "".join(f" !{region_text(each, layout.contigs)}" for each in asked.forced)


FEW_ROWS = 1 << 14
"""Windows of whole contigs share a shard up to so many rows: about what is done in the 50 ms that any shard costs."""
"""Windows of whole contigs share a shard up to so many rows: 0.3 core-seconds of work, where any shard costs 0.05."""


def _busy_stretches(known: Known, part: Part, asked: Targets) -> Iterator[Region]:
    """The windows of a part in which sites can be; neighbours that hold whole contigs as one while they have few rows.

    Which neighbours these are does not depend on the intervals, so that all that is derived has the same names.
    """
    for numbers_of in _together(known, part, asked):
        regions = [
            known.layout.stretches(part)[number]
            for number in numbers_of
            if (part.name, number) in known.variants
            or ((part.name, number) in known.blocks and asked.within(known.layout.stretches(part)[number]).forced)
        ]
        if regions:
            yield Region(regions[0].contig, regions[0].start, regions[-1].end)


def _together(known: Known, part: Part, asked: Targets) -> Iterator[list[int]]:
    """The numbers of the part's windows, those that share a shard together.

    What is forced has as many sites as it has bases, however few the rows are.
    """
    run: list[int] = []
    rows = 0
    for number, (window, region) in enumerate(
        zip(known.layout.windows(part), known.layout.stretches(part), strict=True)
    ):
        more = (known.rows or {}).get((part.name, number), 0)
        joins = known.rows is not None and _is_whole(known.layout, window) and not asked.within(region).forced
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
    """Rows of a kind by window, as part and number in it; windows without rows, most of decoys' say, are left out."""
    rows: Counter[Window] = Counter()
    for batch in cohort.batches:
        for part in cohort.receipt(batch).parts:
            if part.kind == kind:
                rows.update({(part.name, number): count for number, count in enumerate(part.rows) if count})
    return rows


def wanted_of(cut: ShardPlan, layout: Layout) -> list[Region]:
    """The regions of contigs whose sites a run puts out."""
    asked = ((shard.region,) if shard.asked.inside is None else shard.asked.inside for shard in cut.owned)
    extents = (layout.axis(region.contig).extent(region) for regions in asked for region in regions)
    return [region for extent in extents for region in extent.regions(layout.contigs)]


def _cut_stretches(known: Known, windows: Sequence[Region], asked: Targets) -> tuple[list[Shard], list[Shard]]:
    """A shard for each window that has something inside, from the first such base to the last; and what lies upstream
    of it as far as deletions may reach into it."""
    met = [(window.contig, _meeting(asked.inside or (), window)) for window in windows]
    regions = [Region(contig, inside[0].start, inside[-1].end) for contig, inside in met if inside]
    before = zip([Region(-1, 0, 0), *regions], regions, strict=False)
    floors = [last.end if last.contig == region.contig else 0 for last, region in before]
    reached = known.reach([(region.contig, region.start) for region in regions])
    upstream = [
        _shard(known.layout, Region(region.contig, start, region.start), Targets(None, asked.forced))
        for region, floor, reach in zip(regions, floors, reached, strict=True)
        if (start := max(reach, floor)) < region.start
    ]
    return [_shard(known.layout, region, asked) for region in regions], upstream


def _meeting(regions: Sequence[Region], region: Region) -> list[Region]:
    """What sorted regions, apart from one another, have in common with another one."""
    first = bisect_right(regions, (region.contig, region.start), key=lambda each: (each.contig, each.end))
    met = []
    for each in regions[first:]:
        if (each.contig, each.start) >= (region.contig, region.end):
            break
        met.append(Region(region.contig, max(each.start, region.start), min(each.end, region.end)))
    return met


def _shard(layout: Layout, region: Region, asked: Targets) -> Shard:
    """Named after its part, its place and what is asked: names sort in genome order, and no two shards share one."""
    here = asked.within(region)
    return Shard(_name(layout, region) + here.tag, region, layout.axis(region.contig).extent(region), asked=here)


def piece_of(layout: Layout, shard: Shard, region: Region) -> Shard:
    """The piece of a shard that has the sites of a region in it."""
    if region == shard.region:
        return shard
    extent = layout.axis(region.contig).extent(region)
    return Shard(_name(layout, region) + shard.asked.tag, region, extent, shard, asked=shard.asked)


def _name(layout: Layout, region: Region) -> str:
    part = layout.part_of(region.contig)
    return f"{part.name}.{region.contig:05d}.{region.start:010d}-{region.end:010d}"


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
    return list(numbers(variants_along(cohort, batch, base)["start"]))


@cache
def _software() -> str:
    """This genocloud's version: importlib parses the package's metadata for it, and every key asks."""
    return version("genocloud")


def derived_key(cohort: Cohort, *settings: Any) -> str:
    """The name of what is derived from just these samples, in this order, with these settings, by this genocloud."""
    samples = [[batch.id, batch.ranks.tolist()] for batch in cohort.batches]
    content = [VERSION, _software(), cohort.layout.window_bp, samples, settings]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:20]


def batch_key(cohort: Cohort, batch: Batch, *settings: Any) -> str:
    """The name of what follows from one batch's samples in force, in their order, whatever the cohort has besides."""
    places = np.searchsorted(np.sort(batch.ranks[batch.ranks >= 0]), batch.ranks)
    members: list[Any] = [batch.id, np.where(batch.ranks >= 0, places, -1).tolist()]
    if (repeated := cohort.repeated(batch)).any():  # whose INFO does not count depends on who else is in force
        members.append(repeated.tolist())
    content = [VERSION, _software(), cohort.layout.window_bp, members, settings]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:20]


def derived_folders(cohort: Cohort) -> set[str]:
    """The folders under COHORT/derived that a version needs: its own, and those of its batches."""
    return {derived_key(cohort), *(batch_key(cohort, batch) for batch in cohort.batches)}


def cohort_inputs(cohort: Cohort) -> dict[str, str]:
    """What a receipt says of a cohort that a step read."""
    return {f"cohort, version {cohort.version}": f"content:{derived_key(cohort)}"}


@dataclass(frozen=True)
class Derived:
    """A folder of tables, one a shard, under COHORT/derived: rebuildable, written once, never edited."""

    url: str
    kind: str

    def counts(self, shard: Shard) -> dict[str, int] | None:
        """What was counted while the shard's table was made; None where it has not been made."""
        name = self._name(shard)
        if not storage.open_store(self.url).exists(name):
            return None
        with self._sound(name) as file:
            counts: dict[str, int] = json.loads(sealing.reader(file).schema_arrow.metadata[_COUNTS])
        return counts

    def names(self) -> set[str]:
        """The names of the shards that have a table."""
        names = storage.open_store(self.url).list(f"{self.kind}/")
        return {name.removeprefix(f"{self.kind}/").removesuffix(".parquet") for name in names}

    def asked(self, shard: Shard) -> Targets | None:
        """What was asked of a shard when its table was made; None where an earlier genocloud did not write that."""
        with self._sound(self._name(shard)) as file:
            text = sealing.reader(file).schema_arrow.metadata.get(_ASKED)
            return None if text is None else Targets.from_json(text)

    def read(self, shard: Shard, made_by: str) -> pa.Table:
        """The shard's table. Raises StoreError naming the step that makes it."""
        store = storage.open_store(self.url)
        if not store.exists(self._name(shard)):
            raise StoreError(
                f"{self.url}: no {self._name(shard)}; run `genocloud {made_by}` on this cohort first, "
                "with the same intervals and forced sites, or wider intervals"
            )
        return self._read(self._name(shard))

    def pieces(self, shard: Shard) -> dict[str, pa.Table]:
        """The shard's tables, where it may have several, by their labels. Raises StoreError."""
        prefix, suffix = f"{self.kind}/{shard.name}.", ".parquet"
        names = storage.open_store(self.url).list(prefix)
        return {name.removeprefix(prefix).removesuffix(suffix): self._read(name) for name in names}

    def _read(self, name: str) -> pa.Table:
        with self._sound(name) as file:
            return read_table(file)

    @contextmanager
    def _sound(self, name: str) -> Iterator[BinaryIO]:
        """A table's bytes, compared with their checksums as they are read; raises StoreError where it is damaged."""
        try:
            with storage.open_store(self.url).open(name) as file:
                yield checked(file, storage.join(self.url, name))
        except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, MemoryError) as error:
            if scarce := scarcity(error):
                raise scarce from error
            url = storage.join(self.url, name)
            raise StoreError(
                f"{url}: it is damaged ({error}); delete it, discover and genotype make it again"
            ) from error

    def write(self, shard: Shard, table: pa.Table, counts: dict[str, int]) -> None:
        """Write the shard's table with its counts, whole or not at all."""
        name = self._name(shard)
        told = {_COUNTS: json.dumps(counts), _PLACE: self._place(name)}
        if shard.asked != EVERYTHING:
            told[_ASKED] = shard.asked.as_json()
        table = table.replace_schema_metadata(told)
        with storage.open_store(self.url).writer(name) as file:
            sealing.write_sealed(table, file, compression="zstd")

    def write_piece(self, shard: Shard, label: str, table: pa.Table) -> None:
        """Write one of several tables of the shard, mostly lists of numbers, whole or not at all."""
        split = {f"{each.name}.list.element": "BYTE_STREAM_SPLIT" for each in table.schema if is_integers(each.type)}
        name = self._name(shard, f".{label}")
        table = table.replace_schema_metadata({_PLACE: self._place(name)})
        with storage.open_store(self.url).writer(name) as file:
            sealing.write_sealed(
                table, file, compression="zstd", compression_level=1, use_dictionary=False, column_encoding=split
            )

    def remove_piece(self, shard: Shard, label: str) -> None:
        """Remove one of several tables of the shard."""
        storage.open_store(self.url).delete(self._name(shard, f".{label}"))

    def _place(self, name: str) -> str:
        return place_of(storage.join(self.url, name))

    def _name(self, shard: Shard, label: str = "") -> str:
        return f"{self.kind}/{shard.name}{label}.parquet"


def is_integers(type_: pa.DataType) -> bool:
    """Whether values are lists of integers: split by bytes they are a third smaller, and quicker to read."""
    return bool(pa.types.is_list(type_) and pa.types.is_integer(type_.value_type))


_COUNTS, _PLACE, _ASKED = b"genocloud:counts", b"genocloud:place", b"genocloud:asked"


def place_of(url: str) -> str:
    """What a derived table says of where it belongs: its path below the cohort's folder of these."""
    return url.rpartition("/derived/")[2]


def checked(file: BinaryIO, url: str) -> BinaryIO:
    """A derived table's bytes, compared as they are read. Raises OSError for one that belongs elsewhere."""
    sound = sealing.check(file)
    place = (sealing.reader(sound).schema_arrow.metadata or {}).get(_PLACE)
    if place is not None and place.decode() != place_of(url):
        raise OSError(f"it is another table, {place.decode()}")
    sound.seek(0)
    return sound


def read_table(file: BinaryIO) -> pa.Table:
    """A derived table, its pages' checksums compared; Arrow's own threads, which may outlive main, are kept out."""
    return sealing.reader(file).read(use_threads=False)


def read_alleles(cohort: Cohort, shard: Shard) -> pa.Table:
    """ALLELES of a shard, or of a piece of one. Raises StoreError where it has not been discovered."""
    return alleles_in(derived(cohort, "alleles"), shard)


def alleles_in(tables: "Derived", shard: Shard) -> pa.Table:
    """As `read_alleles`, from wherever the tables are."""
    alleles = tables.read(shard.window or shard, made_by="discover")
    first, end = np.searchsorted(numbers(alleles["start"]), (shard.region.start, shard.region.end)).tolist()
    return alleles.slice(first, end - first)


def derived_of_batch(cohort: Cohort, batch: Batch, kind: str) -> Derived:
    """The folder of one kind of tables that follow from a batch alone."""
    return Derived(storage.join(cohort.url, f"derived/{batch_key(cohort, batch)}"), kind)


def derived(cohort: Cohort, kind: str, *settings: Any) -> Derived:
    """The folder of one kind of derived tables of a cohort; the first part of its name tells which versions need it."""
    folder = f"derived/{derived_key(cohort)}/{derived_key(cohort, *settings)}"
    return Derived(storage.join(cohort.url, folder), kind)
