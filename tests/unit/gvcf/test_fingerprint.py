"""A file's quick name changes with its content."""

from importlib import import_module
from random import Random

import pysam
import pytest

from genocloud import gvcf
from genocloud.errors import UnreadableFile

module = import_module("genocloud.gvcf.fingerprint")  # the package has the function under this name


def changed(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("head", [b"##fileformat=VCFv4.2\n", b"\x1f\x8b\x08\x00plain gzip"])
def test_a_change_of_one_byte_anywhere_in_a_large_file_shows(tmp_path, head):
    path = tmp_path / "a.g.vcf"
    path.write_bytes(head + bytes(module.SMALL_BYTES + 1000))
    before = gvcf.fingerprint(str(path))
    for place in (len(head), 1_111_111, module.SMALL_BYTES // 2 + 99_999, module.SMALL_BYTES + 999):
        changed(path, place)
        assert gvcf.fingerprint(str(path)) != before
        changed(path, place)
    assert gvcf.fingerprint(str(path)) == before


def test_a_small_bgzf_file_is_looked_at_whole(tmp_path):
    path = bgzf(tmp_path, 300_000)
    before = gvcf.fingerprint(str(path))
    changed(path, path.stat().st_size // 2)
    assert gvcf.fingerprint(str(path)) != before


def test_of_a_large_bgzf_file_the_ends_and_stretches_between_are_looked_at(tmp_path):
    path = bgzf(tmp_path, 9_000_000)
    size = path.stat().st_size
    assert size > module.SMALL_BYTES
    before = gvcf.fingerprint(str(path))
    middle = 31 * (size - module.SAMPLE_BYTES) // (module.SAMPLES - 1) + 77
    for place in (20, middle, size - 1):
        changed(path, place)
        assert gvcf.fingerprint(str(path)) != before
        changed(path, place)
    with path.open("ab") as stream:
        stream.write(b"!")
    assert gvcf.fingerprint(str(path)) != before


def bgzf(folder, size):
    """A file that does not compress."""
    path = folder / "a.g.vcf.gz"
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(Random(1).randbytes(size))
    return path


def test_another_sample_of_a_file_has_another_fingerprint(tmp_path):
    path = tmp_path / "a.g.vcf"
    path.write_text("##fileformat=VCFv4.2\n")
    assert len({gvcf.fingerprint(str(path), name) for name in (None, "ann", "bob")}) == 3


def test_a_missing_file_has_none(tmp_path):
    with pytest.raises(UnreadableFile):
        gvcf.fingerprint(str(tmp_path / "none.g.vcf"))
