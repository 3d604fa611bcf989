"""The commands that answer who carries a variant, and how frequent it is."""

import argparse

from genocloud.cli.exporting import chosen_some, some_samples
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
    whole_number,
)
from genocloud.scatter.executors import open_scatter


def _carriers(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud import steps

        samples = chosen_some(arguments)
        hand_over(steps.carriers(arguments.callset, arguments.places, arguments.output, samples=samples), arguments)

    command = new_command(
        commands,
        "carriers",
        "List who carries a variant, or any in a region.",
        run,
        "callset/ chr1:1001:A:G chr2:5,000-9,000 gene.bed -o carriers.tsv",
    )
    callset_argument(command)
    command.add_argument(
        "places",
        nargs="+",
        metavar="PLACE",
        help="a variant (chr1:1001:A:G), a position (chr1:1001), a region (chr1:1001-2000) or a file of intervals "
        "(BED, interval_list)",
    )
    command.add_argument(
        "-o", "--output", default="-", metavar="OUT", help="path or URL: .tsv or .parquet. Default: standard output"
    )
    some_samples(command)
    receipt_option(command)


def _frequencies(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud import steps
        from genocloud.pipeline.people_groups import GroupOptions

        groups = GroupOptions(
            labels_url=arguments.labels, columns=tuple(arguments.by or ()), least=arguments.min_people
        )
        options = steps.FrequencyOptions(samples=chosen_some(arguments), groups=groups)
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.frequencies(
                arguments.callset, arguments.output, options=options, scatter=scatter, progress=progress
            )
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "frequencies",
        "Write allele frequencies by groups of people.",
        run,
        "callset/ frequencies.vcf.gz --labels samples.tsv --by sex --by assay",
    )
    callset_argument(command)
    command.add_argument(
        "output", metavar="OUT", help="path or URL: .vcf.gz (a record a site) or .parquet (a row an ALT)"
    )
    command.add_argument(
        "--labels",
        metavar="TABLE",
        help="a table with tabs between and a header, `sample` in it: a sample sheet is one",
    )
    command.add_argument(
        "--by",
        action="append",
        metavar="COLUMN",
        help="a group for each value of a column of the labels; may be repeated. sex,assay: for each combination",
    )
    _min_people(command, "leave out groups of fewer, and further ones until those left out are N together")
    some_samples(command)
    scatter_option(command)
    budget_options(command)
    receipt_option(command)


def _gnomad_table(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud import steps

        options = steps.TableOptions(
            samples=chosen_some(arguments), labels_url=arguments.labels, least=arguments.min_people
        )
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.gnomad_table(
                arguments.callset, arguments.output, options=options, scatter=scatter, progress=progress
            )
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "gnomad-table",
        "Write the table of aggregates that gnomAD takes in.",
        run,
        "callset/ gnomad.parquet --labels samples.tsv",
    )
    callset_argument(command)
    command.add_argument("output", metavar="OUT", help="path or URL: .parquet, a row an ALT")
    command.add_argument(
        "--labels",
        metavar="TABLE",
        help="a table with tabs between and a header: `sample`, and any of `gen_anc`, `sex` and `age`",
    )
    _min_people(command, "leave out groups and bins of ages of fewer people, and those without which fewer remain")
    some_samples(command)
    scatter_option(command)
    budget_options(command)
    receipt_option(command)


def _min_people(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument(
        "--min-people", type=whole_number, default=1, metavar="N", help=f"{what}. Default: %(default)s"
    )


ALL = {"carriers": _carriers, "frequencies": _frequencies, "gnomad-table": _gnomad_table}
