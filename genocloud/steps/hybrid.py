"""hybrid: samples that lie at several sites become one callset; work is done where they lie, small tables cross."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from genocloud import cohort, storage
from genocloud.federation import (
    Config,
    TransferLog,
    unpack,
)
from genocloud.pipeline.genotyping.known_names import check_contigs
from genocloud.pipeline.genotyping.row_cache import row_cache
from genocloud.pipeline.hybrid.callsets import genotype_shards, location_totals, plan_shards
from genocloud.pipeline.hybrid.clients import LocationClient, Watch, unwatched
from genocloud.pipeline.hybrid.locations import (
    FilledLocations,
    check_locations,
    checked_rows,
    connected,
    fill_locations,
)
from genocloud.pipeline.hybrid.setup import (
    _FIGURES,
    SHEET_NAME,
    Filled,
    Filling,
    _balance,
    _check_covered,
    _people,
    _text,
    _workers,
)
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.options import IngestOptions, model_of
from genocloud.pipeline.preconditions import refuse_bare_blocks, refuse_holes
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import cohort_key, rows_by_window
from genocloud.regions import Region
from genocloud.samples import Sample
from genocloud.scatter.progress import Progress, Silent
from genocloud.steps.ingest import ingest

log = logging.getLogger(__name__)


def hybrid(
    config: Config, progress: Progress, watch: Watch = unwatched, say: Callable[[str], None] = log.info
) -> Receipt:
    """Genotype everybody jointly, wherever their gVCFs lie; the balance is in sites.

    At each site the cohort and its people's own callset are made; the coordinator's callset is of everybody. What is
    there already stays. `watch` hears of each task that was done, `say` which policy file decides at each site.
    Everything that can be wrong with the config or a site is said before any gVCF is read: see `checked_rows` and
    `hybrid_entry.look`.
    """
    with receipt_of("hybrid") as receipt, ExitStack() as stack:
        reference, model = read_reference(config.reference), model_of(config.settings)
        check_contigs(config.settings["dbsnp"] or None, reference.contigs)
        rows, ledger = checked_rows(config), TransferLog()
        stations = [stack.enter_context(connected(config, site, ledger, watch)) for site in config.sites]
        decides = check_locations(config, stations, reference, rows)
        for sentence in decides.values():
            say(sentence)
        working = [station for station in stations if station.home or rows[station.name]]
        for station in working:
            stack.enter_context(row_cache(station.scatter.memory))
        filled = fill_locations(config, working, reference, model, rows, fill, progress)
        flow, cut = plan_shards(filled, working, reference, progress)
        genotype_shards(filled, flow, cut, receipt)
        receipt.inputs = {"reference": reference.checksum, "samples": f"content:{filled.named()}"}
        receipt.figures |= {"coordinator": config.coordinator, "totals": location_totals(flow)}
        receipt.figures |= {"sites": _told(filled, working, decides), "crossings": ledger.told()}
    return receipt


def _told(filled: FilledLocations, stations: Sequence[LocationClient], decides: Mapping[str, str]) -> dict[str, Any]:
    """What the receipt says of the sites."""
    return {
        station.name: {
            "policy": station.location.policy,
            "decides": decides[station.name],
            "samples": len(filled.rows[station.name]),
            "seconds": round(station.seconds, 3),
            **({"ingest": filled.cohorts[station.name].balance} if station.name in filled.cohorts else {}),
        }
        for station in stations
    }


def fill(given: Filling) -> Filled:
    """Ingest a site's rows of the sheet, with all of its workers."""
    at, samples = given.at, [Sample(**row) for row in unpack(given.sheet, "sheet").to_pylist()]
    _check_covered(at, samples)
    storage.open_store(at.store).write(SHEET_NAME, _text(samples, at.store).encode())
    intervals = Intervals(given.intervals or ())
    storing = IngestOptions(
        at.part_bp,
        at.window_bp,
        given.batch_size,
        complete=True,
        intervals=intervals,
        drop_bad_records=given.drop_bad_records,
    )
    with _workers(given.threads) as scatter:
        sheet_url = storage.join(at.store, SHEET_NAME)
        receipt = ingest(at.cohort_url, sheet_url, at.reference, storing, scatter, Silent())
    figures = {"seconds": receipt.seconds, **receipt.figures}
    at = replace(at, version=cohort.open_cohort(at.cohort_url).version)
    opened = at.opened()  # from here on sums over its people may leave, if the site's register admits them
    refuse_bare_blocks(opened)
    asked = intervals.inside(opened.contigs)
    refuse_holes(opened, asked or [Region(number, 0, each.length) for number, each in enumerate(opened.contigs)])
    rows = {sample.sample: row for row, sample in enumerate(samples)}
    return Filled(
        opened.version,
        cohort_key(opened),
        cohort_key(opened, opened.samples),
        at.released("people", _people(opened, rows)),
        tuple(sorted(rows_by_window(opened, "variants"))),
        tuple(sorted(rows_by_window(opened, "blocks"))),
        _balance(opened),
        {name: value for name, value in figures.items() if name in _FIGURES},
    )
