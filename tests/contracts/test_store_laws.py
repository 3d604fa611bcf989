"""Every kind of store keeps the laws of stores, and what opens stores by URL finds its objects."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genocloud import storage
from genocloud.errors import UnreadableFile
from genocloud.testing import StoreLaws, StoreTraits
from genocloud.testing.stores import MB, ODD_NAMES
from tests.contracts.conftest import TRAITS


class TestStoreLaws(StoreLaws):
    @pytest.fixture(autouse=True)
    def of_its_kind(self, request):
        self.traits = TRAITS.get(request.node.callspec.params["store"], StoreTraits())


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_is_located_by_its_url(store, name):
    if storage.urls.scheme(store.url) == "az" and "\\" in name:
        pytest.skip("no name on Azure")
    store.write(f"{name}/{name}.x", b"1")
    with storage.open_file(storage.join(store.url, f"{name}/{name}.x")) as stream:
        assert stream.read() == b"1"


def test_stores_below_stores_open_by_their_urls(store):
    store.write("b/c/d", b"1")
    assert storage.open_store(store.url) == store
    assert storage.open_store(storage.join(store.url, "b/c")).read("d") == b"1"


def test_parquet_streams_there_and_back(store):
    table = pa.table({"a": pa.array(range(300_000)), "b": [str(number % 1000) for number in range(300_000)]})
    with store.writer("t.parquet") as stream, pq.ParquetWriter(stream, table.schema) as parquet:
        for start in range(0, 300_000, 100_000):
            parquet.write_table(table.slice(start, 100_000))
    with store.open("t.parquet") as stream:
        file = pq.ParquetFile(stream)
        assert file.num_row_groups == 3
        assert file.read_row_group(1, columns=["b"]) == table.slice(100_000, 100_000).select(["b"])


@pytest.mark.parametrize("content", [b"hello" * MB, b""])
def test_a_mapped_file_is_its_bytes(store, content):
    store.write("a", content)
    mapped = storage.map_file(storage.join(store.url, "a"))
    assert mapped.readonly
    assert mapped == content
    with pytest.raises(UnreadableFile):
        storage.map_file(storage.join(store.url, "b"))
