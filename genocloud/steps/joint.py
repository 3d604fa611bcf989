"""joint: all steps from the gVCFs to the VCF in one run, in threads."""

from dataclasses import replace
from functools import partial

from genocloud import callset, storage
from genocloud.cohort import Cohort, NewerSchema, OlderSchema, OtherReference, open_cohort
from genocloud.pipeline.callset_counts import count_callset
from genocloud.pipeline.chosen_model import check_par, likelihood_model, model_name
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.genotyping.known_names import check_contigs
from genocloud.pipeline.genotyping.vcf_shards import render
from genocloud.pipeline.ingestion.arrivals import StrangersInCohort
from genocloud.pipeline.ingestion.batch_storing import even_batch_size, ingest_need, load_ingest
from genocloud.pipeline.joint_models import by_glnexus, check_gvcfs, check_model
from genocloud.pipeline.kernel_warmup import compile_kernels
from genocloud.pipeline.memory_model import split_to_memory
from genocloud.pipeline.options import IngestOptions, JointOptions
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sample_list import People, read_people
from genocloud.pipeline.sharding import ShardPlan, cut_genome
from genocloud.pipeline.work_folder import WorkFolder, check_places, claim_callset, work_folder
from genocloud.report.statistics import Statistics
from genocloud.report.summary import summary_text
from genocloud.scatter.executors import Scatter, open_scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.discover import discover
from genocloud.steps.export import export_locked
from genocloud.steps.genotype import genotype
from genocloud.steps.ingest import BAD_RECORDS, ingest


def joint(options: JointOptions, *, progress: Progress) -> tuple[str, Receipt]:
    """Genotype gVCFs jointly; returns the summary and the receipt, balanced in sites.

    Cohort and finished shards are kept in OUT.work while it runs, so that a killed run resumes, and removed at its end.
    Raises SettingError where the disk is too small, OutputInUse where another run writes VCF, callset, or that folder.
    """
    check_model(options)
    check_places(options)
    callset.check_export_url(options.out_url, options.fields)
    if options.callset_url is not None:
        claim_callset(options.callset_url, options.out_url)
    with storage.file_lock(options.out_url), storage.file_lock(str(work_folder(options.out_url))):
        return _joint(options, progress)


def _joint(options: JointOptions, progress: Progress) -> tuple[str, Receipt]:
    reference = read_reference(options.reference_url)
    check_contigs(options.dbsnp_url, reference.contigs)
    check_par(options.model, reference.contigs)
    targets = options.intervals.targets(reference.contigs, reference)
    work = WorkFolder.of(options)
    with receipt_of("joint") as receipt, open_scatter(f"threads:{options.threads}", options.memory) as scatter:
        people = None if options.listed is None else read_people(options.listed, scatter, progress)
        compile_kernels(options.threads, options.memory, progress)
        ingested = None if people is None else _ingest(options, people, work, scatter.memory, progress)
        cohort = open_cohort(work.cohort)
        cut = cut_genome(cohort, targets=targets)
        name = model_name(cohort, options.model_name)
        statistics, genotyped = _WRITERS[name](replace(options, model_name=name), cohort, cut, scatter, progress)
        work.remove()
        receipt.inputs, receipt.balance = (ingested or genotyped).inputs, genotyped.balance
        receipt.figures = genotyped.figures if ingested is None else {"ingest": ingested.balance, **genotyped.figures}
        if ingested is not None:
            receipt.figures |= {name: ingested.figures[name] for name in BAD_RECORDS if name in ingested.figures}
    files = {
        "VCF": options.out_url,
        "callset": options.callset_url,
        "cohort": options.cohort_url,
        "model": receipt.figures["model"],
    }
    made = {what: url for what, url in files.items() if url not in (None, "gatk")}
    return summary_text(statistics, receipt.seconds, made), receipt


def _by_likelihoods(
    options: JointOptions, cohort: Cohort, cut: ShardPlan, scatter: Scatter, progress: Progress
) -> tuple[Statistics, Receipt]:
    """Write the VCF straight, or by way of a Parquet callset where one is to be kept."""
    keep, reference = options.cohort_url is not None, read_reference(options.reference_url)
    model = likelihood_model(options.model_name, options.model)
    discover(cohort, cut, scatter=scatter, progress=progress, keep=keep, reference=reference)
    if options.callset_url is None:
        return render(
            cohort,
            options.out_url,
            parts_url=WorkFolder.of(options).parts,
            model=model,
            cut=split_to_memory(cohort, cut, scatter, holds_genotypes=True),
            scatter=scatter,
            progress=progress,
            dbsnp_url=options.dbsnp_url,
            fields=options.fields,
        )
    genotyped = genotype(
        cohort,
        options.callset_url,
        model=model,
        cut=cut,
        scatter=scatter,
        progress=progress,
        dbsnp_url=options.dbsnp_url,
    )
    chosen = ExportOptions(fields=options.fields)
    export_locked(options.callset_url, options.out_url, scatter=scatter, progress=progress, options=chosen)
    return count_callset(options.callset_url, scatter, progress), genotyped


_WRITERS = {"gatk": _by_likelihoods, "deepvariant": _by_likelihoods, "glnexus": by_glnexus}


def _ingest(options: JointOptions, people: People, work: WorkFolder, room: int, progress: Progress) -> Receipt:
    """Ingest the samples, in as many processes as memory allows.

    The work folder's cohort is removed where a killed run with other samples, another reference or version of
    genocloud left it; a cohort with its own URL is kept, whatever it holds.
    """
    kept, size = work.kept_cohort is not None, even_batch_size(len(people.samples), options.threads)
    ingest_options = IngestOptions(
        complete=not kept,
        replace=kept and options.replace,
        batch_size=size,
        intervals=options.intervals,
        drop_bad_records=options.drop_bad_records,
        only=not kept,
    )
    processes = max(1, min(options.threads, room // ingest_need(ingest_options.batch_size)))
    load_ingest()
    with open_scatter(f"processes:{processes}") as scatter:
        run = partial(
            ingest,
            work.cohort,
            people,
            options.reference_url,
            options=ingest_options,
            scatter=scatter,
            progress=progress,
            before_storing=partial(check_gvcfs, work),
        )
        try:
            return run()
        except (StrangersInCohort, OtherReference, NewerSchema, OlderSchema):
            if kept:
                raise
            work.remove()
            return run()
