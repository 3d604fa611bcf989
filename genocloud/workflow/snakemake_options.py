"""Whether Snakemake runs jobs this time; while it reads the Snakefile it has no plan and no executor yet."""

from typing import Any

WITHOUT_JOBS = (
    "dryrun",
    "touch",
    "lint",
    "list_rules",
    "list_target_rules",
    "print_compilation",
    "containerize",
    "generate_unit_tests",
    "dag",
    "rulegraph",
    "filegraph",
    "d3dag",
    "unlock",
    "cleanup_metadata",
    "cleanup_shadow",
    "conda_cleanup_envs",
    "conda_create_envs_only",
    "list_conda_envs",
    "container_cleanup_images",
    "list_changes",
    "list_input_changes",
    "list_params_changes",
    "list_untracked",
    "summary",
    "detailed_summary",
    "archive",
    "delete_all_output",
    "delete_temp_output",
)
"""Options, by Snakemake's names, that do something else in place of the jobs; the reports have a rule of their own."""


def runs_jobs(options: Any) -> bool:
    """Whether Snakemake with these options, as its own parser has them, runs jobs.

    The parser sees no profile, which may have `dry-run: true`: `workflow.output_settings` says that.
    """
    is_report = (options.report or options.reporter) and not options.report_after_run
    return not is_report and all(getattr(options, name) in (None, False) for name in WITHOUT_JOBS)
