"""Rows of a region are those of the whole file that reach into it, whatever the index; and little else is read."""

import os
import random
import shutil
from functools import cache
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pysam
import pysam.bcftools
import pytest

from genocloud import gvcf, schema, storage
from genocloud.errors import UnreadableFile
from genocloud.regions import Contig, Region

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared"))
INDEXED = [*sorted(SHARED.glob("data/dialects/*/*.tbi")), *sorted(SHARED.glob("data/1kg_chr22/HG0018*.tbi"))]
TABLES = {"variants": schema.VARIANTS, "blocks": schema.BLOCKS}


def tables(rows):
    rows = list(rows)
    for each in rows:
        assert each.read == each.variants.num_rows + each.blocks.num_rows + sum(each.dropped.values())
    return {
        name: pa.Table.from_batches([getattr(each, name) for each in rows], table) for name, table in TABLES.items()
    }


@cache
def whole(path):
    header = gvcf.read_header(str(path))
    return header.contigs, tables(gvcf.read_rows(str(path), header.contigs, header.samples[0]))


def reaching(table, region):
    here = pc.equal(table["contig"], region.contig)
    overlap = pc.and_(pc.less(table["start"], region.end), pc.greater(table["stop"], region.start))
    return table.filter(pc.and_(here, overlap))


def random_regions(path, count):
    """Regions near the records' ends, most of them short; and some anywhere."""
    chance = random.Random(path.name)
    contigs, expected = whole(path)
    ends = sorted(
        {
            (contig, base)
            for table in expected.values()
            for name in ("start", "stop")
            for contig, base in zip(table["contig"].to_pylist(), table[name].to_pylist(), strict=True)
        }
    )
    for _ in range(count):
        contig, base = chance.choice(ends)
        start = max(0, base + chance.choice([-1, 0, 1, chance.randrange(-5000, 5000)]))
        end = start + chance.choice([1, 2, chance.randrange(1, 300), chance.randrange(1, 1 << 20)])
        start = min(start, contigs[contig].length - 1)
        yield Region(contig, start, min(max(end, start + 1), contigs[contig].length))


def assert_regions(url, path, count):
    contigs, expected = whole(path)
    sample = gvcf.read_header(str(path)).samples[0]
    row_count = 0
    for region in random_regions(path, count):
        ours = tables(gvcf.read_rows(url, contigs, sample, region=region))
        for name, table in expected.items():
            assert ours[name].equals(reaching(table, region)), (region, name)
            row_count += ours[name].num_rows
    assert row_count


@pytest.mark.parametrize("index", INDEXED or [None], ids=lambda path: f"{path.parent.name}/{path.name}" if path else "")
@pytest.mark.parametrize("kind", ["tbi", "csi", "none", "bcf"])
def test_a_region_of_a_real_file_is_as_in_the_whole(index, kind, tmp_path):
    if index is None:
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    path = index.with_suffix("")
    copy = tmp_path / path.name
    if kind == "bcf":
        copy = as_bcf(path, copy)
        pysam.bcftools.index(str(copy))
        assert copy.with_name(f"{copy.name}.csi").exists()
        path = copy
    else:
        shutil.copy(path, copy)
    if kind == "tbi":
        shutil.copy(index, tmp_path)
    if kind == "csi":
        pysam.tabix_index(str(copy), preset="vcf", csi=True)
    large = "HG00268" in path.name
    assert_regions(str(copy), path, 5 if large else 25)


def as_bcf(source: Path, target: Path) -> Path:
    with pysam.VariantFile(str(source)) as read, pysam.VariantFile(str(target), "wb", header=read.header) as written:
        for record in read:
            written.write(record)
    return target


HEADER = "##fileformat=VCFv4.2\n{}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
FIELDS = """##INFO=<ID=END,Number=1,Type=Integer,Description="">
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="">
"""
CONTIGS = (Contig("chr1", 1_000_000_000), Contig("chr10", 500_000), Contig("chr2", 3_000_000))


