"""Inflating: what is damaged or cut off anywhere is told, and no byte is lost or changed without a word."""

import gzip
import io
import struct
import threading
import time

import pytest

from genocloud.callset.bgzf import END, compress
from genocloud.errors import InputError, UnreadableFile
from genocloud.gvcf.inflate import NotInflated, inflate, inflate_blocks

TEXTS = [b"chr1\t5\tA\n" * 3, b"chr2\t70\tC\n" * 2, b"chr2\t70\tC\n" * 2]
TEXT = b"".join(TEXTS)


def block(text):
    return bytes(compress(text).data)


BGZF = b"".join(map(block, TEXTS)) + END


def read(data, url="a.g.vcf.gz"):
    return b"".join(inflate(io.BytesIO(data), url))


def flipped(data, place, bit):
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


@pytest.mark.parametrize("data", [BGZF, gzip.compress(TEXT), b"".join(map(gzip.compress, TEXTS))], ids=range(3))
def test_each_flipped_bit_is_reported_or_harmless(data):
    """Harmless: times, operating system and the like; or the file is no longer known as compressed at all."""
    detected = 0
    for place in range(len(data)):
        for bit in range(8):
            changed = flipped(data, place, bit)
            try:
                text = read(changed)
            except NotInflated:
                detected += 1
                continue
            assert text in (TEXT, changed), (place, bit)
            assert text == TEXT or place < 2
    assert detected > 0.6 * 8 * len(data)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("magic", 0),
        ("method", 2),
        ("extra length", 10),
        ("extra name", 12),
        ("block size", 16),
        ("content", 20),
        ("checksum", -8),
        ("checksum's end", -5),
        ("size", -4),
        ("size's end", -1),
    ],
)
@pytest.mark.parametrize("number", [1, 2])
def test_damage_to_each_part_of_a_later_block_is_reported(name, place, number):
    blocks = [*map(block, TEXTS), END]
    blocks[number] = flipped(blocks[number], place, 3)
    with pytest.raises(NotInflated, match=r"damaged|no BGZF block|incomplete|is wrong") as caught:
        read(b"".join(blocks))
    assert caught.value.url == "a.g.vcf.gz"
    assert caught.value.place.startswith("byte ")


@pytest.mark.parametrize("texts", [TEXTS[:2], TEXTS[1:]], ids=["unlike", "alike"])
def test_a_block_whose_size_takes_in_the_next_is_reported(texts):
    first, second = map(block, texts)
    size = struct.pack("<H", len(first) + len(second) - 1)
    with pytest.raises(NotInflated, match="checksum or size is wrong"):
        read(first[:16] + size + first[18:] + second + END)


@pytest.mark.parametrize("data", [BGZF, gzip.compress(TEXT)], ids=["bgzf", "gzip"])
def test_a_file_cut_anywhere_is_reported(data):
    for size in range(18, len(data)):
        with pytest.raises(NotInflated, match="cut off"):
            read(data[:size])


def test_a_missing_end_block_is_reported():
    with pytest.raises(NotInflated, match="end block is missing"):
        read(BGZF[: -len(END)])
    assert read(b"".join(map(block, TEXTS[:1])) + END + b"".join(map(block, TEXTS[1:])) + END) == TEXT


def test_what_follows_the_end_block_is_reported():
    with pytest.raises(InputError):
        read(BGZF + b"more")


def test_plain_text_and_nothing_are_what_they_are():
    assert (read(TEXT), read(b""), read(gzip.compress(b"")), read(END)) == (TEXT, b"", b"", b"")


def test_reading_from_a_block_on():
    place = len(block(TEXTS[0]))
    stream = io.BytesIO(BGZF)
    stream.seek(place)
    assert b"".join(inflate_blocks(stream, "a", place)) == b"".join(TEXTS[1:])
    stream = io.BytesIO(flipped(BGZF, place + 20, 1))
    stream.seek(place)
    with pytest.raises(NotInflated) as caught:
        list(inflate_blocks(stream, "a", place))
    assert caught.value.place == f"byte {place:,}"


def test_a_failing_disk_is_reported():
    class Broken(io.BytesIO):
        def read(self, size, /):
            raise OSError(5, "Input/output error")

    with pytest.raises(UnreadableFile, match="cannot be read: Input/output error"):
        list(inflate(Broken(), "a"))


def test_the_interpreter_runs_on_while_bytes_are_inflated():
    """One call inflates all: with the lock held no other thread would move until it returns."""
    data = gzip.compress(bytes(60_000_000))
    pieces, moved = inflate(io.BytesIO(data), "a"), []
    stop = threading.Event()

    def move():
        while not stop.wait(0.001):
            moved.append(time.monotonic())

    mover = threading.Thread(target=move)
    mover.start()
    begun = time.monotonic()
    sizes = [len(next(pieces))]
    ended = time.monotonic()
    stop.set()
    mover.join()
    assert sum(sizes) > 50_000_000
    assert sum(begun < at < ended for at in moved) >= 3
