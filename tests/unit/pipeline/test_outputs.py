"""Files that only a receipt vouches for: that they are gone, or others, is seen."""

import tempfile
from pathlib import Path

import pytest

from genocloud import storage
from genocloud.errors import UnreadableFile
from genocloud.pipeline.localization import fetch, local_reads, local_reference, put, scratch
from genocloud.pipeline.receipts import Receipt, lost_outputs, write_receipt
from tests.conftest import DATA


@pytest.fixture
def store(tmp_path):
    return storage.open_store(f"memory://{tmp_path}")


@pytest.fixture
def receipt_of_outputs(store, tmp_path):
    """The URLs of two outputs, and of the receipt that vouches for them."""
    urls = [storage.join(store.url, name) for name in ("a.vcf.gz", "a.vcf.gz.tbi")]
    for name in ("a.vcf.gz", "a.vcf.gz.tbi"):
        store.write(name, b"hello")
    receipt = Receipt("export")
    receipt.vouch(*urls)
    write_receipt(receipt, str(tmp_path / "export.json"))
    return urls, str(tmp_path / "export.json")


def test_outputs_that_are_there_are_not_lost(receipt_of_outputs):
    urls, receipt = receipt_of_outputs
    assert lost_outputs(receipt, urls) == []


def test_an_output_that_is_gone_or_another_is_lost(receipt_of_outputs, store):
    urls, receipt = receipt_of_outputs
    store.delete("a.vcf.gz")
    store.write("a.vcf.gz.tbi", b"another one")
    assert lost_outputs(receipt, urls) == urls


def test_a_receipt_does_not_vouch_for_what_it_does_not_name(receipt_of_outputs, store):
    assert lost_outputs(receipt_of_outputs[1], [storage.join(store.url, "b.vcf.gz")]) == [
        storage.join(store.url, "b.vcf.gz")
    ]


@pytest.mark.parametrize("text", [b"[]", b"{", b'{"step": "export"}'])
def test_a_receipt_of_another_kind_vouches_for_nothing(receipt_of_outputs, tmp_path, text):
    (tmp_path / "export.json").write_bytes(text)
    assert lost_outputs(receipt_of_outputs[1], receipt_of_outputs[0]) == receipt_of_outputs[0]


def test_without_a_receipt_nothing_is_lost(receipt_of_outputs, tmp_path):
    assert lost_outputs(str(tmp_path / "none.json"), receipt_of_outputs[0]) == []


def test_nothing_vouches_for_what_is_not_there(store):
    with pytest.raises(storage.ObjectMissing):
        Receipt("export").vouch(storage.join(store.url, "nothing"))


def test_reads_and_reference_with_a_url_are_copied_with_their_indexes(store, tmp_path):
    for name in ("reference.fa", "reference.fa.fai", "reads/p04.cram", "reads/p04.cram.crai"):
        store.write(name, (DATA / name).read_bytes())
    reads = local_reads(storage.join(store.url, "reads/p04.cram"), tmp_path)
    reference = local_reference(storage.join(store.url, "reference.fa"), tmp_path)
    assert (reads, reference) == (str(tmp_path / "p04.cram"), str(tmp_path / "reference.fa"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("p04.cram", "p04.cram.crai"),
        *("reference.fa", "reference.fa.fai"),
    ]
    assert local_reads("reads.bam", tmp_path) == "reads.bam"


def test_reads_without_an_index_are_reported(store, tmp_path):
    store.write("p04.bam", b"")
    with pytest.raises(UnreadableFile, match="has no index"):
        local_reads(storage.join(store.url, "p04.bam"), tmp_path)


def test_a_file_goes_there_and_back(store, tmp_path):
    (tmp_path / "a").write_bytes(b"hello" * 1000)
    put(tmp_path / "a", storage.join(store.url, "b"))
    with scratch() as folder:
        assert Path(fetch(storage.join(store.url, "b"), folder)).read_bytes() == b"hello" * 1000
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(storage.StoreFailed, match="set TMPDIR"), scratch(str(tmp_path / "none/out.g.vcf.gz")):
        pass
