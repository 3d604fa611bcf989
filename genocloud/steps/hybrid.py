"""hybrid: genotype samples at several locations jointly; work runs where the gVCFs lie, small tables cross."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from genocloud import storage
from genocloud.cohort import open_cohort
from genocloud.federation import Config, TransferLog, unpack
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.pipeline.genotyping.known_names import check_contigs
from genocloud.pipeline.gnomad.table_files import check_table_url
from genocloud.pipeline.hybrid.clients import LocationClient, OnTask, ignore_task
from genocloud.pipeline.hybrid.gnomad_tables import TABLE_KINDS, write_joint_table
from genocloud.pipeline.hybrid.location_tasks import (
    INGEST_FIGURES,
    SHEET_NAME,
    FillRequest,
    FillResult,
    check_covered,
    location_workers,
    people_table,
    record_balance,
    sheet_text_of,
)
from genocloud.pipeline.hybrid.locations import (
    IngestedLocations,
    check_locations,
    check_model,
    fill_locations,
    open_client,
    rows_by_location,
)
from genocloud.pipeline.hybrid.shard_runs import genotype_shards, location_totals, plan_shards
from genocloud.pipeline.intervals import Intervals, intervals_of
from genocloud.pipeline.options import IngestOptions, model_of
from genocloud.pipeline.preconditions import active_tallies, refuse_bare_blocks, refuse_holes
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import rows_by_window
from genocloud.regions import Region
from genocloud.samples import Sample
from genocloud.scatter.progress import Progress, Silent
from genocloud.steps.ingest import ingest

log = logging.getLogger(__name__)


def hybrid(
    config: Config,
    *,
    progress: Progress,
    on_task: OnTask = ignore_task,
    say: Callable[[str], None] = log.info,
    gnomad_table: str | None = None,
) -> Receipt:
    """Genotype the samples of all locations jointly; the balance is in sites, of the model glnexus in ALTs.

    Each location gets a cohort and a callset of its own samples; the coordinator's callset has all samples. Finished
    work is not repeated. `on_task` is called after each task, `say` with the policy file that decides at each location.
    `gnomad_table` is the URL of a table of everybody's aggregates, to be written when the callset is there.
    Config and locations are checked before any gVCF is read: see `rows_by_location` and `location_tasks.probe`.
    """
    with receipt_of("hybrid") as receipt, ExitStack() as stack:
        if gnomad_table:
            check_table_url(gnomad_table)
            stack.enter_context(storage.file_lock(gnomad_table))
        reference, model = read_reference(config.reference), model_of(config.settings)
        targets = intervals_of(config.settings).targets(reference.contigs, reference)
        check_contigs(config.settings["dbsnp"] or None, reference.contigs)
        check_model(config, model, targets, reference)
        sheet_rows, transfer_log = rows_by_location(config), TransferLog()
        clients = [stack.enter_context(open_client(config, site, transfer_log, on_task)) for site in config.sites]
        kinds = TABLE_KINDS if gnomad_table else ()
        policy_sentences = check_locations(config, clients, reference, sheet_rows, kinds)
        for sentence in policy_sentences.values():
            say(sentence)
        working = [client for client in clients if client.is_coordinator or sheet_rows[client.name]]
        ingested = fill_locations(
            config, working, reference=reference, model=model, sheet_rows=sheet_rows, ingest=fill, progress=progress
        )
        coordinator, cut = plan_shards(ingested, working, reference, targets, progress)
        genotype_shards(ingested, coordinator, cut, receipt)
        receipt.inputs = {"reference": reference.checksum, "samples": f"content:{ingested.samples_key()}"}
        receipt.figures |= {"coordinator": config.coordinator, "totals": location_totals(coordinator)}
        if gnomad_table:
            write_joint_table(coordinator, gnomad_table, receipt)
        receipt.figures["sites"] = _location_figures(ingested, working, policy_sentences)
        receipt.figures["crossings"] = transfer_log.as_json()
    return receipt


def _location_figures(
    filled: IngestedLocations, clients: Sequence[LocationClient], policy_sentences: Mapping[str, str]
) -> dict[str, Any]:
    """The receipt's entry for each location."""
    return {
        client.name: {
            "policy": client.location.policy,
            "decides": policy_sentences[client.name],
            "samples": len(filled.sheet_rows[client.name]),
            "seconds": round(client.seconds, 3),
            **({"ingest": filled.fill_results[client.name].balance} if client.name in filled.fill_results else {}),
        }
        for client in clients
    }


def fill(request: FillRequest) -> FillResult:
    """Ingest a location's rows of the sheet, with all of its workers."""
    context, samples = request.context, [Sample(**row) for row in unpack(request.sheet, "sheet").to_pylist()]
    check_covered(context, samples)
    storage.open_store(context.store).write(SHEET_NAME, sheet_text_of(samples, context.store).encode())
    intervals = Intervals(included=request.intervals or ())
    options = IngestOptions(
        part_bp=context.part_bp,
        window_bp=context.window_bp,
        batch_size=request.batch_size,
        complete=True,
        intervals=intervals,
        drop_bad_records=request.drop_bad_records,
    )
    with location_workers(request.threads) as scatter:
        sheet_url = storage.join(context.store, SHEET_NAME)
        receipt = ingest(
            context.cohort_url, sheet_url, context.reference, options=options, scatter=scatter, progress=Silent()
        )
    figures = {"seconds": receipt.seconds, **receipt.figures}
    context = replace(context, version=open_cohort(context.cohort_url).version)
    cohort = context.admitted_cohort()  # the register admits these samples: their sums may leave
    if request.likelihoods:
        refuse_bare_blocks(cohort)
    targets = intervals.inside(cohort.contigs)
    refuse_holes(cohort, targets or [Region(number, 0, each.length) for number, each in enumerate(cohort.contigs)])
    rows = {sample.sample: row for row, sample in enumerate(samples)}
    return FillResult(
        version=cohort.version,
        content=cohort_key(cohort),
        samples_key=cohort_key(cohort, cohort.samples),
        people=context.released("people", people_table(cohort, rows)),
        callers=tuple(sorted({tally.caller for _, tally in active_tallies(cohort)})),
        variants=tuple(sorted(rows_by_window(cohort, "variants"))),
        blocks=tuple(sorted(rows_by_window(cohort, "blocks"))),
        balance=record_balance(cohort),
        figures={name: value for name, value in figures.items() if name in INGEST_FIGURES},
    )
