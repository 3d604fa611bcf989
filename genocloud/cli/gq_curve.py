"""The command that measures GQ on samples whose genotypes are known."""

from collections.abc import Sequence

from genocloud.cli.options import (
    Arguments,
    Commands,
    callset_argument,
    chosen_intervals,
    hand_over,
    interval_options,
    new_command,
    receipt_option,
)
from genocloud.errors import SettingError


def _gq_curve(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud import steps

        receipt = steps.gq_curve(
            arguments.callset, arguments.output, _truths(arguments.truth), intervals=chosen_intervals(arguments)
        )
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "gq-curve",
        "Measure GQ on samples whose genotypes are known.",
        run,
        "callset/ gq.tsv --truth HG002=HG002.truth.vcf.gz -L HG002.confident.bed",
    )
    callset_argument(command)
    command.add_argument("output", metavar="OUT", help="path or URL: .tsv, which genotype's --gq-calibration takes")
    command.add_argument(
        "--truth",
        action="append",
        required=True,
        metavar="SAMPLE=VCF",
        help="a sample and its true genotypes, an indexed VCF of it alone; may be repeated. What it lacks is REF",
    )
    interval_options(command, "only sites that lie in these, where the truth is known")
    receipt_option(command)


def _truths(texts: Sequence[str]) -> dict[str, str]:
    """The VCF of each sample. Raises SettingError."""
    for text in texts:
        if not all(text.partition("=")):
            raise SettingError(f"--truth {text}: not a sample and a VCF; write SAMPLE=VCF, such as HG002=truth.vcf.gz")
    return {name: url for name, _, url in (text.partition("=") for text in texts)}


ALL = {"gq-curve": _gq_curve}
