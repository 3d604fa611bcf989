"""The command that runs over several sites."""

import sys

from genocloud import steps
from genocloud.cli.options import CPUS, Arguments, Commands, hand_over, money, new_command, receipt_option
from genocloud.scatter.budget import Budgeted, Meter
from genocloud.scatter.progress_display import open_progress


def _say(text: str) -> None:
    print(f"genocloud: {text}", file=sys.stderr, flush=True)  # noqa: T201 (the command line's own voice)


def _hybrid(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud.federation import read_config
        from genocloud.pipeline.planning.location_prices import hourly

        config = read_config(arguments.config)
        meter = Meter(*hourly(config, CPUS))
        with open_progress(quiet=arguments.quiet, said=meter.summary) as progress:
            budgeted = progress if arguments.budget is None else Budgeted(progress, meter, arguments.budget)
            say = (lambda _: None) if arguments.quiet else _say
            receipt = steps.hybrid(config, progress=budgeted, say=say, gnomad_table=arguments.gnomad_table)
        hand_over(receipt, arguments)

    command = new_command(
        commands, "hybrid", "Genotype samples that lie at several sites: one callset.", run, "config.yaml"
    )
    command.add_argument("config", metavar="CONFIG", help="the workflow's config.yaml, with sites and coordinator")
    command.add_argument(
        "--gnomad-table",
        metavar="OUT",
        help="also write the table of aggregates that gnomAD takes in (.parquet), of all sites' people",
    )
    command.add_argument(
        "--budget",
        type=money,
        metavar="MONEY",
        help="stop between two tasks when this command has spent so much, by the sites' price tables",
    )
    receipt_option(command)


ALL = {"hybrid": _hybrid}
"""The commands for several sites."""
