"""The commands from gVCFs to a callset and its report: their arguments, and the step's function that each calls."""

import sys
from functools import partial

from genocloud import cohort, pipeline, steps
from genocloud.callset.formats import OUTPUT_NAMES
from genocloud.callset.other_formats import EXPORT_NAMES
from genocloud.cli import exporting, refining
from genocloud.cli.options import (
    CPUS,
    Arguments,
    Commands,
    bad_record_option,
    budget_options,
    callset_argument,
    chosen_call_options,
    chosen_ingest_options,
    chosen_intervals,
    chosen_joint_options,
    chosen_settings,
    cohort_argument,
    dbsnp_option,
    fields_options,
    forcing_options,
    hand_over,
    interval_options,
    memory_option,
    model_option,
    model_options,
    new_command,
    output_option,
    par_option,
    preset_option,
    receipt_option,
    reference_option,
    samples_argument,
    scatter_option,
    shown_progress,
    threads_option,
    version_option,
    whole_number,
)
from genocloud.cohort import BATCH_SIZE
from genocloud.errors import SettingError
from genocloud.regions import PART_BP, SHARD_BP
from genocloud.scatter.executors import open_scatter


def _joint(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        if arguments.replace and arguments.cohort is None:
            arguments.usage.error("--replace changes samples of a cohort that stays; name it with --cohort")
        if not arguments.samples and arguments.cohort is None:
            arguments.usage.error("name a sample sheet, or gVCFs")
        options = chosen_joint_options(arguments)
        with shown_progress(arguments) as progress:
            summary, receipt = steps.joint(options, progress=progress)
        hand_over(receipt, arguments)
        print(summary, file=sys.stderr)  # noqa: T201 (the command line's own voice)

    command = new_command(
        commands,
        "joint",
        "Genotype gVCFs jointly on one machine, straight to VCF.",
        run,
        "samples.tsv -R GRCh38.fa -o calls.vcf.gz",
    )
    samples_argument(command, nargs="*")
    reference_option(command)
    output_option(command, "OUT", f"path or URL: {OUTPUT_NAMES}")
    command.add_argument("--callset", metavar="CALLSET", help="path or URL of a Parquet callset to make as well")
    command.add_argument(
        "--cohort",
        metavar="COHORT",
        help="path or URL of a cohort to keep: the samples join it, and everybody in it is genotyped. Without SAMPLES "
        "as it is. Default: none is kept",
    )
    command.add_argument(
        "--replace",
        action="store_true",
        help="samples of the --cohort whose file has changed are read from it from now on; else they are refused",
    )
    interval_options(command)
    forcing_options(command)
    bad_record_option(command)
    threads_option(command, CPUS)
    memory_option(command)
    model_option(command, "gatk", "deepvariant", "glnexus")
    preset_option(command)
    model_options(command)
    dbsnp_option(command)
    fields_options(command)
    budget_options(command)
    receipt_option(command)


def _inputs(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            listed = pipeline.sheet_or_gvcfs(arguments.samples)
            chosen = chosen_intervals(arguments)
            checked, receipt = steps.check_inputs(
                listed, arguments.reference, scatter=scatter, progress=progress, intervals=chosen
            )
        if arguments.output:
            steps.write_called_sheet(checked, arguments.called, arguments.output)
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "inputs",
        "Check a sample sheet against the files it names.",
        run,
        "samples.tsv -R GRCh38.fa -o checked.tsv",
    )
    samples_argument(command)
    reference_option(command)
    output_option(command, "CHECKED.tsv", "write the sheet that ingest takes: a gVCF for everyone", required=False)
    command.add_argument(
        "--called", default=".", metavar="DIR", help="where gVCFs called from reads will be. Default: %(default)s"
    )
    interval_options(command, "contigs outside of these may have another length in a gVCF's header")
    scatter_option(command)
    receipt_option(command)


def _call(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress:
            receipt = steps.call(chosen_call_options(arguments), progress=progress)
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "call",
        "Call one person's reads with the embedded bcftools: a gVCF.",
        run,
        "NA12878 --reads NA12878.cram -R GRCh38.fa --sex female -o NA12878.g.vcf.gz",
    )
    command.add_argument("sample", metavar="SAMPLE", help="the sample's name; the reads' SM must agree")
    command.add_argument("--reads", required=True, metavar="READS", help="path or URL of a BAM or CRAM with its index")
    reference_option(command)
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
    output_option(command, "OUT.g.vcf.gz", "path or URL")
    threads_option(command, 1, "processes to call with")
    receipt_option(command)


def _ingest(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        options = chosen_ingest_options(arguments)
        pipeline.load_ingest()
        listed = pipeline.sheet_or_gvcfs(arguments.samples)
        with open_scatter(arguments.scatter) as scatter, shown_progress(arguments) as progress:
            receipt = steps.ingest(
                arguments.cohort, listed, arguments.reference, options=options, scatter=scatter, progress=progress
            )
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "ingest",
        "Put gVCFs into a cohort, a new one or one that grows.",
        run,
        "cohort/ samples.tsv -R GRCh38.fa",
    )
    cohort_argument(command)
    samples_argument(command)
    reference_option(command)
    command.add_argument(
        "--batch-size",
        type=whole_number,
        metavar="N",
        default=BATCH_SIZE,
        help="samples stored together. Default: %(default)s",
    )
    others = command.add_mutually_exclusive_group()
    others.add_argument(
        "--replace",
        action="store_true",
        help="samples of the cohort whose file has changed are read from it from now on",
    )
    others.add_argument(
        "--complete",
        action="store_true",
        help="the sheet names everybody: replace whose file has changed, refuse a cohort that holds others",
    )
    command.add_argument(
        "--part-bp",
        type=whole_number,
        metavar="BASES",
        default=PART_BP,
        help="shorter contigs share files. Default: %(default)s",
    )
    command.add_argument(
        "--window-bp",
        type=whole_number,
        metavar="BASES",
        default=SHARD_BP,
        help="bases worked on together. Default: %(default)s",
    )
    interval_options(command, "records outside of these need not be good; good ones are stored wherever they are")
    bad_record_option(command)
    scatter_option(command, "processes")
    budget_options(command)
    receipt_option(command)


def _discover(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter, arguments.memory) as scatter:
            whole_cohort = cohort.open_cohort(arguments.cohort, arguments.cohort_version)
            reference = pipeline.read_reference(arguments.reference) if arguments.reference else None
            targets = chosen_intervals(arguments).targets(whole_cohort.contigs, reference)
            cut = pipeline.cut_genome(whole_cohort, arguments.part, targets)
            receipt = steps.discover(whole_cohort, cut, scatter=scatter, progress=progress, reference=reference)
        hand_over(receipt, arguments)

    command = new_command(commands, "discover", "Merge a cohort's alleles into sites.", run, "cohort/")
    cohort_argument(command)
    command.add_argument("--part", metavar="PART", help="only this part of the genome (see inspect)")
    interval_options(command)
    forcing_options(command)
    command.add_argument(
        "-R",
        "--reference",
        metavar="REF.fa",
        help="the reference of the cohort, for records without a variant, and REF of --alleles",
    )
    version_option(command)
    scatter_option(command)
    memory_option(command)
    budget_options(command)
    receipt_option(command)


def _genotype(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter, arguments.memory) as scatter:
            whole_cohort = cohort.open_cohort(arguments.cohort, arguments.cohort_version)
            model = pipeline.chosen_model(whole_cohort, chosen_settings(arguments), arguments.model, arguments.preset)
            targets = chosen_intervals(arguments).targets(whole_cohort.contigs)
            cut = pipeline.cut_genome(whole_cohort, arguments.part, targets)
            receipt = steps.genotype(
                whole_cohort,
                arguments.callset,
                model=model,
                cut=cut,
                scatter=scatter,
                progress=progress,
                dbsnp_url=arguments.dbsnp,
            )
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "genotype",
        "Genotype everyone at every site: a Parquet callset.",
        run,
        "cohort/ callset/ --memory 16GB",
    )
    cohort_argument(command)
    callset_argument(command)
    command.add_argument(
        "--part",
        metavar="PART",
        help="only this part of the genome; the callset is finished by a run without it, which does what is missing",
    )
    interval_options(command)
    forcing_options(command)
    version_option(command)
    model_option(command, "gatk", "deepvariant", "glnexus")
    preset_option(command)
    model_options(command)
    dbsnp_option(command)
    scatter_option(command)
    memory_option(command)
    budget_options(command)
    receipt_option(command)


