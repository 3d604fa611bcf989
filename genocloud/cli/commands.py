"""The commands, one for each step: their arguments, and the step's function that each calls."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path

from genocloud import steps
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.regions import PART_BP, SHARD_BP
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Progress, open_progress
from genocloud.steps.receipts import Receipt, write_receipt

Arguments = argparse.Namespace
MODEL = Model()
CPUS = len(os.sched_getaffinity(0))


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `arguments.run(arguments)` does the command."""
    whole = argparse.ArgumentParser(prog="genocloud", description="Joint genotyping: gVCFs become one callset.")
    whole.add_argument("--version", action="version", version=f"genocloud {version('genocloud')}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for add in (_joint, _inputs, _call, _ingest, _discover, _genotype, _export, _report, _inspect):
        add(commands)
    return whole


def _count(text: str) -> int:
    """A whole number from 1 on: argparse turns the error into its usage message."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    sentence: str,
    run: Callable[[Arguments], None],
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=sentence, description=sentence)
    command.set_defaults(run=run)
    command.add_argument("-v", "--verbose", action="count", default=0, help="log more; -vv for everything")
    command.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    return command


def _receipt_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--receipt", metavar="FILE", help="write the receipt (JSON) there, after all else; - is standard output"
    )


def _scatter_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--scatter",
        default=f"threads:{CPUS}",
        metavar="WHERE",
        help="where tasks run: inline; threads:N; local:processes=N,threads=N,memory=SIZE (Dask); tcp://HOST:PORT "
        "(a Dask scheduler). Default: %(default)s",
    )


def _reference_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--reference", required=True, metavar="REF.fa", help="the reference, with REF.fa.fai beside it"
    )


def _model_options(command: argparse.ArgumentParser) -> None:
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
        type=_count,
        default=MODEL.max_alternate_alleles,
        help="most ALT alleles genotyped at a site. Default: %(default)s",
    )


def _model(arguments: Arguments) -> Model:
    return Model(
        arguments.heterozygosity,
        arguments.indel_heterozygosity,
        arguments.heterozygosity_stdev,
        arguments.stand_call_conf,
        arguments.max_alternate_alleles,
    )


def _progress(arguments: Arguments) -> AbstractContextManager[Progress]:
    return open_progress(quiet=arguments.quiet)


def _tell(receipt: Receipt, arguments: Arguments) -> None:
    if arguments.receipt == "-":
        sys.stdout.write(receipt.as_json())
    elif arguments.receipt:
        write_receipt(receipt, arguments.receipt)


def _joint(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        plan = steps.Joint(
            arguments.samples,
            arguments.reference,
            arguments.output,
            _model(arguments),
            arguments.regions,
            arguments.threads,
        )
        with _progress(arguments) as progress:
            summary, receipt = steps.joint(plan, progress)
        _tell(receipt, arguments)
        print(summary, file=sys.stderr)  # noqa: T201 (the command line's own voice)

    command = _command(commands, "joint", "Genotype gVCFs jointly on one machine, from sample sheet to VCF.", run)
    command.add_argument("samples", metavar="SAMPLES.tsv", help="a sample sheet, or a sample map as GATK takes it")
    _reference_option(command)
    command.add_argument("-o", "--output", required=True, metavar="OUT.vcf.gz", help="path or URL of the VCF")
    command.add_argument(
        "--regions", metavar="REGION", nargs="+", help="only records whose POS lies in these (chr1:1-2000)"
    )
    command.add_argument("--threads", type=_count, default=CPUS, help="Default: %(default)s")
    _model_options(command)
    _receipt_option(command)


def _inputs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        with _progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            checked, receipt = steps.check_inputs(arguments.samples, arguments.reference, scatter, progress)
        if arguments.output:
            steps.write_called_sheet(checked, arguments.called, arguments.output)
        _tell(receipt, arguments)

    command = _command(commands, "inputs", "Check a sample sheet against the files it names.", run)
    command.add_argument("samples", metavar="SAMPLES.tsv", help="a sample sheet, or a sample map as GATK takes it")
    _reference_option(command)
    command.add_argument(
        "-o", "--output", metavar="CHECKED.tsv", help="write the sheet that ingest takes: a gVCF for everyone"
    )
    command.add_argument(
        "--called", default=".", metavar="DIR", help="where gVCFs called from reads will be. Default: %(default)s"
    )
    _scatter_option(command)
    _receipt_option(command)


def _call(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        calling = steps.Calling(
            arguments.sample,
            arguments.reads,
            arguments.reference,
            arguments.output,
            arguments.sex,
            arguments.par,
            arguments.threads,
        )
        with _progress(arguments) as progress:
            receipt = steps.call(calling, progress)
        _tell(receipt, arguments)

    command = _command(commands, "call", "Call one person's reads with the embedded bcftools: a gVCF.", run)
    command.add_argument("sample", metavar="SAMPLE", help="the sample's name; the reads' SM must agree")
    command.add_argument("--reads", required=True, metavar="READS", help="BAM or CRAM with its index")
    _reference_option(command)
    command.add_argument(
        "--sex", choices=["male", "female", "unknown"], default="unknown", help="decides the ploidy of X and Y"
    )
    command.add_argument(
        "--par",
        nargs="*",
        default=[],
        metavar="REGION",
        help="pseudo-autosomal regions of X (chrX:10001-2781479). Default: known by X's length",
    )
    command.add_argument("-o", "--output", required=True, type=Path, metavar="OUT.g.vcf.gz")
    command.add_argument("--threads", type=_count, default=1, help="processes to call with. Default: %(default)s")
    _receipt_option(command)


def _ingest(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        storing = steps.Storing(arguments.part_bp, arguments.window_bp, arguments.batch_size, arguments.complete)
        with _progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.ingest(arguments.cohort, arguments.samples, arguments.reference, storing, scatter, progress)
        _tell(receipt, arguments)

    command = _command(commands, "ingest", "Put gVCFs into a cohort, a new one or one that grows.", run)
    command.add_argument("cohort", metavar="COHORT", help="path or URL of the cohort")
    command.add_argument("samples", metavar="SAMPLES.tsv", help="a sample sheet, or a sample map as GATK takes it")
    _reference_option(command)
    command.add_argument(
        "--batch-size", type=_count, default=steps.BATCH_SIZE, help="samples stored together. Default: %(default)s"
    )
    command.add_argument(
        "--complete",
        action="store_true",
        help="the sheet names everybody: replace whose file has changed, refuse a cohort that holds others",
    )
    command.add_argument(
        "--part-bp", type=_count, default=PART_BP, help="shorter contigs share files. Default: %(default)s"
    )
    command.add_argument(
        "--window-bp", type=_count, default=SHARD_BP, help="bases worked on together. Default: %(default)s"
    )
    _scatter_option(command)
    _receipt_option(command)


def _discover(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        with _progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            opened = open_cohort(arguments.cohort)
            receipt = steps.discover(opened, steps.cut_genome(opened, arguments.part), scatter, progress)
        _tell(receipt, arguments)

    command = _command(commands, "discover", "Merge a cohort's alleles into sites.", run)
    command.add_argument("cohort", metavar="COHORT", help="path or URL of the cohort")
    command.add_argument("--part", help="only this part of the genome (see inspect)")
    _scatter_option(command)
    _receipt_option(command)


def _genotype(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        with _progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            opened, model = open_cohort(arguments.cohort), _model(arguments)
            cut = steps.cut_genome(opened, arguments.part)
            receipt = steps.genotype(opened, arguments.callset, model, cut, scatter, progress)
        _tell(receipt, arguments)

    command = _command(commands, "genotype", "Genotype everyone at every site: a Parquet callset.", run)
    command.add_argument("cohort", metavar="COHORT", help="path or URL of the cohort")
    command.add_argument("callset", metavar="CALLSET", help="path or URL of the callset")
    command.add_argument(
        "--part",
        help="only this part of the genome; the callset is finished by a run without it, which does what is missing",
    )
    _model_options(command)
    _scatter_option(command)
    _receipt_option(command)


def _export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        with _progress(arguments) as progress:
            receipt = steps.export(arguments.callset, arguments.output, arguments.threads, progress)
        _tell(receipt, arguments)

    command = _command(commands, "export", "Write a callset as VCF, with its index.", run)
    command.add_argument("callset", metavar="CALLSET", help="path or URL of the callset")
    command.add_argument("output", metavar="OUT.vcf.gz", help="path or URL of the VCF")
    command.add_argument("--threads", type=_count, default=CPUS, help="Default: %(default)s")
    _receipt_option(command)


def _report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        with _progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.report(arguments.callset, arguments.receipts, arguments.output, scatter, progress)
        _tell(receipt, arguments)

    command = _command(commands, "report", "Make the HTML report of a run, and its summary.", run)
    command.add_argument("callset", metavar="CALLSET", help="path or URL of the callset")
    command.add_argument(
        "--receipts", required=True, metavar="DIR", help="the run's receipts (*.json, in folders by step)"
    )
    command.add_argument(
        "-o", "--output", required=True, metavar="REPORT.html", help="the summary goes beside it, as .txt"
    )
    _scatter_option(command)
    _receipt_option(command)


def _inspect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def run(arguments: Arguments) -> None:
        sys.stdout.write(steps.inspect(arguments.url))

    command = _command(commands, "inspect", "Describe a cohort or a callset in a few lines.", run)
    command.add_argument("url", metavar="URL", help="path or URL of a cohort or a callset")
