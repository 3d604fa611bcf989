"""What an entry of the export formats says is what is done: plain bytes, no index, a package that must be there."""

import numpy as np
import pytest

from genocloud import callset, pipeline, storage
from genocloud.callset import formats
from genocloud.callset.vcf_text import Lines, site_texts, texts_of
from tests.support.small_callset import write


def lines(sites, _genotypes, _cells):
    """CHROM, POS, ID, REF, ALT of each site."""
    rows = [b"\t".join(text.encode().split(b"\t")[:5]) + b"\n" for text in sites.to_pylist()]
    return Lines(np.frombuffer(b"".join(rows), np.uint8), np.cumsum([0, *map(len, rows)], dtype=np.int64))


def encoders(_fields, _filters):
    return formats.Encoders(
        header=lambda _: b"#sites\n",
        sites=lambda sites, _: site_texts(sites),
        batch=lambda distinct: distinct,
        genotypes=texts_of,
        records=lines,
    )


def add(monkeypatch, **settings):
    form = formats.ExportFormat(suffix=".plain-sites", summary="", encoding=encoders, **settings)
    monkeypatch.setattr(formats, "EXPORT_FORMATS", (*formats.EXPORT_FORMATS, form))


def test_a_plain_format_without_an_index(monkeypatch):
    add(monkeypatch, bgzf=False, index="none")
    written = write("memory://plain")
    counts = callset.write_vcf(written, "memory://plain-out/a.plain-sites")
    store = storage.open_store("memory://plain-out")
    rows = store.read("a.plain-sites").decode().splitlines()
    assert rows[0] == "#sites"
    assert [row.split("\t")[1] for row in rows[1:]] == [str(pos) for pos in written.sites()["pos"].to_pylist()]
    assert (counts.records, store.list()) == (written.counts["sites"], ["a.plain-sites"])
    assert callset.exported_files("memory://plain-out/a.plain-sites") == ["memory://plain-out/a.plain-sites"]


def test_a_package_that_is_not_installed_is_said_before_any_work(monkeypatch):
    add(monkeypatch, package="no_such_package", extra="sites")
    with pytest.raises(formats.MissingPackage, match=r'run `python -m pip install "genocloud\[sites\]"`'):
        callset.check_export_url("memory://out/a.plain-sites")


def test_a_name_of_no_format_is_refused_with_all_suffixes():
    with pytest.raises(callset.UnknownFormat, match=r"choose one that ends in .*\.vcf\.gz.* or \.\w+$"):
        callset.check_export_url("memory://out/a.tsv")


@pytest.mark.parametrize(("name", "dense", "said"), [
    ("o.bam", False, r"\.bcf, \.pgen, \.vcz, \.zarr or \.parquet with --dense$"),
    ("o.parquet", False, r"or \.parquet with --dense$"),
    ("o.vcf.gz", True, r"choose one that ends in \.parquet$"),
])  # fmt: skip
def test_an_export_to_a_name_of_no_format_says_all_that_there_are(name, dense, said):
    with pytest.raises(callset.UnknownFormat, match=said):
        pipeline.ExportOptions().check(f"memory://out/{name}", dense=dense)
