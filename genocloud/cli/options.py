"""What several commands share: their options, how a run shows its progress, and where its receipt goes."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from genocloud.genotypes import Model
from genocloud.scatter.progress import Progress, open_progress
from genocloud.steps.receipts import Receipt, write_receipt

Arguments: TypeAlias = argparse.Namespace
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
MODEL = Model()
CPUS = len(os.sched_getaffinity(0))


def whole_number(text: str) -> int:
    """A whole number from 1 on: argparse turns the error into its usage message."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def hours(text: str) -> float:
    """A number of hours from 0 on: argparse turns the error into its usage message."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours from 0 on")
    return number


def new_command(
    commands: Commands,
    name: str,
    sentence: str,
    run: Callable[[Arguments], None],
) -> argparse.ArgumentParser:
    """A command of the command line, which `run` does."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=sentence, description=sentence)
    command.set_defaults(run=run)
    command.add_argument("-v", "--verbose", action="count", default=0, help="log more; -vv for everything")
    command.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    return command


def receipt_option(command: argparse.ArgumentParser) -> None:
    """Where the receipt goes."""
    command.add_argument(
        "--receipt", metavar="FILE", help="write the receipt (JSON) there, after all else; - is standard output"
    )


def scatter_option(command: argparse.ArgumentParser, kind: str = "threads") -> None:
    """Where tasks run, by default in as many threads or processes as there are cores."""
    command.add_argument(
        "--scatter",
        default=f"{kind}:{CPUS}",
        metavar="WHERE",
        help="where tasks run: inline; threads:N; processes:N; local:processes=N,threads=N,memory=SIZE (Dask); "
        "tcp://HOST:PORT (a Dask scheduler). Default: %(default)s",
    )


def reference_option(command: argparse.ArgumentParser) -> None:
    """What the samples were called against."""
    command.add_argument(
        "--reference", required=True, metavar="REF.fa", help="the reference, with REF.fa.fai beside it"
    )


def model_options(command: argparse.ArgumentParser) -> None:
    """The settings of the joint genotyping."""
    group = command.add_argument_group("model", "names and defaults are GATK's (GenotypeGVCFs)")
    group.add_argument(
        "--heterozygosity",
        type=float,
        default=MODEL.heterozygosity,
        help="expected SNPs per base. Default: %(default)s",
    )
    group.add_argument(
        "--indel-heterozygosity",
        type=float,
        default=MODEL.indel_heterozygosity,
        help="expected indels per base. Default: %(default)s",
    )
    group.add_argument(
        "--heterozygosity-stdev", type=float, default=MODEL.heterozygosity_stdev, help="Default: %(default)s"
    )
    group.add_argument(
        "--stand-call-conf",
        type=float,
        default=MODEL.stand_call_conf,
        help="least QUAL of a site, phred. Default: %(default)s",
    )
    group.add_argument(
        "--max-alternate-alleles",
        type=whole_number,
        default=MODEL.max_alternate_alleles,
        help="most ALT alleles genotyped at a site. Default: %(default)s",
    )
    group.add_argument(
        "-G",
        "--annotation-group",
        action="append",
        dest="annotation_groups",
        choices=("StandardAnnotation", "AS_StandardAnnotation"),
        help="annotations to compute; may be given several times. StandardAnnotation always is",
    )


def version_option(command: argparse.ArgumentParser) -> None:
    """Which version of the cohort is read."""
    command.add_argument(
        "--cohort-version", type=whole_number, metavar="N", help="an earlier version (see history). Default: the latest"
    )


def chosen_model(arguments: Arguments) -> Model:
    """The model that the options describe."""
    return Model(
        arguments.heterozygosity,
        arguments.indel_heterozygosity,
        arguments.heterozygosity_stdev,
        arguments.stand_call_conf,
        arguments.max_alternate_alleles,
        tuple(arguments.annotation_groups or MODEL.annotation_groups),
    )


def shown_progress(arguments: Arguments) -> AbstractContextManager[Progress]:
    """A display of the run's progress, unless it is to be quiet."""
    return open_progress(quiet=arguments.quiet)


def hand_over(receipt: Receipt, arguments: Arguments) -> None:
    """Write the receipt where it was asked for."""
    if arguments.receipt == "-":
        sys.stdout.write(receipt.as_json())
    elif arguments.receipt:
        write_receipt(receipt, arguments.receipt)
