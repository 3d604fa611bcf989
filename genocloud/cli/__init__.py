"""The command line: reads arguments, calls one step, and turns its outcome into receipt, message and exit code."""

import os
import sys
from collections.abc import Sequence

from genocloud import storage
from genocloud.cli.ending import end_on_signals, say_ended
from genocloud.cli.logs import start_log
from genocloud.cli.startup import fast_end, fast_start
from genocloud.errors import GenocloudError, scarcity


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns the exit code: 0 done, 2 usage (argparse exits itself), 3 input, 4 store, 5 setting, 129, 130 and 143 ended
    by SIGHUP, Ctrl-C and SIGTERM, 141 the reader of its output left; a bug raises, and Python ends with 1 and a
    traceback.
    """
    with fast_start():
        return _run(sys.argv[1:] if argv is None else argv)


def _run(words: Sequence[str]) -> int:
    from genocloud.cli.command_list import parser  # it brings numpy, which must find what fast_start has set

    arguments = parser(words).parse_args(words)
    arguments.words = words
    start_log(arguments.verbose)
    try:
        with storage.private_files():
            arguments.run(arguments)
            storage.finish_audit()
        sys.stdout.flush()
    except GenocloudError as error:
        print(f"genocloud: error: {error}", file=sys.stderr)  # noqa: T201 (the command line's own voice)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        return say_ended(interrupt, arguments)
    except (MemoryError, OSError, RuntimeError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
            return 141
        if (scarce := scarcity(error)) is None:
            raise
        print(f"genocloud: error: {scarce}", file=sys.stderr)  # noqa: T201
        return scarce.exit_code
    return 0


def run() -> None:
    """Run the command of this process's arguments, and end the process with its exit code."""
    end_on_signals()
    fast_end(main())
