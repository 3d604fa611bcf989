"""The commands that answer who carries a variant, and how frequent it is."""

from genocloud.cli.exporting import chosen_some, some_samples
from genocloud.cli.options import Arguments, Commands, callset_argument, hand_over, new_command, receipt_option


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


ALL = (_carriers,)
