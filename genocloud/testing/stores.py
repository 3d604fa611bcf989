"""The laws of a store: a class of tests that any implementation of Store can be held to."""

import io
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any, BinaryIO, TypeVar

import pytest

from genocloud import storage
from genocloud.errors import StoreError
from genocloud.storage import Store

T = TypeVar("T")

MB = 1_000_000

ODD_NAMES = ("a b", "a?b=c&d", "a#b", "100%", "a%20b", "a+b", "HLA*01:01", "é世", "-x", "a'\"b", "a\\b", ".hidden")


@dataclass(frozen=True, kw_only=True)
class StoreTraits:
    """What stores of different kinds may do differently.

    clock_seconds   two objects written so far apart have different times
    shared          whether other processes see the objects, by a pickled store
    refused         characters that no name may have
    replaced_bytes  the largest object that the laws replace while it is read
    """

    clock_seconds: float = 0.02
    shared: bool = True
    refused: str = ""
    replaced_bytes: int = 100 * MB


class StoreLaws:
    """Subclass it as `Test...`, with a fixture `store` that gives a store in which nothing is yet."""

    traits = StoreTraits()

    @pytest.fixture
    def threads(self) -> Iterator[ThreadPoolExecutor]:
        """Sixteen threads that use the store at once."""
        with ThreadPoolExecutor(16) as pool:
            yield pool

    def test_what_is_written_is_read(self, store: Store) -> None:
        store.write("a/b", b"hello")
        assert (store.read("a/b"), store.size("a/b"), store.exists("a/b")) == (b"hello", 5, True)

    def test_an_empty_object_is_an_object(self, store: Store) -> None:
        store.write("empty", b"")
        with store.open("empty") as stream:
            assert (store.read("empty"), store.read("empty", 3), store.size("empty"), stream.read()) == (
                b"",
                b"",
                0,
                b"",
            )
        assert store.list() == ["empty"]

    @pytest.mark.parametrize(
        ("start", "end"), [(0, 3), (2, 4), (2, None), (0, 99), (4, 99), (5, 9), (7, 9), (7, None), (3, 3), (4, 2)]
    )
    def test_ranges_are_slices(self, store: Store, start: int, end: int | None) -> None:
        store.write("a", b"hello")
        assert store.read("a", start, end) == b"hello"[start:end]

    def test_what_is_absent_is_missing(self, store: Store) -> None:
        store.write("a/b", b"")
        uses: list[Callable[[str], object]] = [store.read, store.size, store.open, lambda name: store.read(name, 3, 3)]
        for use in uses:
            for name in ("b", "a", "a/b/c"):
                with pytest.raises(storage.ObjectMissing) as caught:
                    use(name)
                assert caught.value.url == storage.join(store.url, name)
        assert not any(map(store.exists, ("b", "a", "a/b/c")))

    def test_write_replaces(self, store: Store) -> None:
        store.write("a", b"a long one")
        store.write("a", b"short")
        assert store.read("a") == b"short"

    def test_create_does_not_replace(self, store: Store) -> None:
        store.create("a", b"first")
        with pytest.raises(storage.ObjectExists) as caught:
            store.create("a", b"second")
        assert isinstance(caught.value, StoreError)
        assert store.read("a") == b"first"

    def test_one_of_16_threads_creates(self, store: Store, threads: ThreadPoolExecutor) -> None:
        barrier = Barrier(16)

        def attempt(number: int) -> int | None:
            barrier.wait()
            try:
                store.create("manifest/1", b"%d" % number)
            except storage.ObjectExists:
                return None
            return number

        winners = [number for number in threads.map(attempt, range(16)) if number is not None]
        assert [store.read("manifest/1")] == [b"%d" % number for number in winners]
        assert store.list() == ["manifest/1"]

    @pytest.mark.parametrize("races", [20])
    def test_one_of_several_processes_creates(self, store: Store, races: int) -> None:
        if not self.traits.shared:
            pytest.skip("its objects are its process's own")
        command = [sys.executable, "-c", _RACER, pickle.dumps(store).hex()]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        racers = [subprocess.Popen([*command, name, str(races)], env=environment, **pipes) for name in "abcd"]
        assert [_of(racer.stdout).readline() for racer in racers] == ["ready\n"] * 4
        for racer in racers:
            _of(racer.stdin).write("go\n")
            _of(racer.stdin).flush()
        won = {name: racer.communicate()[0].split() for name, racer in zip("abcd", racers, strict=True)}
        assert sorted(number for numbers in won.values() for number in numbers) == sorted(map(str, range(races)))
        assert all(store.read(f"{int(number):03}") == name.encode() * 1000 for name in won for number in won[name])
        assert store.list() == [f"{number:03}" for number in range(races)]

    @pytest.mark.parametrize(("size", "times"), [(2 * MB, 4), (18 * MB, 1)])
    def test_a_reader_never_sees_half(self, store: Store, threads: ThreadPoolExecutor, size: int, times: int) -> None:
        if size > self.traits.replaced_bytes:
            pytest.skip("more than this kind of store is to replace while it is read")
        contents = [bytes([letter]) * (size + letter) for letter in b"ab"]
        store.write("a", contents[0])

        def write_in_turn() -> None:
            for content in contents * times:
                store.write("a", content)

        writing = threads.submit(write_in_turn)
        seen = [store.read("a")]
        while not writing.done():
            seen.append(store.read("a"))
        writing.result()
        assert set(seen) <= set(contents)

    @pytest.mark.parametrize("read", [0, 10])
    def test_an_open_reader_reads_on_in_its_object_or_fails(self, store: Store, read: int) -> None:
        old, new = b"o" * 3 * MB, b"n" * 4 * MB
        store.write("a", old)
        with store.open("a") as stream:
            start = stream.read(read)
            store.write("a", new)
            try:
                seen = start + stream.read()
            except StoreError:
                return
        assert seen == old

    @pytest.mark.parametrize("size", [0, 10, 10 * MB])
    def test_a_writer_that_raises_leaves_nothing(self, store: Store, size: int) -> None:
        with pytest.raises(ZeroDivisionError), store.writer("a/b") as stream:
            _write_and_raise(stream, bytes(size), ZeroDivisionError)
        assert store.list() == []
        store.write("a/b", b"old")
        with pytest.raises(FileNotFoundError, match="the caller's own"), store.writer("a/b") as stream:
            _write_and_raise(stream, bytes(size), FileNotFoundError("the caller's own error stays what it is"))
        assert store.read("a/b") == b"old"

    @pytest.mark.parametrize("close", [False, True])
    def test_a_streamed_object_appears_at_the_end(self, store: Store, close: bool) -> None:
        with store.writer("a") as stream:
            stream.write(b"hello")
            if close:  # as pyarrow and gzip do
                stream.close()
            assert store.list() == []
            assert not store.exists("a")
        assert store.read("a") == b"hello"

    def test_a_stream_that_its_caller_closed_and_then_failed_leaves_nothing(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError), store.writer("a") as stream, stream:
            _write_and_raise(stream, b"hello", ZeroDivisionError)
        assert store.list() == []

    def test_a_large_object_streams_there_and_back(self, store: Store) -> None:
        blocks = [bytes([number]) * 333_333 for number in range(31)]
        with store.writer("large") as stream:
            for block in blocks:
                stream.write(block)
        with store.open("large") as stream:
            back = iter(lambda: stream.read(100_001), b"")
            assert b"".join(back) == b"".join(blocks)
        assert store.size("large") == 31 * 333_333

    def test_an_open_reader_seeks(self, store: Store) -> None:
        content = bytes(range(256)) * 10_000
        store.write("a", content)
        with store.open("a") as stream:
            assert stream.seekable()
            for start, size in [(2_000_000, 10), (5, 2_000_000), (2_559_990, 100), (9_999_999, 5), (0, 1)]:
                assert stream.seek(start) == start
                assert stream.read(size) == content[start : start + size]
            assert stream.seek(-8, io.SEEK_END) == len(content) - 8
            assert stream.read() == content[-8:]

    def test_list_is_sorted_and_exact_to_the_prefix(self, store: Store) -> None:
        for name in ("b/2", "b/10", "b-x", "bb/1", "a", "b/1/z", "B/1"):
            store.write(name, b"")
        assert store.list() == sorted(["b/2", "b/10", "b-x", "bb/1", "a", "b/1/z", "B/1"])
        assert store.list("b/") == ["b/1/z", "b/10", "b/2"]
        assert store.list("b/1") == ["b/1/z", "b/10"]
        assert store.list("b") == ["b-x", "b/1/z", "b/10", "b/2", "bb/1"]
        assert store.list("c") == store.list("c/d/") == store.list("a/") == []

    def test_list_does_not_see_what_is_being_written(self, store: Store) -> None:
        store.write("a/old", b"")
        with store.writer("a/new") as stream:
            stream.write(bytes(2 * MB))
            assert store.list() == store.list("a/") == ["a/old"]
        assert store.list() == ["a/new", "a/old"]

    def test_a_store_that_is_not_there_is_empty(self, store: Store) -> None:
        assert store.list() == []
        store.delete("a")

    def test_delete(self, store: Store) -> None:
        store.write("a/b", b"")
        for name in ("a/b", "a/b", "a", "never", "a/b/c"):
            store.delete(name)
            assert store.list() == []
        store.create("a/b", b"again")

    def test_delete_removes_one_object(self, store: Store) -> None:
        store.write("a/b", b"")
        store.write("a/c", b"")
        store.delete("a")
        store.delete("a/c/d")
        store.delete("a/b")
        assert store.list() == ["a/c"]

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_names_are_taken_as_they_are(self, store: Store, name: str) -> None:
        if set(name) & set(self.traits.refused):
            with pytest.raises(storage.StoreFailed, match="cannot name an object"):
                store.write(name, b"")
            return
        for whole in (name, f"{name}/{name}.x"):
            store.write(whole + "1", b"1")
            with store.writer(whole + "2") as stream:
                stream.write(b"2")
            with store.open(whole + "2") as stream:
                assert stream.read() == b"2"
            assert store.list(whole) == [whole + "1", whole + "2"]
            assert (store.read(whole + "1"), store.size(whole + "2"), store.exists(whole)) == (b"1", 1, False)
            store.delete(whole + "1")
            store.delete(whole + "2")
        assert store.list() == []

    @pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\0b"])
    def test_names_that_could_leave_the_store_are_refused(self, store: Store, name: str) -> None:
        uses: list[Callable[[str], object]] = [store.read, store.exists, store.delete, store.open]
        uses.append(lambda name: store.write(name, b""))
        for use in uses:
            with pytest.raises(StoreError):
                use(name)
        with pytest.raises(StoreError), store.writer(name):
            pass

    def test_stores_below_stores(self, store: Store) -> None:
        below = _same_kind(store, storage.join(store.url, "b/c"))
        beside = _same_kind(store, storage.join(store.url, "b/cc"))
        store.write("b/c/d", b"1")
        below.write("e", b"2")
        beside.write("f", b"3")
        assert (below.read("d"), store.read("b/c/e"), below.list()) == (b"1", b"2", ["d", "e"])

    def test_a_store_is_a_value_that_pickles(self, store: Store) -> None:
        store.write("a", b"hello")
        copy = pickle.loads(pickle.dumps(store))
        assert (copy, copy.url, copy.read("a")) == (store, store.url, b"hello")
        assert _same_kind(store, store.url) == store

    def test_its_errors_pickle(self, store: Store) -> None:
        with pytest.raises(storage.ObjectMissing) as caught:
            store.read("a")
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (type(copy), str(copy), copy.url) == (storage.ObjectMissing, str(caught.value), caught.value.url)

    def test_an_object_knows_when_it_took_its_content(self, store: Store) -> None:
        before = time.time() - 2  # file systems' and servers' clocks are coarse
        store.write("a", b"old")
        first = store.modified("a")
        time.sleep(self.traits.clock_seconds)
        store.write("a", b"new")
        with store.writer("b") as stream:
            stream.write(b"streamed")
        assert before < first < store.modified("a") < time.time() + 2
        assert store.modified("a") <= store.modified("b")
        with pytest.raises(storage.ObjectMissing):
            store.modified("c")

    def test_reading_leaves_the_time_as_it_was(self, store: Store) -> None:
        store.create("a", b"old")
        first = store.modified("a")
        time.sleep(0.02)
        assert store.read("a") == b"old"
        assert store.modified("a") == first

    def test_a_sweep_removes_no_object_and_nothing_that_is_being_written(self, store: Store) -> None:
        assert store.sweep(0) == []
        store.write("a/b", b"")
        with store.writer("a/c") as stream:
            stream.write(b"hello")
            assert store.sweep(3600) == []
        assert store.sweep(0) == []
        assert (store.list(), store.read("a/c")) == (["a/b", "a/c"], b"hello")


_RACER = """
import pickle
import sys
from genocloud import storage
store = pickle.loads(bytes.fromhex(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    try:
        store.create(f"{number:03}", sys.argv[2].encode() * 1000)
    except storage.ObjectExists:
        continue
    print(number)
"""


def _same_kind(store: Store, url: str) -> Store:
    """Stores are values, made from a URL alone."""
    kind: Callable[[str], Store] = type(store)
    return kind(url)


def _of(pipe: T | None) -> T:
    assert pipe is not None
    return pipe


def _write_and_raise(stream: BinaryIO, content: bytes, error: Exception | type[Exception]) -> None:
    stream.write(content)
    raise error
