"""The command `workflow`: write a study folder for the Snakemake workflow, and run it."""

import argparse
import os
import shlex
import sys

from genocloud.cli.options import Arguments, Commands, bare_command, new_command
from genocloud.shipped_files import profile_names


def _workflow(commands: Commands) -> None:
    command = bare_command(
        commands,
        "workflow",
        "Write a study folder for the Snakemake workflow that comes with genocloud, or run it.",
        None,
        "init study/ --profile slurm\n  genocloud workflow run study/ --cores 16",
    )
    actions: Commands = command.add_subparsers(required=True, metavar="ACTION", help="init or run; each has its --help")
    _init(actions)
    _run(actions)


def _init(actions: Commands) -> None:
    def run(arguments: Arguments) -> None:
        # With schemas, which other commands do not need.
        from genocloud.workflow.study_folder import folder_of, write_study

        folder = folder_of(arguments.directory)
        write_study(folder, arguments.profile, arguments.demo)
        run_it = ["genocloud", "workflow", "run", str(folder)]
        _say(
            f"{folder}: config.yaml, test_data/, profile/ ({arguments.profile}); next: {shlex.join(run_it)}"
            if arguments.demo
            else f"{folder}: config.yaml, samples.tsv, profile/ ({arguments.profile}); fill in the sheet and the "
            f"config's reference, then: {shlex.join([*run_it, '--dry-run'])}"
        )

    command = new_command(
        actions, "init", "Write a study folder: config, sample sheet, profile.", run, "study/ --profile slurm"
    )
    _directory_argument(command)
    command.add_argument(
        "--profile",
        choices=profile_names(),
        default="local",
        help="where the work will run; its files go to DIR/profile. Default: %(default)s",
    )
    command.add_argument(
        "--demo",
        action="store_true",
        help="a study that runs as it is: fourteen simulated people, 9 MB, six as reads and eight as gVCFs",
    )


def _run(actions: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud.workflow.study_folder import snakemake_command  # as above

        command = snakemake_command(arguments.directory, arguments.passed_options)
        os.execv(command[0], command)

    command = bare_command(
        actions,
        "run",
        "Run the workflow in a study folder: snakemake --snakefile ... --directory DIR. The options are Snakemake's, "
        "and so is the exit code. Of a study's profile they change what they name.",
        run,
        "study/ --cores 16 --config caller=gatk",
    )
    _directory_argument(command)
    command.usage = "genocloud workflow run [DIR] [SNAKEMAKE'S OPTIONS ...]"
    command.passes_options_on = True


def _directory_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "directory", nargs="?", default=".", metavar="DIR", help="the study's folder. Default: this one"
    )


def _say(text: str) -> None:
    print(f"genocloud: {text}", file=sys.stderr)  # noqa: T201 (the command line's own voice)


ALL = {"workflow": _workflow}
