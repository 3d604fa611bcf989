"""Every export format keeps the laws of exporters, as htslib reads its files."""

from dataclasses import replace
from pathlib import Path

import pysam
import pytest

from genocloud.callset.formats import EXPORT_FORMATS
from genocloud.testing import ExportedRecord, ExportLaws


def read_by_htslib(path: Path) -> list[ExportedRecord]:
    with pysam.VariantFile(str(path)) as file:
        samples = list(file.header.samples)
        lines = [str(record).rstrip("\n").split("\t") for record in file]
    return [
        ExportedRecord(
            contig=fields[0],
            pos=int(fields[1]),
            ref=fields[3],
            alts=tuple(fields[4].split(",")),
            genotypes={name: text.split(":")[0] for name, text in zip(samples, fields[9:], strict=True)},
        )
        for fields in lines
    ]


def read_blocks_by_htslib(path: Path) -> list[ExportedRecord]:
    """The same of a file of reference blocks: a sample is as its last block says until that ends, or another entry."""
    expanded, blocks = [], {}
    with pysam.VariantFile(str(path)) as file:
        lengths = [{name: call.get("LEN") for name, call in record.samples.items()} for record in file]
    for record, of_samples in zip(read_by_htslib(path), lengths, strict=True):
        genotypes = {}
        for name, written in record.genotypes.items():
            if of_samples[name] is not None:
                blocks[name] = record.contig, record.pos + of_samples[name], written
            contig, end, block = blocks.get(name, ("", 0, "./."))
            genotypes[name] = (
                written if written != "." else block if (contig, end) > (record.contig, record.pos) else "./."
            )
        expanded.append(replace(record, genotypes=genotypes))
    return expanded


READERS = {
    ".svcr.vcf.gz": read_blocks_by_htslib,
    ".vcf.gz": read_by_htslib,
    ".vcf": read_by_htslib,
    ".bcf": read_by_htslib,
}


@pytest.mark.parametrize("suffix", [form.suffix for form in EXPORT_FORMATS])
class TestExportLaws(ExportLaws):
    @pytest.fixture(autouse=True)
    def known(self, suffix):
        self.form = next(form for form in EXPORT_FORMATS if form.suffix == suffix)

    def read(self, path):
        return READERS[self.form.suffix](path)