def _export(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        if arguments.output == "-" and arguments.receipt == "-":
            raise SettingError("--receipt -: standard output is the VCF's; name a file")
        request = pipeline.ExportRequest.of(arguments.output, vars(arguments))
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            write = partial(
                steps.export_by_name,
                arguments.callset,
                scatter=scatter,
                progress=progress,
                options=request.options(),
                dense=request.dense,
                pedigree=request.pedigree,
                par=request.par,
            )
            receipt = exporting.to_standard_output(write) if request.path == "-" else write(request.path)
        hand_over(receipt, arguments)

    command = new_command(
        commands, "export", "Write a callset as VCF, BCF, PGEN or VCF Zarr.", run, "callset/ chr20.vcf.gz -L chr20"
    )
    callset_argument(command)
    command.add_argument(
        "output",
        metavar="OUT",
        help=f"path or URL of the file: {EXPORT_NAMES}; - is standard output, as VCF. "
        "{contig} in the name: a file for each contig; {family}: for each family of --pedigree",
    )
    command.add_argument(
        "--site",
        action="append",
        metavar="NAME",
        help="only the samples of this site of a hybrid run; may be repeated (default: all)",
    )
    command.add_argument(
        "--dense",
        action="store_true",
        help="write a table with a row for each site and sample, OUT.parquet, with all fields, in one process",
    )
    fields_options(command)
    command.add_argument(
        "--unfiltered", action="store_true", help="leave out what genocloud filter said of the callset's sites"
    )
    command.add_argument(
        "--genotype-filters",
        action="store_true",
        help="FORMAT/FT: each genotype's filters, by those of its ALTs and its own",
    )
    exporting.sample_options(command)
    exporting.record_options(command)
    refining.refinement_options(command)
    par_option(
        command,
        "of OUT.pgen with --pedigree: X's pseudo-autosomal regions (chrX:10001-2781479). Default: by X's length",
    )
    interval_options(command)
    scatter_option(command)
    budget_options(command)
    receipt_option(command)


def _report(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.report(
                arguments.callset,
                arguments.receipts,
                arguments.output,
                scatter=scatter,
                progress=progress,
                plan_url=arguments.plan,
                qc_url=arguments.qc,
                screen_url=arguments.screen,
                prices=arguments.table,
                title=arguments.title,
            )
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "report",
        "Make the HTML report of a run, and its summary.",
        run,
        "callset/ --receipts receipts/ -o report.html",
    )
    callset_argument(command)
    command.add_argument(
        "--receipts", required=True, metavar="DIR", help="the run's receipts (*.json, in folders by step)"
    )
    beside = "the summary goes beside it, as .txt, and all samples' numbers, as .samples.tsv and .samples.json"
    output_option(command, "REPORT.html", beside)
    command.add_argument("--title", default="", metavar="TEXT", help="the page's title, such as the study's name")
    command.add_argument(
        "--plan", metavar="PLAN.json", help="the estimate of genocloud plan, shown beside what the run took"
    )
    command.add_argument("--qc", metavar="DIR", help="what genocloud qc wrote of the callset: its flags lead the page")
    command.add_argument("--screen", metavar="DIR", help="what genocloud screen wrote of the cohort")
    command.add_argument(
        "--prices",
        dest="table",
        action="append",
        default=[],
        metavar="[SITE=]TABLE.yaml",
        help="what cores, storage and traffic cost (profiles/prices, or one of yours), of all sites or of one; may be "
        "repeated. Default: those of --plan",
    )
    scatter_option(command)
    receipt_option(command)


ALL = {
    "joint": _joint,
    "call": _call,
    "inputs": _inputs,
    "ingest": _ingest,
    "discover": _discover,
    "genotype": _genotype,
    "export": _export,
    "report": _report,
}
