"""The command line: reads arguments, calls one step, and turns its outcome into receipt, message and exit code."""

import atexit
import gc
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

from genocloud import storage
from genocloud.cli.ending import end_on_signals, say_ended
from genocloud.cli.logs import start_log
from genocloud.cli.run import parser
from genocloud.errors import GenocloudError, scarcity

_OBJECTS = 200_000
"""New objects between two collections of garbage: with Python's 700 they take a tenth of a second of every start."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns the exit code: 0 done, 2 usage (argparse exits itself), 3 input, 4 store, 5 setting, 129, 130 and 143 ended
    by SIGHUP, Ctrl-C and SIGTERM, 141 nobody reads the output any more; a bug raises, and Python ends with 1 and a
    traceback.
    """
    gc.set_threshold(_OBJECTS)
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # numpy's linear algebra, which nothing here uses, starts threads
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)
    arguments.words = words
    start_log(arguments.verbose)
    try:
        with _without_unused(), storage.private_files():
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


_UNUSED = {"pandas", "cffi"}
"""pyarrow loads the one at its first conversion, numba the other, if they are there: 0.4 s for what no command uses."""


def run() -> None:
    """`main`, and the end of the process: at once, where Python would first take apart all that numba has loaded."""
    end_on_signals()
    code = main()
    threading._shutdown()  # type: ignore[attr-defined]  # this and the next are what Python itself does when it ends
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _NoUnused(MetaPathFinder):
    """Hides what nobody here uses."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Raise for what is not used; leave all else to the finders that follow."""
        if name in _UNUSED:
            raise ModuleNotFoundError(name)


@contextmanager
def _without_unused() -> Iterator[None]:
    sys.meta_path.insert(0, _NoUnused)
    try:
        yield
    finally:
        sys.meta_path.remove(_NoUnused)
