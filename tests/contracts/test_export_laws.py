"""Every export format keeps the laws of exporters, as htslib reads its files."""

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


READERS = {".vcf.gz": read_by_htslib, ".bcf": read_by_htslib}


@pytest.mark.parametrize("suffix", [form.suffix for form in EXPORT_FORMATS])
class TestExportLaws(ExportLaws):
    @pytest.fixture(autouse=True)
    def known(self, suffix):
        self.form = next(form for form in EXPORT_FORMATS if form.suffix == suffix)

    def read(self, path):
        return READERS[self.form.suffix](path)
