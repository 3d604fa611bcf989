"""Options of exported files: which samples and records they have."""

import argparse
from typing import TYPE_CHECKING

from genocloud.cli.options import Arguments
from genocloud.errors import SettingError

if TYPE_CHECKING:  # it brings pyarrow, which help need not load
    from genocloud.pipeline import SampleChoice


def sample_options(command: argparse.ArgumentParser) -> None:
    """Which samples the file has."""
    group = command.add_argument_group("samples", "some of the callset's")
    group.add_argument(
        "--samples",
        action="append",
        metavar="NAMES|FILE",
        help="only these, in this order: names with commas between, or a file with one a line; may be repeated",
    )
    group.add_argument(
        "--exclude-samples", action="append", metavar="NAMES|FILE", help="all but these; may be repeated"
    )
    group.add_argument(
        "--keep-counts",
        action="store_true",
        help="AC, AF and AN of all samples. Default: of those in the file. The rest of INFO is of all",
    )


def chosen_samples(arguments: Arguments) -> "SampleChoice":
    """The samples that the options describe."""
    included, excluded = tuple(arguments.samples or ()), tuple(arguments.exclude_samples or ())
    if arguments.keep_counts and not included and not excluded:
        raise SettingError("--keep-counts is for some samples: add --samples or --exclude-samples")
    from genocloud.pipeline import SampleChoice

    return SampleChoice(included=included, excluded=excluded, keep_counts=arguments.keep_counts)
