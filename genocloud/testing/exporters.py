"""The laws of an export format: a class of tests that any entry of the export formats can be held to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genocloud import annotations, callset, schema, storage
from genocloud.callset import formats, record_pieces
from genocloud.callset.formats import ExportFormat
from genocloud.regions import Contig, Extent, Region

SAMPLES = {"batch1": ("ann", "cat"), "batch2": ("bob",)}
CONTIGS = (Contig("chr1", 50_000), Contig("chr2", 20_000))
SITES = {
    "chr1": [(5, "A", ["G"]), (900, "ACG", ["A", "*"]), (40_000, "T", ["C", "TTA", "G"])],
    "chr2": [(7, "G", ["GT"]), (19_999, "C", ["A", "T"])],
}
GENOTYPES = ("0/1", "./.", "1|0", "1", "0/0")
"""Taken in turn by samples and sites."""


@dataclass(frozen=True, kw_only=True)
class ExportedRecord:
    """What the format's own reader says of a record; `genotypes`: GT by sample, None where the format has none."""

    contig: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    genotypes: Mapping[str, str] | None


class ExportLaws:
    """Subclass it as `Test...`, with the format and a reader of its files."""

    form: ExportFormat

    def read(self, path: Path) -> list[ExportedRecord]:
        """The records of a file, in order, by a reader that is not genocloud's."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let genocloud know the format, if it does not."""
        if self.form not in formats.EXPORT_FORMATS:
            monkeypatch.setattr(formats, "EXPORT_FORMATS", (*formats.EXPORT_FORMATS, self.form))

    @pytest.fixture
    def small(self, tmp_path: Path) -> callset.Callset:
        """A callset of two shards, two batches and five sites."""
        return write_callset(str(tmp_path / "callset"), SITES)

    @pytest.fixture
    def out(self, tmp_path: Path) -> Path:
        """A file to write, in a folder of its own."""
        return tmp_path / "out" / f"calls{self.form.suffix}"

    def test_the_suffix_is_its_own(self) -> None:
        assert formats.form_of(f"calls{self.form.suffix}") is self.form

    def test_the_records_are_those_of_the_callset(self, small: callset.Callset, out: Path) -> None:
        counts = callset.write_vcf(small, str(out))
        read, written = self.read(out), expected_records(SITES)
        assert [without_genotypes(record) for record in read] == [without_genotypes(record) for record in written]
        for record, truth in zip(read, written, strict=True):
            assert record.genotypes in (None, truth.genotypes)
        assert counts.records == len(written)

    def test_files_and_index_are_all_that_is_left(self, small: callset.Callset, out: Path) -> None:
        callset.write_vcf(small, str(out))
        index = self.form.index_suffix(small.contigs)
        expected = [str(out), *([f"{out}{index}"] if index else [])]
        assert callset.exported_files(str(out)) == expected
        assert sorted(str(path) for path in out.parent.iterdir()) == expected

    def test_the_bytes_do_not_depend_on_threads(self, small: callset.Callset, out: Path) -> None:
        contents = []
        for threads in (1, 3):
            callset.write_vcf(small, str(out), threads)
            contents.append([Path(file).read_bytes() for file in callset.exported_files(str(out))])
        assert contents[0] == contents[1]

    def test_the_records_do_not_depend_on_pieces(
        self, small: callset.Callset, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        callset.write_vcf(small, str(out))
        whole = self.read(out)
        monkeypatch.setattr(record_pieces, "PIECE_GENOTYPES", 3)
        monkeypatch.setattr(record_pieces, "PIECE_SITES", 1)
        callset.write_vcf(small, str(out))
        assert self.read(out) == whole

    def test_a_region_has_the_records_whose_pos_lies_there(self, small: callset.Callset, out: Path) -> None:
        callset.write_vcf(small, str(out))
        whole = self.read(out)
        callset.write_vcf(small, str(out), regions=[Region(0, 900, 40_000), Region(1, 0, 7)])
        assert self.read(out) == [whole[2], whole[3]]

    def test_a_callset_without_sites_is_a_file_without_records(self, tmp_path: Path, out: Path) -> None:
        empty = write_callset(str(tmp_path / "empty"), {name: [] for name in SITES})
        assert callset.write_vcf(empty, str(out)).records == 0
        assert self.read(out) == []

    def test_an_export_that_fails_leaves_the_old_files(self, small: callset.Callset, out: Path) -> None:
        callset.write_vcf(small, str(out))
        before = [Path(file).read_bytes() for file in callset.exported_files(str(out))]
        storage.open_store(small.url).delete(small.shards[0].genotypes["batch2"][0].tables[0].name)
        with pytest.raises(callset.DamagedFile):
            callset.write_vcf(small, str(out))
        assert [Path(file).read_bytes() for file in callset.exported_files(str(out))] == before


@dataclass(frozen=True)
class _Shard:
    name: str
    region: Region

    @property
    def extent(self) -> Extent:
        return Extent.of(self.region)


Sites = Mapping[str, list[tuple[int, str, list[str]]]]
"""Sites of each contig: POS, REF, ALTs."""


def expected_records(sites: Sites) -> list[ExportedRecord]:
    """The records that a callset of `write_callset` has."""
    samples = sorted(sample for batch in SAMPLES.values() for sample in batch)
    return [
        ExportedRecord(
            contig=contig,
            pos=pos,
            ref=ref,
            alts=tuple(alts),
            genotypes={sample: _genotype(pos, sample) for sample in samples},
        )
        for contig, rows in sites.items()
        for pos, ref, alts in rows
    ]


def without_genotypes(record: ExportedRecord) -> tuple[str, int, str, tuple[str, ...]]:
    """CHROM, POS, REF, ALTs."""
    return record.contig, record.pos, record.ref, record.alts


def write_callset(url: str, sites: Sites) -> callset.Callset:
    """A callset of a shard for each contig, with these sites and the samples of SAMPLES."""
    store, entries = storage.open_store(url), []
    for number, contig in enumerate(CONTIGS):
        shard = _Shard(f"{number:03}-{contig.name}-00000", Region(number, 0, contig.length))
        rows = sites[contig.name]
        site_rows = [{"contig": contig.name, "pos": pos, "ref": ref, "alts": alts} for pos, ref, alts in rows]
        genotypes = {
            batch: _table(_genotype_rows(contig.name, rows, members), schema.GENOTYPES)
            for batch, members in SAMPLES.items()
        }
        entries.append(callset.write_shard(store, shard, "key", _table(site_rows, annotations.SITES), genotypes))
    samples = tuple(sorted(sample for batch in SAMPLES.values() for sample in batch))
    description = callset.Description(
        samples=samples, batches=SAMPLES, contigs=CONTIGS, model={"name": "gatk"}, software="genocloud"
    )
    return callset.commit(store, description, entries)


def _genotype_rows(
    contig: str, sites: list[tuple[int, str, list[str]]], samples: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    for pos, _, alts in sites:
        for sample in samples:
            yield {
                "contig": contig,
                "pos": pos,
                "sample": sample,
                "GT": _genotype(pos, sample),
                "AD": [7] * (1 + len(alts)),
            }


def _genotype(pos: int, sample: str) -> str:
    return GENOTYPES[(pos + ord(sample[0])) % len(GENOTYPES)]


def _table(rows: Any, declared: pa.Schema) -> pa.Table:
    """Rows as the declared table; dictionaries are made of plain texts."""
    plain = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in declared]
    columns = pa.schema(list(zip(declared.names, plain, strict=True)))
    return pa.Table.from_pylist(list(rows), schema=columns).cast(declared)
