"""What happens before any job and after the last: checks, receipts that no longer hold, and the summary."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from genocloud import storage
from genocloud.callset import check_export_url
from genocloud.errors import GenocloudError
from genocloud.federation import config_of
from genocloud.workflow.config import check_urls, checked_settings
from genocloud.workflow.file_checks import check_files
from genocloud.workflow.filter_options import check_filters
from genocloud.workflow.model_settings import check_model
from genocloud.workflow.options import STEPS_IN_PARTS
from genocloud.workflow.profile import check_profiles
from genocloud.workflow.remote import lost_files, modified_times, receipt_of
from genocloud.workflow.sheet_rows import read_samples, samples_here
from genocloud.workflow.study import SnakemakeRun, Study


def start(config: Mapping[str, Any], run: SnakemakeRun) -> Study:
    """Check profile, config, sheet and files before any job; the first thing wrong ends the process with a message."""
    python = Path(sys.executable).parent
    os.environ.update(PATH=f"{python}{os.pathsep}{os.environ.get('PATH')}")  # jobs find this Python's genocloud
    try:
        return _started(config, run)
    except GenocloudError as error:
        sys.stderr.write(f"genocloud: {error}\n")
        sys.exit(error.exit_code)


def _started(config: Mapping[str, Any], run: SnakemakeRun) -> Study:
    if run.is_main:
        check_profiles(run.snakefile)
    study = _study(checked_settings(config), run)
    if run.is_main:
        check_urls(study.settings)
    check_export_url(study.settings["vcf"], study.fields)
    for each in study.exports.values():
        each.check()
    check_filters(study.settings["filter"], study.settings["reference"])
    check_model(study.settings)
    check_files(study)
    storage.make_private()
    if run.is_main:
        modified_times(study.known_files)  # a missing one is our error, not Snakemake's
        _drop_lost_receipts(study)
        _drop_other_parts(study)
    study.sex_contigs  # noqa: B018 read, and so checked, now
    return study


def _study(settings: dict[str, Any], run: SnakemakeRun) -> Study:
    if settings["audit"]:
        os.environ.update(GENOCLOUD_AUDIT=settings["audit"])  # jobs inherit it
    samples = read_samples(settings["samples"], settings["caller"])
    federation = config_of(settings) if settings["sites"] else None
    here = samples_here(samples.values(), federation)
    if federation:
        settings["callset"] = next(site.callset for site in federation.sites if site.name == federation.coordinator)
    return Study(settings=settings, samples=samples, samples_here=here, federation=federation, run=run)


def _drop_lost_receipts(study: Study) -> None:
    """Remove receipts whose files or stores are gone, so that their steps run again; a dry run only reports them."""
    outputs = {"export": study.vcf_files, "report": study.report_files}
    further = {each.receipt: each.lost for each in study.exports.values()}
    for receipt, urls in {**lost_files(study.settings, outputs), **further}.items():
        for url in urls:
            sys.stderr.write(f"genocloud: {url} is not what {receipt} vouches for, and is made again\n")
        if urls and not study.run.is_dry:
            Path(receipt).unlink()


def _drop_other_parts(study: Study) -> None:
    """Remove receipts of parts and exports that this run does not have: the report would count their work, too."""
    valid = {receipt_of("export"), *(each.receipt for each in study.exports.values())}
    for receipt in () if study.run.is_dry else Path("results/export").glob("*.json"):
        if str(receipt) not in valid:
            receipt.unlink()
    for step in () if study.federation or study.run.is_dry else STEPS_IN_PARTS:
        valid = {study.genotyped, *study.receipts(step)}
        for receipt in Path("results", step).glob("*.json"):
            if str(receipt) not in valid:
                receipt.unlink()


def write_summary(study: Study) -> None:
    """Write the report's summary to stderr, if this run made the report."""
    receipt = Path(receipt_of("report"))
    if receipt.exists() and receipt.stat().st_mtime > psutil.Process().create_time():
        with storage.open_file(study.report_files[1]) as file:
            summary = file.read().decode()
        sys.stderr.write(f"{summary}  vcf      {study.settings['vcf']}\n")
