"""Options of exported files: which samples and records they have."""

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from genocloud.cli.options import Arguments, whole_number
from genocloud.pipeline.receipts import Receipt

if TYPE_CHECKING:  # it brings pyarrow, which help need not load
    from genocloud.pipeline import SampleChoice


def sample_options(command: argparse.ArgumentParser) -> None:
    """Which samples the file has."""
    some_samples(command).add_argument(
        "--keep-counts",
        action="store_true",
        help="AC, AF and AN of all samples. Default: of those in the file. The rest of INFO is of all",
    )


def some_samples(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Which samples are looked at."""
    group = command.add_argument_group("samples", "some of the callset's")
    group.add_argument(
        "--samples",
        action="append",
        metavar="NAMES|FILE",
        help="only these, in this order: names with commas between, or a file with one a line; may be repeated",
    )
    group.add_argument(
        "--exclude-samples", action="append", metavar="NAMES|FILE", help="all but these; may be repeated"
    )
    return group


def record_options(command: argparse.ArgumentParser) -> None:
    """Which records the file has, and in what form."""
    group = command.add_argument_group("records", "which there are, and their form; they are judged as written")
    group.add_argument("--sites-only", action="store_true", help="no genotypes")
    group.add_argument(
        "-i",
        "--include",
        metavar="EXPR",
        help="only those of which an ALT meets an expression in bcftools' syntax, such as 'QUAL>50 && AF<0.01'",
    )
    group.add_argument("-e", "--exclude", metavar="EXPR", help="only those of which no ALT meets an expression")
    group.add_argument(
        "--filtered",
        choices=("all", "pass"),
        default="all",
        help="pass: only those whose FILTER is PASS. Default: all",
    )
    group.add_argument(
        "--min-ac",
        type=whole_number,
        default=0,
        metavar="N",
        help="only those with at least N called ALT alleles in the samples of the file",
    )
    group.add_argument(
        "--split", action="store_true", help="a record for each ALT, as bcftools norm -m- has them (multi-allelics)"
    )
    group.add_argument(
        "--left-align",
        metavar="FASTA",
        help="trim and left-align each record to the reference, as bcftools norm -f does, and sort by the new POS; "
        "records with * among their ALTs stay as they are",
    )
    group.add_argument("--drop-star", action="store_true", help="leave out records whose ALT is * alone")
    group.add_argument("--ids", choices=("chrom:pos:ref:alt",), help="what ID is. Default: as it is in the callset")
    group.add_argument(
        "--diploid-sex-chromosomes",
        action="store_true",
        help="write haploid genotypes as two equal alleles, without PL, which says nothing of heterozygotes there",
    )


def chosen_some(arguments: Arguments) -> "SampleChoice":
    """The samples that the options of `some_samples` describe."""
    from genocloud.pipeline import SampleChoice

    return SampleChoice(included=tuple(arguments.samples or ()), excluded=tuple(arguments.exclude_samples or ()))


def to_standard_output(write: Callable[[str], Receipt]) -> Receipt:
    """Write plain VCF into a temporary file, then all of it to standard output; what fails writes nothing there."""
    with TemporaryDirectory(prefix="genocloud-") as folder:
        out = Path(folder) / "records.vcf"
        receipt = write(str(out))
        receipt.outputs.clear()
        with out.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return receipt
