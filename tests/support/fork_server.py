"""A process that has modules loaded, and runs each `python -m MODULE ...` in a child: they are loaded once.

usage: python -m tests.support.fork_server MODULE...

Lines of JSON come on standard input: module, arguments, folder (to run in), environment, and the files for its standard
output and error. Each is answered by its exit code. This process starts no threads, so that a child of it is as sound
as a fresh process.
"""

import atexit
import importlib
import json
import os
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]

NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What keeps numpy and pyarrow from starting threads as they are imported."""


def end_as_program(act: Callable[[], Any], out: str, err: str) -> NoReturn:
    """In a child: what `act` does to its end, as Python ends a program, with its standard output and error in files."""
    for number, file in enumerate((os.devnull, out, err)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  the old one holds lines of the server's
    code = 1
    try:
        code = act() or 0
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def assert_no_threads() -> None:
    """A process that forks must not have threads."""
    tasks = Path("/proc/self/task")  # of Linux
    assert not tasks.is_dir() or len(list(tasks.iterdir())) == 1


def serve(order: Mapping[str, Any]) -> int:
    """Run one module in a child; its exit code."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["arguments"]]
    end_as_program(
        lambda: runpy.run_module(order["module"], run_name="__main__", alter_sys=True) and 0, *order["files"]
    )


class ForkServer:
    """Such a process, seen from the tests; it ends with this one."""

    def __init__(self, modules: Sequence[str]) -> None:
        command = [sys.executable, "-m", "tests.support.fork_server", *modules]
        environment, pipe = os.environ | NO_THREADS, subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=pipe, stdout=pipe)
        atexit.register(self.close)

    def run(self, module: str, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """`python -m module ...` in a folder, in this process's environment."""
        assert self._process.stdin
        assert self._process.stdout
        with TemporaryDirectory() as place:
            files = [Path(place, name) for name in ("out", "err")]
            order = {"module": module, "arguments": arguments, "folder": str(folder), "files": [*map(str, files)]}
            try:
                self._process.stdin.write(json.dumps(order | {"environment": {**os.environ}}) + "\n")
                self._process.stdin.flush()
                code = int(self._process.stdout.readline())
            except BaseException:  # a test that is out of time leaves no answer to the next
                self.close()
                raise
            return subprocess.CompletedProcess(arguments, code, *(file.read_text() for file in files))

    def close(self) -> None:
        """End the process."""
        with self._process:
            self._process.kill()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        importlib.import_module(name)
    assert_no_threads()
    for line in sys.stdin:
        print(serve(json.loads(line)), flush=True)
