"""The command that filters a callset."""

from genocloud.cli.options import (
    Arguments,
    Commands,
    budget_options,
    callset_argument,
    hand_over,
    new_command,
    receipt_option,
    scatter_option,
    shown_progress,
)
from genocloud.errors import SettingError
from genocloud.scatter.executors import open_scatter


def _filter(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud import steps
        from genocloud.filters import SiteFilter

        options = steps.FilterOptions(
            presets=tuple(arguments.preset or ([] if arguments.filter else ["hard"])),
            filters=tuple(SiteFilter.parse(text) for text in arguments.filter or ()),
            regions=dict(_named_file(text) for text in arguments.regions or ()),
        )
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.filter_callset(arguments.callset, options=options, scatter=scatter, progress=progress)
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "filter",
        "Mark a callset's sites and alleles that filters apply to.",
        run,
        "callset/ --preset hard --filter 'ExcessHet=ExcessHet > 54.69'",
    )
    callset_argument(command)
    command.add_argument(
        "--preset",
        action="append",
        metavar="NAME",
        help="filters under one name: hard, as-hard, gvs, gnomad (docs/filters.md); may be repeated. Default: hard, "
        "without --filter",
    )
    command.add_argument(
        "-f",
        "--filter",
        action="append",
        metavar="NAME=EXPRESSION",
        help="a filter and when it applies, in bcftools' syntax, such as 'LowQD=TYPE=\"snp\" && QD<2'; may be repeated",
    )
    command.add_argument(
        "--regions",
        action="append",
        metavar="NAME=FILE",
        help="intervals (BED, interval_list) that expressions know as the flag NAME, as in --filter 'LCR=NAME'; may be "
        "repeated",
    )
    scatter_option(command)
    budget_options(command)
    receipt_option(command)


def _named_file(text: str) -> tuple[str, str]:
    name, equal, file = text.partition("=")
    if not (name.isidentifier() and equal and file):
        raise SettingError(f"--regions {text}: write NAME=FILE, the name of letters, digits and _")
    return name, file


ALL = (_filter,)
