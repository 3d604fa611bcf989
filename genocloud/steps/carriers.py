"""carriers: list who carries which ALT at variants, positions or regions of a callset, as text or Parquet."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from genocloud import schema, sealing, storage
from genocloud.callset import Callset, is_variant, open_callset
from genocloud.errors import SettingError
from genocloud.pipeline.chosen_samples import SampleChoice
from genocloud.pipeline.intervals import read_intervals
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.regions import Region

STDOUT = "-"
_SUFFIXES = ".tsv", ".parquet"


def carriers(
    callset_url: str,
    places: Sequence[str],
    out_url: str = STDOUT,
    *,
    samples: SampleChoice = SampleChoice(),  # noqa: B008 (frozen)
) -> Receipt:
    """Write schema.CARRIERS at variants, regions and interval files to OUT.tsv, OUT.parquet or standard output.

    The balance is in sites: those with carriers, and those that nobody looked at has an ALT of. Raises what
    Callset.carriers raises, GenotypesNotShared, RemoteUnreachable, and OutputInUse where another run writes OUT.
    """
    if out_url != STDOUT and not out_url.endswith(_SUFFIXES):
        raise SettingError(f"{out_url}: carriers are written as {' or '.join(_SUFFIXES)}; name the output so")
    with storage.file_lock(out_url) if out_url != STDOUT else nullcontext(), receipt_of("carriers") as receipt:
        callset = samples.of(open_callset(callset_url)).with_filters()
        callset.check_reach()
        tables = callset.carrier_tables(_where(callset, places))  # raises before a header is written
        rows = taken = kept = 0
        with _output(out_url) as write:
            for table, sites in tables:
                write(table)
                rows, taken, kept = rows + len(table), taken + sites, kept + _sites_in(table)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(*([] if out_url == STDOUT else [out_url]))
        receipt.figures = {"rows": rows}
        receipt.balanced("sites", taken, kept, {"without carriers": taken - kept})
    return receipt


def _where(callset: Callset, places: Sequence[str]) -> list[str | Region]:
    variants = [text for text in places if is_variant(text)]
    return [*variants, *read_intervals([text for text in places if text not in variants], callset.contigs)]


def _sites_in(table: schema.Carriers) -> int:
    return int(table.group_by(["contig", "pos"]).aggregate([]).num_rows)


@contextmanager
def _output(url: str) -> Iterator[Callable[[schema.Carriers], Any]]:
    """What writes tables to the output, one behind the other."""
    if url == STDOUT:
        sys.stdout.flush()
        with _text(sys.stdout.buffer) as write:
            yield write
        return
    folder, name = storage.split(url)
    form = _text if url.endswith(".tsv") else _parquet
    with storage.open_store(folder).writer(name) as stream, form(stream) as write:
        yield write


@contextmanager
def _text(stream: BinaryIO) -> Iterator[Callable[[schema.Carriers], Any]]:
    """Tabs between, a header, `.` for null."""
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    stream.write("\t".join(schema.CARRIERS.names).encode() + b"\n")

    def write(table: schema.Carriers) -> None:
        columns = [pc.fill_null(column.cast(pa.string()), ".") for column in table.columns]
        csv.write_csv(pa.table(columns, names=table.column_names), stream, options)

    yield write


@contextmanager
def _parquet(stream: BinaryIO) -> Iterator[Callable[[schema.Carriers], Any]]:
    with sealing.SealedWriter(stream, schema.CARRIERS, compression="zstd") as out:
        yield out.write_table
