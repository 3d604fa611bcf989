"""The exported BCF: htslib reads of it just what it reads of the VCF."""

from pathlib import Path
from random import Random

import cyvcf2
import numpy as np
import pyarrow as pa
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import annotations, callset, schema, storage
from genocloud.callset import formats, vcf_text
from genocloud.callset.bcf_records import records_of, shaped
from genocloud.callset.vcf_header import dictionary
from genocloud.kernels import bcf_encoding
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make
from tests.support.examples import examples

BATCHES = {"b0": ("ann", "cat"), "b1": ("bob",)}
EDGES = (-32761, -32760, -121, -120, -1, 0, 126, 127, 128, 32_767, 32_768, 2**31 - 1)
"""Integers at the ends of what each type holds."""


def build(url: str, positions: list[int], contigs: tuple[Contig, ...] = make.CONTIGS, seed: int = 1) -> callset.Callset:
    """A random callset with sites at some positions of the first two contigs."""
    store, entries = storage.open_store(url), []
    for contig in (0, 1):
        sites, genotypes = make.tables(Random(seed + contig), contigs[contig].name, positions, [*BATCHES.values()], 0.2)
        shard = make.Shard(f"{contig:03d}-00000", Region(contig, 0, contigs[contig].length))
        entries.append(callset.write_shard(store, shard, "key", sites, dict(zip(BATCHES, genotypes, strict=True))))
    return callset.commit(store, make.description(BATCHES, contigs), entries)


def both(built: callset.Callset, folder: Path, regions: list[Region] | None = None) -> tuple[str, str]:
    """The callset as VCF and as BCF."""
    names = str(folder / "calls.vcf.gz"), str(folder / "calls.bcf")
    for name in names:
        callset.write_vcf(built, name, 2, regions)
    return names


def records(path: str) -> list[str]:
    with pysam.VariantFile(path) as file:
        return [str(record) for record in file]


@pytest.mark.parametrize("seed", range(4))
def test_htslib_reads_the_same_records_as_of_the_vcf(tmp_path: Path, seed: int) -> None:
    vcf, binary = both(build(str(tmp_path / "callset"), list(range(3, 9_000, 217)), seed=seed), tmp_path)
    assert records(vcf) == records(binary)
    with pysam.VariantFile(vcf) as one, pysam.VariantFile(binary) as other:
        assert str(one.header) == str(other.header)
        assert (one.format, other.format) == ("VCF", "BCF")


def test_elements_under_a_missing_list_are_not_reported() -> None:
    """Arrow may keep the elements of a list that was made null."""
    sites, _ = make.tables(Random(5), "chr1", range(20), [], 0.0)
    lists = [
        column.name for column in annotations.SITE_COLUMNS if column.name != "alts" and pa.types.is_list(column.type)
    ]
    hidden, plain = sites, sites
    for name in lists:
        place, column = sites.schema.get_field_index(name), sites[name].combine_chunks()
        gone = pa.array(np.arange(20) % 3 == 1)
        under = pa.ListArray.from_arrays(column.offsets, column.values, mask=gone)
        assert len(under.values) == len(column.values)
        hidden = hidden.set_column(place, sites.schema.field(place), under)
        plain = plain.set_column(place, sites.schema.field(place), pa.array(under.to_pylist(), column.type))
    for name in ("x.vcf.gz", "x.bcf"):
        written = [formats.form_of(name).encoders().sites(table, make.CONTIGS) for table in (hidden[3:], plain[3:])]
        assert written[0].equals(written[1])
    for one, other in zip(schema.ragged(hidden["AC"]), schema.ragged(plain["AC"]), strict=True):
        assert np.array_equal(one, other)


def test_cyvcf2_reads_the_same_arrays_as_of_the_vcf(tmp_path: Path) -> None:
    vcf, binary = both(build(str(tmp_path / "callset"), [5, 17, 30_000]), tmp_path)
    for one, other in zip(cyvcf2.VCF(vcf), cyvcf2.VCF(binary), strict=True):
        assert np.array_equal(one.genotype.array(), other.genotype.array())
        for key in {*one.FORMAT} & {"AD", "DP", "GQ", "PL", "PS"}:
            assert np.array_equal(one.format(key), other.format(key))


def test_the_index_finds_just_the_records_of_a_region(tmp_path: Path) -> None:
    built = build(str(tmp_path / "callset"), sorted({*range(10, 40_000, 397), 16_384, 16_385, 32_768}))
    vcf, binary = both(built, tmp_path)
    assert (tmp_path / "calls.bcf.csi").exists()
    random = Random(1)
    with pysam.VariantFile(vcf) as one, pysam.VariantFile(binary) as other:
        for _ in range(100):
            start = random.randrange(41_000)
            place = random.choice(("chr1", "chr2")), start, start + random.choice((1, 50, 20_000))
            assert list(map(str, other.fetch(*place))) == list(map(str, one.fetch(*place)))


