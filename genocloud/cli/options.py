"""Options that several commands share, their progress display, and writing their receipts."""

import argparse
import math
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

from genocloud import pipeline, steps
from genocloud.callset.format_fields import VCF_VERSIONS, FormatFields, chosen_keys
from genocloud.cli.logs import without_secrets
from genocloud.errors import SettingError, did_you_mean
from genocloud.formatting import is_number
from genocloud.genotypes import Model
from genocloud.gvcf.bad_records import MAX_BAD_RECORDS, MAX_BAD_SHARE
from genocloud.pipeline import genotyping
from genocloud.pipeline.receipts import Receipt, write_receipt
from genocloud.scatter.budget import Budgeted, Meter
from genocloud.scatter.executor_kinds import cores_of
from genocloud.scatter.progress import Progress
from genocloud.scatter.progress_display import open_progress

Arguments: TypeAlias = argparse.Namespace
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
MODEL = Model()
CPUS = len(os.sched_getaffinity(0))


RENAMED = {"--plain": "--insecure"}
"""Options by their former names: a usage error says what they are now."""


class Parser(argparse.ArgumentParser):
    """A parser whose usage errors say which option, command or choice was perhaps meant."""

    passes_options_on = False
    """Whether the words behind the first argument are another program's options; they become `passed_options`."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; of a command that passes its options on, --help alone in the first place is its own."""
        if not self.passes_options_on or args[:1] in (["-h"], ["--help"]):
            return super().parse_known_args(args, namespace)
        number = int(bool(args) and not args[0].startswith("-"))
        parsed, unknown = super().parse_known_args(args[:number], namespace)
        parsed.passed_options = args[number:]
        return parsed, unknown

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:  # argparse declares many overloads
        """As argparse does; words that a command does not know are that command's usage error."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command: Parser = getattr(parsed, "usage", self)
            option = unknown[0].partition("=")[0]
            near = did_you_mean(option, command._option_string_actions) if option.startswith("-") else ""
            if (now := RENAMED.get(option)) in command._option_string_actions:
                near = f"; {option} has a new name: {now}"
            command.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """End with the usage and the message, as argparse does."""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        near = did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else ""
        super().error(message + near)


def whole_number(text: str) -> int:
    """A whole number from 1 on: argparse turns the error into its usage message."""
    if not is_number(text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def memory_size(text: str) -> int:
    """Bytes, as 4GB or 500MiB say them: argparse turns the error into its usage message."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", text, re.IGNORECASE)
    if not match or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 4GB or 500MiB")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2].upper() or " "))


def memory_option(command: argparse.ArgumentParser) -> None:
    """How much memory the command may have."""
    command.add_argument(
        "--memory",
        type=memory_size,
        metavar="SIZE",
        help="most memory for all its processes, for Dask for each worker (4GB, 500MiB). Default: 80%% of what is free",
    )


