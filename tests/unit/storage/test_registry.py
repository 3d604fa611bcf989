"""URLs: which store they name, how they are joined and split, what is said about those that cannot be used."""

import os
import pickle
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import storage
from genocloud.errors import SettingError, UnreadableFile
from genocloud.storage import registry

FOLDERS = ["/", "/a b/c#?%20", "relative", ".", "file:///", "file:///a%20b", "gs://bucket", "gs://bucket/a b#?"]
NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


@given(st.sampled_from([*FOLDERS, "memory://m", "memory://m/x"]), NAMES)
def test_split_reverses_join(folder, name):
    assert storage.split(storage.join(folder, name)) == (folder, name)


def test_split_of_a_bare_name_is_in_the_present_folder():
    assert storage.split("a b.tsv") == (".", "a b.tsv")


@pytest.mark.parametrize("url", ["", "/", "file:///", "gs://bucket", "gs://bucket/", "memory://m", "file://a"])
def test_what_names_no_file_cannot_be_split(url):
    with pytest.raises(storage.StoreFailed, match="names no file"):
        storage.split(url)


@pytest.mark.parametrize(
    ("url", "store_url"),
    [
        ("/a//b/", "/a/b"),
        ("/a/b/../c", "/a/c"),
        ("/", "/"),
        ("file:///a%20b/", "file:///a%20b"),
        ("file:///", "file:///"),
        ("memory://m/", "memory://m"),
        ("gs://bucket/a b/", "gs://bucket/a b"),
    ],
)
def test_a_store_knows_its_url(url, store_url):
    assert storage.open_store(url).url == store_url
    assert storage.open_store(store_url).url == store_url


@pytest.mark.parametrize("url", ["hdfs://b/c", "https://host/c", "GS://b/c"])
def test_an_unknown_kind_of_store_is_a_setting_to_mend(url):
    with pytest.raises(SettingError, match=r"use a plain path, file://, gs://, .* or \w+://$") as caught:
        storage.open_store(url)
    assert caught.value.scheme == url.partition(":")[0]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "command"),
    [("s3://b/c", "s3fs", 'pip install "genocloud[s3]"'), ("az://b/c", "adlfs", 'pip install "genocloud[azure]"')],
)
def test_a_client_library_that_is_not_installed_is_reported(monkeypatch, url, module, command):
    registry._imported.cache_clear()  # another test may have opened a store of this kind
    for name in ("genocloud.storage.s3", "genocloud.storage.azure"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingError, match=re.escape(f"run `python -m {command}`")) as caught:
        storage.open_store(url)
    assert caught.value.package == module
    with pytest.raises(UnreadableFile, match="is not installed"):
        storage.open_file(f"{url}/d")


@pytest.mark.parametrize("url", ["", "gs://", "s3://", "az://", "memory:///", "file://host/a", "file://a"])
def test_a_url_without_a_place_is_refused(url):
    with pytest.raises(storage.StoreFailed, match=r"names no place|names another machine"):
        storage.open_store(url)


def test_plain_paths_are_taken_as_they_are_and_file_urls_decoded(tmp_path):
    (tmp_path / "a%20b?#").write_bytes(b"plain")
    (tmp_path / "a b").write_bytes(b"decoded")
    with storage.open_file(f"{tmp_path}/a%20b?#") as plain, storage.open_file(f"file://{tmp_path}/a%20b") as decoded:
        assert (plain.read(), decoded.read()) == (b"plain", b"decoded")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("{}/absent.g.vcf", "does not exist"),
        ("{}/folder", "is a folder, not a file"),
        ("{}/folder/..", "cannot name an object"),
        ("{}/file/below", "does not exist"),
        ("file://{}/absent", "does not exist"),
        ("memory://none/absent", "does not exist"),
        ("hdfs://bucket/a.g.vcf", "no kind of store"),
        ("gs://bucket", "names no file"),
        ("", "names no file"),
    ],
)
def test_a_file_that_cannot_be_read_is_reported(tmp_path, url, problem):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnreadableFile, match=problem) as caught:
        storage.open_file(url.format(tmp_path))
    assert (caught.value.url, caught.value.exit_code) == (url.format(tmp_path), 3)


def test_a_pipe_can_be_read():
    reading, writing = os.pipe()
    os.write(writing, b"streamed")
    os.close(writing)
    with storage.open_file(f"/dev/fd/{reading}") as stream:
        assert stream.read() == b"streamed"
    os.close(reading)
