"""The command screen: look at each sample before genotyping, and take bad ones out by rule."""

import sys

from genocloud import qc, steps, storage
from genocloud.cli.options import (
    Arguments,
    Commands,
    chosen_intervals,
    cohort_argument,
    hand_over,
    interval_options,
    new_command,
    receipt_option,
    scatter_option,
    shown_progress,
)
from genocloud.errors import first_of
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import open_scatter


def _screen(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        options = steps.ScreenOptions(
            frequencies_url=arguments.frequencies,
            sheet_url=arguments.samples,
            flag=tuple(arguments.flag or qc.DEFAULT_RULES),
            quarantine=tuple(arguments.quarantine),
            intervals=chosen_intervals(arguments),
        )
        with open_scatter(arguments.scatter) as scatter, shown_progress(arguments) as progress:
            receipt = steps.screen(arguments.cohort, arguments.out, options=options, scatter=scatter, progress=progress)
        hand_over(receipt, arguments)
        print(_sentences(receipt, arguments), file=sys.stderr)  # noqa: T201 (the command line's own voice)

    command = new_command(
        commands,
        "screen",
        "Look at each sample's own records before genotyping: contamination, depth, sex, duplicates.",
        run,
        "cohort/ screen/ --frequencies common.vcf.gz --samples samples.tsv --quarantine 'contamination>0.03'",
    )
    cohort_argument(command)
    command.add_argument("out", metavar="OUT", help="path or URL of a folder for the tables")
    command.add_argument(
        "--frequencies",
        metavar="SITES",
        help="path or URL of a VCF of common variants with INFO/AF and an index, or of a callset: for contamination, "
        "duplicates",
    )
    command.add_argument(
        "--samples", metavar="SHEET", help="the sample sheet, whose sexes the reads' are compared with"
    )
    command.add_argument(
        "--flag",
        nargs="+",
        action="extend",
        default=[],
        metavar="RULE",
        help="flag who fails one of these: a column of samples.tsv, < <= > >= = or !=, a limit. Default: "
        + " ".join(qc.DEFAULT_RULES),
    )
    command.add_argument(
        "--quarantine",
        nargs="+",
        action="extend",
        default=[],
        metavar="RULE",
        help="take who fails one of these out of the cohort's next version, as remove does; their rows stay",
    )
    interval_options(command, "depth counts in these only, as exomes need")
    scatter_option(command, "processes")
    receipt_option(command)


def _sentences(receipt: Receipt, arguments: Arguments) -> str:
    figures, taken = receipt.figures, receipt.balance["taken"]
    flags = ", ".join(f"{check} {count:,}" for check, count in figures["flags"].items())
    many = f"{figures['flagged']:,} of {taken:,} samples {'is' if figures['flagged'] == 1 else 'are'} flagged"
    lines = [f"{storage.join(arguments.out, 'flags.tsv')}: {many}" + (f" ({flags})." if flags else ".")]
    if names := figures["quarantined"]:
        lines.append(
            f"{arguments.cohort}: took out {first_of(names)}; version {figures['cohort_version']} has "
            f"{receipt.balance['kept']:,} samples. Earlier versions keep them, and their rows stay."
        )
    if not arguments.frequencies:
        lines.append("Without --frequencies duplicates were not looked for, and contamination only roughly.")
    return "\n".join(lines)


ALL = {"screen": _screen}