def number_of_bases(text: str) -> int:
    """A whole number from 0 on: argparse turns the error into its usage message."""
    if not is_number(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bases")
    return int(text)


def hours(text: str) -> float:
    """A number of hours from 0 on: argparse turns the error into its usage message."""
    return _from_zero(text, "a number of hours from 0 on")


def _from_zero(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return number


def bare_command(
    commands: Commands, name: str, sentence: str, run: Callable[[Arguments], None] | None, example: str
) -> Parser:
    """A command without options: what it does in a sentence, the function that runs it, and one example.

    A command with commands of its own has no function.
    """
    description = textwrap.fill(sentence, 79)
    command = commands.add_parser(name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.epilog = f"example:\n  {command.prog} {example}"
    command.set_defaults(run=run, command=name, usage=command, verbose=0)
    return command


def new_command(commands: Commands, name: str, sentence: str, run: Callable[[Arguments], None], example: str) -> Parser:
    """A command of the command line, with the options that all have."""
    command = bare_command(commands, name, sentence, run, example)
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
        help="where tasks run: threads, processes, a Dask cluster (see genocloud help scatter). Default: %(default)s",
    )


def output_option(command: argparse.ArgumentParser, metavar: str, text: str, required: bool = True) -> None:
    """Where the output goes: -o as bcftools has it, -O as GATK."""
    command.add_argument("-o", "-O", "--output", required=required, metavar=metavar, help=text)


def threads_option(command: argparse.ArgumentParser, default: int, text: str = "threads to work with") -> None:
    """How many threads: -@ as bcftools and samtools have it."""
    command.add_argument(
        "-@", "--threads", type=whole_number, default=default, metavar="N", help=f"{text}. Default: %(default)s"
    )


def cohort_argument(command: argparse.ArgumentParser) -> None:
    """The cohort."""
    command.add_argument("cohort", metavar="COHORT", help="path or URL of the cohort")


def callset_argument(command: argparse.ArgumentParser) -> None:
    """The callset."""
    command.add_argument("callset", metavar="CALLSET", help="path or URL of the callset")


def reference_option(command: argparse.ArgumentParser) -> None:
    """The reference of the samples."""
    command.add_argument(
        "-R", "--reference", required=True, metavar="REF.fa", help="the reference, with REF.fa.fai beside it"
    )


def samples_argument(command: argparse.ArgumentParser, nargs: str = "+") -> None:
    """The samples: those of a sheet, or gVCFs by name."""
    command.add_argument(
        "samples",
        nargs=nargs,
        metavar="SAMPLES",
        help="a sample sheet, a sample map as GATK takes it, or gVCFs, by path or URL: SAMPLES.tsv, or *.g.vcf.gz",
    )


def model_option(command: argparse.ArgumentParser, *names: str) -> None:
    """Which of the models in docs/models.md."""
    command.add_argument(
        "--model",
        choices=names,
        default="",
        help=f"{', '.join(names)} (docs/models.md). Default: deepvariant for DeepVariant's and Clair3's, else gatk",
    )


def preset_option(command: argparse.ArgumentParser) -> None:
    """Which rules of GLnexus."""
    command.add_argument(
        "--preset",
        metavar="NAME|FILE",
        default="",
        help="preset of GLnexus, or a YAML file (.yml, .yaml) in its syntax. Default: DeepVariantWGS",
    )


def model_options(command: argparse.ArgumentParser) -> None:
    """The settings of the joint genotyping."""
    group = command.add_argument_group("model", "names and defaults are GATK's (GenotypeGVCFs)")
    group.add_argument(
        "--heterozygosity",
        type=float,
        metavar="RATE",
        default=MODEL.heterozygosity,
        help="expected SNPs per base. Default: %(default)s",
    )
    group.add_argument(
        "--indel-heterozygosity",
        type=float,
        metavar="RATE",
        default=MODEL.indel_heterozygosity,
        help="expected indels per base. Default: %(default)s",
    )
    group.add_argument(
        "--heterozygosity-stdev",
        type=float,
        metavar="RATE",
        default=MODEL.heterozygosity_stdev,
        help="standard deviation of the heterozygosity. Default: %(default)s",
    )
    group.add_argument(
        "--stand-call-conf",
        type=float,
        metavar="QUAL",
        default=MODEL.stand_call_conf,
        help="least QUAL of a site, phred. Default: %(default)s",
    )
    group.add_argument(
        "--max-alternate-alleles",
        type=whole_number,
        metavar="N",
        default=MODEL.max_alternate_alleles,
        help="most ALT alleles genotyped at a site. Default: %(default)s",
    )
    group.add_argument(
        "-G",
        "--annotation-group",
        action="append",
        dest="annotation_groups",
        choices=("StandardAnnotation", "AS_StandardAnnotation"),
        help="annotations to compute; may be repeated. StandardAnnotation always is",
    )
    group.add_argument(
        "--annotate-with-num-discovered-alleles",
        action="store_true",
        help="write in INFO/NDA how many ALT alleles were discovered at a site, genotyped or not",
    )
    group.add_argument(
        "--allow-old-rms-mapping-quality-annotation-data",
        action="store_true",
        help="compute MQ from GATK 3's RAW_MQ too, with the depth in the place of the count that it lacks",
    )
    par_option(
        command,
        "pseudo-autosomal regions of X (chrX:10001-2781479), for the model deepvariant, which reads men's "
        "records elsewhere on X as haploid. Default: known by X's length",
    )
    _gq_calibration_option(command)


def par_option(command: argparse.ArgumentParser, what: str) -> None:
    """Regions of X, after one --par or several."""
    command.add_argument("--par", nargs="+", action="extend", default=[], metavar="REGION", help=what)


def _gq_calibration_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--gq-calibration",
        metavar="TABLE.tsv",
        help="of the model deepvariant: what GQ becomes by kind of genotype, as measured on truth (docs/models.md). "
        "Default: GQ stays",
    )


def interval_options(command: argparse.ArgumentParser, what: str = "only records whose POS lies in these") -> None:
    """Which records are wanted; `what` says in what way."""
    command.add_argument(
        "-L",
        "--intervals",
        nargs="+",
        action="extend",
        default=[],
        metavar="INTERVAL",
        help=f"{what}: chr1, chr1:1-2000, or files by path or URL (.bed, .interval_list, .list). Default: everywhere",
    )
    command.add_argument(
        "-ip",
        "--interval-padding",
        type=number_of_bases,
        default=0,
        metavar="BASES",
        help="how much longer each is taken to be at both ends. Default: %(default)s",
    )
    command.add_argument(
        "-XL",
        "--exclude-intervals",
        nargs="+",
        action="extend",
        default=[],
        metavar="INTERVAL",
        help="not what lies in these, written as for -L",
    )
    command.add_argument(
        "-ixp",
        "--interval-exclusion-padding",
        type=number_of_bases,
        default=0,
        metavar="BASES",
        help="how much longer each of those is taken to be at both ends. Default: %(default)s",
    )


def bad_record_option(command: argparse.ArgumentParser) -> None:
    """Whether a bad record ends the run or is dropped."""
    command.add_argument(
        "--on-bad-record",
        choices=("refuse", "drop"),
        default="refuse",
        help="a record that no gVCF may hold ends the run, or is dropped and counted: of a sample "
        f"{MAX_BAD_SHARE:.0%}% or {MAX_BAD_RECORDS} records at most. "
        "Outside the intervals such records never matter. Default: %(default)s",
    )


def forcing_options(command: argparse.ArgumentParser) -> None:
    """Which sites and alleles are written whatever the evidence."""
    group = command.add_mutually_exclusive_group()
    group.add_argument(
        "-all-sites",
        "--include-non-variant-sites",
        action="store_true",
        help="a record for every base that some gVCF covers, also without a variant",
    )
    group.add_argument(
        "--force-output-intervals",
        nargs="+",
        action="extend",
        default=[],
        metavar="INTERVAL",
        help="the same in these intervals only",
    )
    command.add_argument(
        "--alleles",
        metavar="SITES.vcf",
        default="",
        help="path or URL of a VCF or BCF: its alleles are genotyped in everybody, whatever the evidence",
    )


def chosen_intervals(arguments: Arguments) -> "pipeline.Intervals":
    """The intervals that the options describe."""
    return pipeline.Intervals(
        included=tuple(arguments.intervals),
        padding=arguments.interval_padding,
        force_output=tuple(getattr(arguments, "force_output_intervals", ())),
        non_variant=getattr(arguments, "include_non_variant_sites", False),
        excluded=tuple(arguments.exclude_intervals),
        exclusion_padding=arguments.interval_exclusion_padding,
        alleles=getattr(arguments, "alleles", ""),
    )


def dbsnp_option(command: argparse.ArgumentParser) -> None:
    """The VCF of known variants."""
    command.add_argument(
        "-D",
        "--dbsnp",
        metavar="KNOWN.vcf.gz",
        help="path or URL of known variants, with an index: the same variants get their IDs, and INFO/DB",
    )


def fields_options(command: argparse.ArgumentParser) -> None:
    """What FORMAT has in the file that is written."""
    command.add_argument(
        "--fields",
        action="append",
        metavar="KEY,...",
        help="FORMAT fields to write beside GT, as AD,DP,GQ; GT alone makes the smallest file. Default: all",
    )
    command.add_argument(
        "--local-alleles",
        action="store_true",
        help="LAA, LAD and LPL in the place of AD and PL: only of REF and the ALTs that a sample's own record has",
    )
    command.add_argument(
        "--vcf-version",
        choices=VCF_VERSIONS,
        default=VCF_VERSIONS[0],
        help="of the header; 4.5 has a Number for LAD and LPL, but GATK, Picard and IGV refuse it. "
        "Default: %(default)s",
    )


def chosen_fields(arguments: Arguments) -> FormatFields:
    """What FORMAT has, as the options describe it. Raises UnknownField."""
    return FormatFields(
        keys=chosen_keys(arguments.fields),
        local_alleles=arguments.local_alleles,
        vcf_version=arguments.vcf_version,
    )


def version_option(command: argparse.ArgumentParser) -> None:
    """Which version of the cohort is read."""
    command.add_argument(
        "--cohort-version", type=whole_number, metavar="N", help="an earlier version (see history). Default: the latest"
    )


def chosen_settings(arguments: Arguments) -> Model:
    """The model's settings that the options describe."""
    return Model(
        heterozygosity=arguments.heterozygosity,
        indel_heterozygosity=arguments.indel_heterozygosity,
        heterozygosity_stdev=arguments.heterozygosity_stdev,
        stand_call_conf=arguments.stand_call_conf,
        max_alternate_alleles=arguments.max_alternate_alleles,
        annotation_groups=tuple(arguments.annotation_groups or MODEL.annotation_groups),
        annotate_with_num_discovered_alleles=arguments.annotate_with_num_discovered_alleles,
        allow_old_rms_mapping_quality_annotation_data=arguments.allow_old_rms_mapping_quality_annotation_data,
        dbsnp=genotyping.known_variants(arguments.dbsnp) if arguments.dbsnp else "",
        par=tuple(arguments.par),
        gq_calibration=genotyping.gq_map(arguments.gq_calibration) if arguments.gq_calibration else "",
    )


def chosen_joint_options(arguments: Arguments) -> "pipeline.JointOptions":
    """What `genocloud joint` does, as the options describe it."""
    return pipeline.JointOptions(
        listed=pipeline.sheet_or_gvcfs(arguments.samples) if arguments.samples else None,
        reference_url=arguments.reference,
        out_url=arguments.output,
        model=chosen_settings(arguments),
        intervals=chosen_intervals(arguments),
        threads=arguments.threads,
        callset_url=arguments.callset,
        memory=arguments.memory,
        dbsnp_url=arguments.dbsnp,
        cohort_url=arguments.cohort,
        replace=arguments.replace,
        drop_bad_records=arguments.on_bad_record == "drop",
        fields=chosen_fields(arguments),
        model_name=arguments.model,
        preset=arguments.preset,
    )


def chosen_ingest_options(arguments: Arguments) -> "pipeline.IngestOptions":
    """How gVCFs are ingested, as the options describe it."""
    return pipeline.IngestOptions(
        part_bp=arguments.part_bp,
        window_bp=arguments.window_bp,
        batch_size=arguments.batch_size,
        complete=arguments.complete,
        replace=arguments.replace,
        intervals=chosen_intervals(arguments),
        drop_bad_records=arguments.on_bad_record == "drop",
    )


def chosen_call_options(arguments: Arguments) -> "steps.CallOptions":
    """Which reads are called and how, as the options describe it."""
    return steps.CallOptions(
        sample=arguments.sample,
        reads_url=arguments.reads,
        reference_url=arguments.reference,
        out=arguments.output,
        sex=arguments.sex,
        par=arguments.par,
        workers=arguments.threads,
    )


def budget_options(command: argparse.ArgumentParser) -> None:
    """Prices, and a budget."""
    group = command.add_argument_group("money")
    group.add_argument(
        "--prices", metavar="TABLE.yaml", help="show what is spent by this table (profiles/prices, or one of yours)"
    )
    group.add_argument(
        "--budget", type=money, metavar="MONEY", help="stop between two tasks when this command has spent so much"
    )
    group.add_argument(
        "--cores", type=whole_number, metavar="N", help="cores that are paid for. Default: what its tasks run on"
    )


def money(text: str) -> float:
    """An amount from 0 on: argparse turns the error into its usage message."""
    return _from_zero(text, "an amount of money")


@contextmanager
def shown_progress(arguments: Arguments) -> Iterator[Progress]:
    """The progress display of a run, with what it has spent where prices are known, held to its budget."""
    meter = _meter(arguments)
    with open_progress(quiet=arguments.quiet, said=meter.summary if meter else None) as progress:
        budget = getattr(arguments, "budget", None)
        yield progress if meter is None or budget is None else Budgeted(progress, meter, budget)


def _meter(arguments: Arguments) -> Meter | None:
    """The meter of a command with prices. Raises BadPrices, or SettingError without a table."""
    table = getattr(arguments, "prices", None)
    if table is None:
        if getattr(arguments, "budget", None) is not None:
            raise SettingError("--budget: the price of a core is not known; name a table with --prices")
        return None
    from genocloud.costs.prices import CORE_BYTES, find_prices, read_prices
    from genocloud.federation.config import HERE  # slow to import (schemas), and needed by few

    prices = read_prices(find_prices(table, "config.yaml"))
    cores = arguments.cores or getattr(arguments, "threads", None) or cores_of(arguments.scatter)
    if not cores:
        raise SettingError(f"--prices: {arguments.scatter} does not say how many cores it has; give --cores")
    return Meter({HERE: prices.per_hour(cores, cores * CORE_BYTES)}, prices.currency)


def hand_over(receipt: Receipt, arguments: Arguments) -> None:
    """Write the receipt, with the command that made it, where it is to go."""
    receipt.command = without_secrets(shlex.join(["genocloud", *arguments.words]))
    if arguments.receipt == "-":
        sys.stdout.write(receipt.as_json())
    elif arguments.receipt:
        write_receipt(receipt, arguments.receipt)