def record(chance, contig, start, number):
    """One with or without END, or a deletion, unlike its neighbours; long ones reach over many later records."""
    size = chance.choice([1, 1, 2, chance.randrange(1, 40), chance.randrange(1, 40_000)])
    end = min(start + size, contig.length)
    insert = "ACGT"[number % 4] * (number // 4 % 9 + 1)
    if chance.random() < 0.3:
        ref = ("A" * min(size, 50))[: contig.length - start]
        return f"{contig.name}\t{start + 1}\t.\t{ref}\tC{insert}\t.\t.\t.\tGT:GQ\t0/1:{size % 99}\n"
    return f"{contig.name}\t{start + 1}\t.\tA\tG{insert}\t.\t.\tEND={end}\tGT:GQ\t0/0:{size % 99}\n"


@pytest.fixture(params=range(4))
def made(request, tmp_path):
    """A bgzipped file in small blocks, with overlapping records and several at a position; and its text."""
    chance = random.Random(request.param)
    lines = []
    for contig in CONTIGS:
        start = chance.randrange(200)
        stop = len(lines) + 200
        while start < contig.length and len(lines) < stop:
            lines.append(record(chance, contig, start, len(lines)))
            start += chance.choice([0, 1, 1, chance.randrange(100), chance.randrange(100_000)])
    return write_bgzf(tmp_path / "a.g.vcf.gz", lines, chance)


def write_bgzf(path, lines, chance):
    declared = FIELDS + "".join(f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in CONTIGS)
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(HEADER.format(declared).encode())
        for line in lines:
            stream.write(line.encode())
            if chance.random() < 0.2:
                stream.flush()
    return path


@pytest.mark.parametrize("kind", ["tbi", "csi", "fine csi", "bcf"])
def test_a_region_of_overlapping_records_is_as_in_the_whole(made, kind, tmp_path):
    path = made
    if kind == "bcf":
        path = as_bcf(made, tmp_path / "b.g.vcf.gz")
        pysam.bcftools.index(str(path))
    elif kind == "tbi":
        shorter = [line for line in text_lines(made) if int(line.split("\t")[1]) < 1 << 28]
        path = write_bgzf(tmp_path / "c.g.vcf.gz", shorter, random.Random(1))
        pysam.tabix_index(str(path), preset="vcf")
    else:
        pysam.tabix_index(str(path), preset="vcf", csi=True, min_shift=5 if kind == "fine csi" else 14)
    assert_regions(str(path), path, 60)


def text_lines(path):
    with pysam.BGZFile(str(path)) as stream:
        return [line.decode() + "\n" for line in stream if not line.startswith(b"#")]


@pytest.mark.parametrize("csi", [False, True])
def test_a_deletion_that_gave_way_at_its_position_does_not_come_back(tmp_path, csi):
    """The index names only the deletion for the region; the SNP before it, which stays, is in another bin."""
    lines = [
        "chr1\t16383\t.\tA\tC,<NON_REF>\t50\t.\t.\tGT:PL\t0/1:50,0,99,60,99,99\n",
        "chr1\t16383\t.\tAAAAA\tA,<NON_REF>\t.\t.\t.\tGT:PL\t0/1:20,0,99,60,99,99\n",
        "chr1\t16400\t.\tA\t.\t.\t.\tEND=16420\tGT\t0/0\n",
    ]
    path = tmp_path / "a.g.vcf.gz"
    contigs = (Contig("chr1", 100_000),)
    with pysam.BGZFile(str(path), "wb") as stream:  # each record in a block of its own
        stream.write(HEADER.format("##source=DRAGEN\n##contig=<ID=chr1,length=100000>\n").encode())
        for line in lines:
            stream.flush()
            stream.write(line.encode())
    pysam.tabix_index(str(path), preset="vcf", csi=csi)
    assert tables(gvcf.read_rows(str(path), contigs))["variants"]["ref"].to_pylist() == ["A"]
    region = tables(gvcf.read_rows(str(path), contigs, region=Region(0, 16_385, 16_387)))
    assert region["variants"].num_rows == region["blocks"].num_rows == 0


def test_contigs_without_records_and_quiet_stretches_are_empty(tmp_path):
    path = write_bgzf(tmp_path / "a.g.vcf.gz", ["chr10\t100\t.\tA\t.\t.\t.\tEND=120\tGT\t0/0\n"], random.Random(0))
    for make in (lambda: None, lambda: pysam.tabix_index(str(path), preset="vcf", csi=True)):
        make()
        for region in (Region(0, 0, 500), Region(2, 0, 500), Region(1, 0, 99), Region(1, 120, 500)):
            assert list(gvcf.read_rows(str(path), CONTIGS, region=region)) == []
        (rows,) = gvcf.read_rows(str(path), CONTIGS, region=Region(1, 119, 500))
        assert (rows.read, rows.checksum) == (1, 0)


def test_a_region_reads_few_bytes(monkeypatch, tmp_path):
    chance = random.Random(3)
    noise = (",".join(str(chance.randrange(10**6)) for _ in range(3)) for _ in range(200_000))
    lines = [
        f"chr1\t{start + 1}\t.\tA\t.\t.\t.\tEND={end}\tGT:PL\t0/0:{next(noise)}\n"
        for start, end in pairwise(range(0, 8_000_000, 40))
    ]
    path = write_bgzf(tmp_path / "a.g.vcf.gz", lines, random.Random(0))
    pysam.tabix_index(str(path), preset="vcf")
    read_sizes = []
    original = storage.open_file

    def counted(url):
        return Counted(original(url), read_sizes)

    monkeypatch.setattr("genocloud.gvcf.text_source.open_file", counted)
    (*_, last) = gvcf.read_rows(str(path), CONTIGS, region=Region(0, 4_000_000, 4_010_000))
    assert last.blocks["stop"][-1].as_py() == 4_010_000
    assert path.stat().st_size > 4_000_000
    assert sum(read_sizes) < 900_000


class Counted:
    def __init__(self, stream, read_sizes):
        self.stream, self.read_sizes = stream, read_sizes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def read(self, size):
        data = self.stream.read(size)
        self.read_sizes.append(len(data))
        return data


def test_a_region_of_a_file_on_a_store_without_files(tmp_path):
    path = write_bgzf(tmp_path / "a.g.vcf.gz", ["chr1\t100\t.\tA\t.\t.\t.\tEND=120\tGT\t0/0\n"], random.Random(0))
    pysam.tabix_index(str(path), preset="vcf")
    store = storage.open_store(f"memory://{tmp_path.name}")
    for file in tmp_path.iterdir():
        store.write(file.name, file.read_bytes())
    (rows,) = gvcf.read_rows(storage.join(store.url, path.name), CONTIGS, region=Region(0, 110, 111))
    assert rows.blocks["stop"].to_pylist() == [120]


def test_a_missing_file_with_an_index_is_reported(tmp_path):
    path = write_bgzf(tmp_path / "a.g.vcf.gz", ["chr1\t100\t.\tA\t.\t.\t.\tEND=120\tGT\t0/0\n"], random.Random(0))
    pysam.tabix_index(str(path), preset="vcf")
    path.unlink()
    with pytest.raises(UnreadableFile, match="does not exist"):
        list(gvcf.read_rows(str(path), CONTIGS, region=Region(0, 110, 111)))
