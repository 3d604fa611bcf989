"""The end of a run by a signal: Ctrl-C, SIGTERM and SIGHUP alike, with one sentence on what is kept."""

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it brings numpy, for which nothing is set yet
    from genocloud.cli.options import Arguments

GRACE_SECONDS = 7.0
"""Tasks that run have so long to remove their drafts; then the process ends all the same, which harms no artifact."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended by SIGHUP"}

_KEPT = {
    "joint": "finished batches and shards stay in {work}; the same command goes on from there",
    "ingest": "finished batches stay in {cohort}, whose version is the old one; the same command goes on from there",
    "discover": "finished shards stay in {cohort}; the same command goes on from there",
    "genotype": "finished shards stay in {callset}, to be opened when all are; the same command goes on from there",
    "export": "finished shards stay in {output}.parts, those of Zarr in {output}; the same command goes on from there",
    "hybrid": "finished shards stay at every site; the same command goes on from there",
    "compact": "{url} stays as it was; the same command goes on",
    "collect": "what was removed was needed by no kept version; the same command removes the rest",
    "erase": "the person may not be gone yet: the same command goes on, and proves it at the end",
}
"""By command: what is there after a signal, and how to go on."""

_NOTHING_KEPT = "nothing is half written; run the same command again"


_CUT_SHORT = "not waiting for the tasks that run; the same command goes on from what is finished"


class Ended(KeyboardInterrupt):
    """A signal that ends the run: its `number`, and whether that has been said."""

    def __init__(self, number: int) -> None:
        self.number, self.said = number, False
        super().__init__(signal.Signals(number).name)


def end_on_signals() -> None:
    """From now on the first signal raises Ended in the main thread; a second one, or GRACE_SECONDS, ends the process.

    A signal that is ignored (nohup, a job in the background) stays ignored.
    """
    numbers = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]

    def first(number: int, _frame: Any) -> None:
        ended = Ended(number)

        def at_once(*_: Any) -> None:
            _end_at_once(ended)

        for each in numbers:
            signal.signal(each, at_once)
        timer = threading.Timer(GRACE_SECONDS, at_once)
        timer.daemon = True
        timer.start()
        raise ended

    for number in numbers:
        signal.signal(number, first)


def _end_at_once(ended: Ended) -> None:
    if multiprocessing := sys.modules.get("multiprocessing"):  # where nothing has loaded it there are no children
        for child in multiprocessing.active_children():
            child.kill()
    if not ended.said:
        _say(ended, _CUT_SHORT)
    os._exit(exit_code(ended.number))


def exit_code(number: int) -> int:
    """What a shell says of a process that such a signal ended."""
    return 128 + number


def say_ended(interrupt: KeyboardInterrupt, arguments: "Arguments") -> int:
    """Say in one sentence what a signal left; returns the exit code."""
    ended = interrupt if isinstance(interrupt, Ended) else Ended(signal.SIGINT)
    _say(ended, _KEPT.get(arguments.command, _NOTHING_KEPT).format_map(_places(arguments)))
    return exit_code(ended.number)


def _say(ended: Ended, sentence: str) -> None:
    ended.said = True
    with suppress(OSError):  # after SIGHUP there may be no terminal
        os.write(2, f"genocloud: {_WORDS[signal.Signals(ended.number)]}; {sentence}\n".encode())


def _places(arguments: "Arguments") -> dict[str, Any]:
    places = vars(arguments)
    if arguments.command == "joint":
        from genocloud.pipeline.work_folder import work_folder  # with numba, which other commands may not need

        places = places | {"work": work_folder(arguments.output)}
    return places
