"""The command line: reads arguments, calls one step, and turns its outcome into receipt, message and exit code."""

import logging
import sys
from collections.abc import Sequence

from genocloud.cli.commands import parser
from genocloud.errors import GenocloudError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns the exit code: 0 done, 2 usage (argparse exits itself), 3 input, 4 store, 5 setting; a bug raises, and
    Python ends with 1 and a traceback.
    """
    arguments = parser().parse_args(argv)
    level = logging.WARNING - 10 * arguments.verbose
    logging.basicConfig(stream=sys.stderr, level=level, format="genocloud: %(message)s")
    try:
        arguments.run(arguments)
    except GenocloudError as error:
        print(f"genocloud: error: {error}", file=sys.stderr)  # noqa: T201 (the command line's own voice)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0
