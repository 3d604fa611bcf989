"""Whether Snakemake runs jobs, by its own parser: receipts are removed for a run alone."""

import pytest
from snakemake.cli import get_argument_parser

from genocloud.workflow.snakemake_options import WITHOUT_JOBS, runs_jobs


def parsed(options):
    return get_argument_parser().parse_known_args(options.split())[0]


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--cores 2 --keep-going -p",
        "--config note=-n --printshellcmds",
        "--forceall -- dryrun",
        "--until call -k --retries 2",
        "--report page.html --report-after-run",
        "--touch-me-not",
    ],
)
def test_a_run_runs_jobs(options):
    assert runs_jobs(parsed(options))


@pytest.mark.parametrize(
    "options",
    [
        "-n",
        "-np",
        "-pn --cores 2",
        "--dry-run",
        "--dryrun",
        "--lint",
        "--lint json",
        "--unlock",
        "--touch",
        "--dag",
        "--summary",
        "--list-rules",
        "--report page.html",
        "--delete-all-output",
        "--cleanup-metadata a",
        "--conda-create-envs-only",
    ],
)
def test_what_stands_in_the_place_of_a_run_runs_none(options):
    assert not runs_jobs(parsed(options))


def test_the_options_are_snakemakes():
    assert set(WITHOUT_JOBS) <= vars(parsed("")).keys()
