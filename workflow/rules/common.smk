# Before any job: the config against its schema, the sample sheet and every file it names (genocloud/workflow).

import re
import sys

# Snakemake would load pandas (0.4 s) to see whether a rule's params are tables of it: ours never are.
sys.modules.setdefault("pandas", None)

from pathlib import Path

from snakemake.cli import get_argument_parser

from genocloud.workflow.caller_script import caller_script
from genocloud.workflow.lock import hold_folder
from genocloud.workflow.options import INTERVALS, MODEL, SITES, STEPS_IN_PARTS, is_whole
from genocloud.workflow.ploidy_beds import write_ploidy_beds
from genocloud.workflow.remote import local, remote
from genocloud.workflow.sheet_rows import called_sheet
from genocloud.workflow.snakemake_options import runs_jobs
from genocloud.workflow.start import start, write_summary
from genocloud.workflow.study import SnakemakeRun

study = start(
    config,
    SnakemakeRun(
        snakefile=Path(workflow.main_snakefile),
        is_main=workflow.is_main_process,
        is_dry=workflow.output_settings.dryrun or not runs_jobs(get_argument_parser().parse_known_args()[0]),
        is_remote_job=workflow.remote_exec,
        brings_programs=bool(workflow.deployment_settings.deployment_method),
    ),
)
config.update(study.settings)  # with the schema's defaults
options = study.options


wildcard_constraints:
    sample="|".join(re.escape(sample) for sample in study.called) or "(?!)",  # matches nothing
    sex="male|female|unknown",
    export="|".join(re.escape(name) for name in study.exports) or "(?!)",
    part="|".join(re.escape(part) for part in {*STEPS_IN_PARTS, *study.parts}),
