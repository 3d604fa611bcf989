"""Exported files as pysam reads them, so that two writers' files can be compared."""

from pathlib import Path
from typing import Any, NamedTuple

import pysam
import pysam.bcftools

from genocloud import steps
from genocloud.pipeline import ExportOptions
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent


class ExportedRecord(NamedTuple):
    """A record; missing values are left out of INFO and of samples, but for GT."""

    place: tuple[str, int]
    name: str | None
    alleles: tuple[str, ...]
    quality: float | None
    filters: tuple[str, ...]
    info: dict[str, Any]
    samples: dict[str, dict[str, Any]]


def records_of(path: Path | str) -> list[ExportedRecord]:
    """All records of a VCF or BCF."""
    with pysam.VariantFile(str(path)) as file:
        return [_record(record) for record in file]


def _record(record: pysam.VariantRecord) -> ExportedRecord:
    info = {key: _value(value) for key, value in record.info.items() if not _is_missing(value)}
    samples = {name: _values(call) for name, call in record.samples.items()}
    place, quality = (record.contig, record.pos), None if record.qual is None else round(record.qual, 2)
    filters = tuple(record.filter.keys())
    return ExportedRecord(place, record.id, record.alleles or (), quality, filters, info, samples)


def _values(call: pysam.VariantRecordSample) -> dict[str, Any]:
    keys = (key for key in call if key == "GT" or not _is_missing(call[key]))
    return {key: _genotype(call) if key == "GT" else _value(call[key]) for key in keys}


def _genotype(call: pysam.VariantRecordSample) -> tuple[Any, ...]:
    return (*call["GT"], "|" if call.phased and len(call["GT"]) > 1 else "/")


def _is_missing(value: Any) -> bool:
    several = value if isinstance(value, tuple) else (value,)
    return all(each is None or each == "." for each in several)


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_value, value))
    return float(f"{value:.3g}") if isinstance(value, float) else value


def bcftools(command: str, *arguments: str, out: Path) -> list[ExportedRecord]:
    """The records that a command of bcftools writes."""
    run = getattr(pysam.bcftools, command)
    run("-Ob", "-o", str(out), *arguments, catch_stdout=False)
    return records_of(out)


def exported(callset_url: str, out: Path | str, **options: Any) -> Receipt:
    """Export a callset in this process."""
    chosen = ExportOptions(**options)
    return steps.export(callset_url, str(out), scatter=Inline(), progress=Silent(), options=chosen)