def test_contigs_without_a_record_are_known_to_the_index(tmp_path: Path) -> None:
    _, binary = both(build(str(tmp_path / "callset"), [7]), tmp_path)
    with pysam.VariantFile(binary) as file:
        assert list(file.fetch("HLA-A*01:01")) == []
        assert len(list(file.fetch("chr2"))) == 1


def test_a_region_gives_just_its_records_in_either_form(tmp_path: Path) -> None:
    built = build(str(tmp_path / "callset"), [5, 16, 17, 30_000, 30_001])
    whole = records(both(built, tmp_path)[0])
    (tmp_path / "part").mkdir()
    for path in both(built, tmp_path / "part", [Region(0, 15, 16), Region(0, 29_999, 40_000), Region(1, 0, 5)]):
        wanted = ["chr1\t16", "chr1\t30000", "chr1\t30001", "chr2\t5"]
        assert records(path) == [record for record in whole if "\t".join(record.split("\t")[:2]) in wanted]
    left = sorted(path.name for path in (tmp_path / "part").iterdir())
    assert left == ["calls.bcf", "calls.bcf.csi", "calls.vcf.gz", "calls.vcf.gz.csi"]


def test_an_empty_callset_is_a_valid_bcf(tmp_path: Path) -> None:
    store = storage.open_store(str(tmp_path / "callset"))
    built = callset.commit(store, make.description(BATCHES), [])
    assert records(both(built, tmp_path)[1]) == []


@given(
    st.lists(st.lists(st.sampled_from(EDGES), max_size=3), min_size=3, max_size=3),
    st.lists(st.none() | st.sampled_from(EDGES), min_size=3, max_size=3),
)
@examples(60)
def test_integers_take_the_smallest_type_that_holds_them(lists: list[list[int]], depths: list[int | None]) -> None:
    """Of three samples' AD and DP at one site, as htslib's own writer types them."""
    rows = [
        {"contig": "chr1", "pos": 5, "sample": "x", "GT": "0/1", "AD": ad or None, "DP": dp}
        for ad, dp in zip(lists, depths, strict=True)
    ]
    decoded = typed(make.as_table(rows, schema.GENOTYPES))
    longest = max(map(len, lists))
    wanted = {"GT": (2, bcf_encoding.INT8)}
    if longest:
        wanted["AD"] = (longest, type_of([value for ad in lists for value in ad]))
    if depths != [None] * 3:
        wanted["DP"] = (1, type_of([value for value in depths if value is not None]))
    assert decoded == wanted


def type_of(values: list[int]) -> int:
    lowest, highest = min(values), max(values)
    if lowest >= -120 and highest <= 127:
        return bcf_encoding.INT8
    return bcf_encoding.INT16 if lowest >= -32760 and highest <= 32_767 else bcf_encoding.INT32


def typed(genotypes: pa.Table) -> dict[str, tuple[int, int]]:
    """How many values of which type the FORMAT fields of one record have."""
    cells = np.arange(genotypes.num_rows, dtype=np.int32).reshape(1, -1)
    data = records_of(pa.array([bytes(32)], pa.binary()), shaped(vcf_text.lay_out([genotypes])), cells).data.tobytes()
    keys, sizes = {number: key for key, number in dictionary().items()}, {1: 1, 2: 2, 3: 4, 7: 1}
    at, decoded = 32, {}
    while at < len(data):
        key, count, kind = data[at + 1], data[at + 2] >> 4, data[at + 2] & 15
        decoded[keys[key]] = (count, kind)
        at += 3 + genotypes.num_rows * count * sizes[kind]
    return decoded


@pytest.mark.parametrize("seed", range(3))
def test_a_record_does_not_depend_on_the_one_before(seed: int) -> None:
    """Values of samples that stay in a row are copied from the site before; alone each site's are written."""
    _, genotypes = make.tables(Random(seed), "chr1", range(6), [("ann", "bob", "cat")])
    laid_out, numbers = shaped(vcf_text.lay_out(genotypes)), np.random.default_rng(seed)
    cells = numbers.integers(0, 18, (40, 3), np.int32)
    for site in range(1, len(cells)):
        stays = numbers.random(3) < 0.6
        cells[site, stays] = cells[site - 1, stays]
    sites = pa.array([bytes([site] * 32) for site in range(len(cells))], pa.binary())
    alone = [records_of(sites[n : n + 1], laid_out, cells[n : n + 1]).data.tobytes() for n in range(len(cells))]
    assert records_of(sites, laid_out, cells).data.tobytes() == b"".join(alone)


def test_interpreted_kernels_write_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sites, genotypes = make.tables(Random(5), "chr1", range(4), [("ann", "bob")])
    form, cells = formats.form_of("x.bcf").encoders(), np.arange(8, dtype=np.int32).reshape(4, 2)

    def written() -> bytes:
        texts = form.sites(sites, make.CONTIGS)
        return form.records(texts, shaped(vcf_text.lay_out(genotypes)), cells).data.tobytes()

    compiled = written()
    for name, kernel in vars(bcf_encoding).copy().items():
        if hasattr(kernel, "py_func"):
            monkeypatch.setattr(bcf_encoding, name, kernel.py_func)
    assert written() == compiled
