"""A shard's variants as PLINK 2 has them: bi-allelic, two bits a genotype, in an Arrow stream beside the output."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset.call_rows import Span
from genocloud.callset.layout import NOT_JSON
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.callset.reading import Callset
from genocloud.callset.shard_cells import ShardCells
from genocloud.callset.vcf_export import part_key, parts_url
from genocloud.callset.vcf_text import site_texts
from genocloud.genotype_text import NO_CALL, allele_numbers_of
from genocloud.kernels import hard_calls
from genocloud.kernels.cell_runs import runs_of_cells
from genocloud.regions import Region, region_text
from genocloud.storage import ObjectMissing, Store, open_store

SPANNING = "*"
"""The allele of a deletion that began earlier: that deletion has a variant of its own, and `*` has none."""

_CELLS, _MOST_SITES = 1 << 26, 1 << 12
"""Genotypes that are laid out at once, a quarter of a byte for each, and most sites."""

_COLUMNS = "contig", "pos", "ref", "alts", "qual", "filter"


@dataclass(frozen=True, kw_only=True)
class HaploidMen:
    """Who has one copy of which regions: a heterozygous genotype there is none."""

    men: frozenset[str] = frozenset()
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VariantCounts:
    """Sites that a part is of, their ALTs, and of these `*`."""

    sites: int = 0
    alts: int = 0
    spanning: int = 0

    def __add__(self, more: "VariantCounts") -> "VariantCounts":
        return VariantCounts(**{name: value + getattr(more, name) for name, value in asdict(self).items()})

    @property
    def variants(self) -> int:
        """The ALTs that are variants."""
        return self.alts - self.spanning


@dataclass(frozen=True, kw_only=True)
class PgenPart:
    """The variants of a shard in a stream of the columns `variant`, a line of .pvar, and `genotypes`, packed."""

    name: str
    key: str
    counts: VariantCounts = field(default_factory=VariantCounts)

    @classmethod
    def find(cls, store: Store, name: str, key: str) -> "PgenPart | None":
        """A complete part written earlier with the same `key`; None if it must be written."""
        try:
            with store.open(name) as stream:
                values = json.loads(pa.ipc.open_stream(stream).schema.metadata[b"part"])
            part = cls(name=name, key=values["key"], counts=VariantCounts(**values["counts"]))
        except (ObjectMissing, pa.ArrowInvalid, *NOT_JSON):
            return None
        return part if part.key == key else None

    def write(self, store: Store, samples: int, batches: Iterable[Sequence[pa.Array]]) -> None:
        """Write it whole."""
        metadata = {"part": json.dumps({"key": self.key, "counts": asdict(self.counts)})}
        genotypes = pa.binary(-(-samples // 4))
        declared = pa.schema([("variant", pa.string()), ("genotypes", genotypes)], metadata)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with store.writer(self.name) as sink, pa.ipc.new_stream(sink, declared, options=options) as out:
            for lines, data in batches:
                rows = pa.FixedSizeBinaryArray.from_buffers(genotypes, len(lines), [None, data])
                out.write_batch(pa.record_batch([lines, rows], declared))

    def batches(self, store: Store) -> Iterator[tuple[pa.Array, npt.NDArray[np.uint8]]]:
        """Lines, and packed genotypes (variants, bytes)."""
        with store.open(self.name) as stream:
            for batch in pa.ipc.open_stream(stream):
                rows = batch["genotypes"]
                data = np.frombuffer(rows.buffers()[1], np.uint8)
                yield batch["variant"], data.reshape(-1, rows.type.byte_width)[rows.offset :][: len(rows)]


class _Variants(NamedTuple):
    """The variants of some sites: (variants,) the place of each one's site, and the number of its ALT."""

    sites: npt.NDArray[np.int32]
    alts: npt.NDArray[np.int32]

    @classmethod
    def of(cls, alts: pa.ListArray) -> "_Variants":
        """All ALTs but `*`."""
        counts = schema.numbers(pc.list_value_length(alts))
        sites = np.repeat(np.arange(len(alts), dtype=np.int32), counts)
        numbers = np.arange(1, len(sites) + 1, dtype=np.int32) - (np.cumsum(counts) - counts).astype(np.int32)[sites]
        stay = schema.numbers(pc.not_equal(alts.flatten(), SPANNING))
        return cls(sites[stay], numbers[stay])

    def between(self, start: int, stop: int) -> "_Variants":
        """Those of a span of the sites, which is numbered from its first."""
        first, end = np.searchsorted(self.sites, [start, stop])
        return _Variants(self.sites[first:end] - np.int32(start), self.alts[first:end])


