"""Laws of reading: any text reads as its twin reads it, wherever the text, the blocks or the file are cut."""

import tempfile
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pysam
from hypothesis import given
from hypothesis import strategies as st

from genocloud import gvcf, schema
from genocloud.gvcf import text_source as reading
from tests.support import gvcf_reader
from tests.support.examples import examples
from tests.support.gvcf_strategies import CONTIGS, pieces, texts


def tables(rows):
    rows = list(rows)
    variants = pa.Table.from_batches([each.variants for each in rows], schema.VARIANTS).combine_chunks()
    blocks = pa.Table.from_batches([each.blocks for each in rows], schema.BLOCKS).combine_chunks()
    variants.validate(full=True)
    stored = variants.num_rows + blocks.num_rows
    assert sum(each.read for each in rows) == stored + sum(sum(each.dropped.values()) for each in rows)
    return variants, blocks


@examples(60)
@given(texts(), st.lists(st.integers(0, 100_000), max_size=12))
def test_any_text_cut_anywhere_reads_as_its_twin(text, cuts):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.g.vcf"
        path.write_text(text)
        parts = pieces(path.read_bytes(), cuts)
        with mock.patch.object(reading, "inflate", return_value=iter(parts)):
            variants, blocks = tables(gvcf.read_rows(str(path), CONTIGS, "bob"))
        expected = gvcf_reader.read(path, CONTIGS, "bob")
    for table, twin in zip((variants, blocks), expected, strict=True):
        for name in twin.column_names:
            assert table[name].equals(twin[name]), (name, table[name], twin[name])


@examples(15)
@given(texts(), st.lists(st.integers(0, 100_000), max_size=12), st.integers(20, 2000))
def test_bgzf_blocks_and_reads_of_any_size_read_alike(text, cuts, size):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.g.vcf.gz"
        with pysam.BGZFile(str(path), "wb") as stream:
            for part in pieces(text.encode(), cuts):
                stream.write(part)
                stream.flush()
        whole = tables(gvcf.read_rows(str(path), CONTIGS, "bob"))
        with (
            mock.patch("genocloud.gvcf.inflate.READ_BYTES", size),
            mock.patch("genocloud.gvcf.inflate.CHUNK_BYTES", size),
        ):
            assert tables(gvcf.read_rows(str(path), CONTIGS, "bob")) == whole