def pgen_shard(callset: Callset, url: str, regions: Sequence[Region] | None, haploid: HaploidMen) -> PgenPart:
    """Write a one-shard callset's variants as a part beside `url`, or reuse what a killed run has left there.

    Raises DamagedFile where a table is not as it was written.
    """
    (shard,) = callset.shards
    inside = None if regions is None else shard.extent.met_by(regions)
    men = [sorted(haploid.men & set(callset.samples)), [region_text(each, callset.contigs) for each in haploid.regions]]
    store, key = open_store(parts_url(url)), part_key(callset, shard, inside, ".pgen", men)
    if (existing := PgenPart.find(store, shard.name, key)) is not None:
        return existing
    sites = callset.sites(inside, columns=_COLUMNS).combine_chunks()
    alts = sites["alts"].combine_chunks()
    variants = _Variants.of(alts)
    alleles = len(alts.flatten())
    counts = VariantCounts(sites=len(alts), alts=alleles, spanning=alleles - len(variants.sites))
    part = PgenPart(name=shard.name, key=key, counts=counts)
    part.write(store, len(callset.samples), _batches(callset, inside, haploid, sites, variants))
    return part


def _batches(
    callset: Callset, inside: Sequence[Region] | None, haploid: HaploidMen, sites: schema.Sites, variants: _Variants
) -> Iterator[tuple[pa.Array, pa.Buffer]]:
    cells, together, row = callset.cells(callset.shards[0]), _sites_together(callset), 0
    for first, end in _spans(callset, cells, inside):
        for start in range(first, end, together):
            span = start, min(start + together, end)
            size = span[1] - span[0]
            table, own = sites.slice(row, size), variants.between(row, row + size)
            row += size
            if len(own.sites):
                one_copy = _inside(table, callset, haploid.regions)
                packed = _packed(callset, cells, span, own, (one_copy, haploid.men))
                yield _lines(table, own), pa.py_buffer(packed)


def _spans(callset: Callset, cells: ShardCells, inside: Sequence[Region] | None) -> list[Span]:
    if inside is None:
        return [cells.whole]
    return [cells.span(callset.contigs[place.contig].name, place) for place in inside]


def _sites_together(callset: Callset) -> int:
    """Sites of a batch: a power of 2, as the windows of the files are, so that each window is decoded once."""
    most = max((_CELLS >> 3 if callset.revision else _CELLS) // len(callset.samples), 1)
    return min(1 << most.bit_length() - 1, _MOST_SITES)


def _inside(sites: schema.Sites, callset: Callset, regions: Sequence[Region]) -> npt.NDArray[np.bool_]:
    """(sites,) whether each stands in some regions."""
    out, starts = np.zeros(len(sites), np.bool_), schema.numbers(sites["pos"]) - 1
    for region in regions:
        on_contig = schema.numbers(pc.equal(sites["contig"].cast(pa.string()), callset.contigs[region.contig].name))
        out |= on_contig & (starts >= region.start) & (starts < region.end)
    return out


def _lines(sites: schema.Sites, variants: _Variants) -> pa.Array:
    """Lines of .pvar: CHROM to FILTER; IDs are CHROM:POS:REF:ALT."""
    rows = sites.take(pa.array(variants.sites))
    firsts = np.cumsum(np.append(0, schema.numbers(pc.list_value_length(sites["alts"]))))
    alt = sites["alts"].combine_chunks().flatten().take(pa.array(firsts[variants.sites] + variants.alts - 1))
    parts = [rows["contig"].cast(pa.string()), rows["pos"].cast(pa.string()), rows["ref"], alt]
    ids = pc.binary_join_element_wise(*parts, ":")
    alts = pa.ListArray.from_arrays(pa.array(np.arange(len(alt) + 1, dtype=np.int32)), alt)
    rows = rows.drop_columns(["alts"]).append_column("alts", alts).append_column("id", ids)
    return pc.utf8_slice_codeunits(site_texts(rows), 0, -len("\t."))  # without INFO


def _packed(
    callset: Callset, cells: ShardCells, span: Span, variants: _Variants,
    haploid: tuple[npt.NDArray[np.bool_], frozenset[str]],
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """Genotypes of all samples at a span of sites: (variants, bytes)."""
    place = {sample: number for number, sample in enumerate(callset.samples)}
    out = np.zeros((len(variants.sites), -(-len(place) // 4)), np.uint8)
    firsts = np.searchsorted(variants.sites, np.arange(span[1] - span[0] + 1)).astype(np.int32)
    most, (one_copy, men) = int(variants.alts.max()), haploid
    for genotypes in _genotypes(callset, cells, span):
        words, codes = _codes(genotypes.distinct["GT"].combine_chunks(), most)
        columns = np.array([place[sample] for sample in genotypes.samples], np.int32)
        are_men = np.array([sample in men for sample in genotypes.samples], np.bool_)
        hard_calls.put_hard_calls(genotypes.runs, words, codes, columns, are_men, one_copy, firsts, variants.alts, out)
    return out


def _genotypes(callset: Callset, cells: ShardCells, span: Span) -> Iterator[SparseGenotypes]:
    """GT of all samples, batch by batch; of a revision's together, as it makes them."""
    if callset.revision:
        matrix, _ = callset.revised(cells, span, ["GT"])
        runs, nothing = runs_of_cells(np.ascontiguousarray(matrix.numbers)), np.zeros(0, np.int32)
        yield SparseGenotypes(matrix.samples, matrix.distinct, runs, nothing)
        return
    for batch, members in callset.description.batches.items():
        if members:
            yield cells.read(batch, span, ["GT"])


def _codes(genotypes: pa.DictionaryArray, most: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """The word of each genotype, and each word's codes at ALTs up to `most`; see hard_calls.put_hard_calls."""
    words = genotypes.dictionary.to_pylist()
    codes = np.zeros((len(words), most + 1), np.int8)
    for row, word in zip(codes, words, strict=True):
        alleles = allele_numbers_of(word)
        if NO_CALL in alleles or len(alleles) > 2:
            row[1:] = hard_calls.NO_CALL
        for allele in alleles if row[-1] == 0 else ():
            if 0 < allele <= most:
                row[allele] += 2 // len(alleles)
        row[0] = not row[1:].any()
    return np.ascontiguousarray(schema.numbers(genotypes.indices), np.int32), codes


def as_counts(values: npt.NDArray[np.uint8], samples: int) -> npt.NDArray[np.int8]:
    """Packed genotypes (variants, bytes) as copies of ALT, -9 for none: (variants, samples)."""
    return np.ascontiguousarray(_UNPACKED[values].view(np.int8).reshape(len(values), -1)[:, :samples])


_COPIES: Mapping[int, int] = {
    hard_calls.HOM_REF: 0,
    hard_calls.HET: 1,
    hard_calls.HOM_ALT: 2,
    hard_calls.NO_CALL: -9,
}
_UNPACKED: npt.NDArray[Any] = (
    np.array([[_COPIES[byte >> shift & 3] for shift in (0, 2, 4, 6)] for byte in range(256)], np.int8)
    .view(np.int32)
    .ravel()
)
"""The four genotypes of each byte."""
