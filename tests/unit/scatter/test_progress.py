"""Progress: plain lines come when due, bars fit the terminal, and counting is safe from any thread."""

import io
import logging
import os
import pty
import re
import select
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import genocloud
from genocloud.scatter.bars import Bars
from genocloud.scatter.progress import StageProgress, explained
from genocloud.scatter.progress_display import open_progress
from genocloud.scatter.progress_lines import PlainLines


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[io.TextIOBase, int]]:
    """A pseudo-terminal of 60 columns: what is written to it, and the descriptor that shows it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    shown, written = pty.openpty()
    with os.fdopen(written, "w", encoding="utf-8") as file:
        yield file, shown
    os.close(shown)


def test_lines_at_start_each_tenth_and_end(stream: io.StringIO, clock: Hand) -> None:
    with PlainLines(stream, clock).stage("genotype", tasks=40) as stage:
        for _ in range(40):
            clock.now += 2
            stage.advance(tasks=1, sites=100, bytes=1_000_000)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "genotype: started, 40 tasks (calling and annotating every site)"
    assert lines[1] == "genotype: 4 of 40 tasks (10%), 400 sites, 4.0 MB, 8.0 s, about 1 min 12 s left"
    assert lines[-1] == "genotype: done, 40 tasks, 4,000 sites, 40.0 MB in 1 min 20 s"
    assert len(lines) == 2 + 9


def test_every_stage_is_explained_and_every_unit_has_a_plain_plural() -> None:
    """Of a stage at a site too; a unit is one word, so that its plural is right."""
    rooms = (Path(genocloud.__file__).parent / name for name in ("steps", "pipeline"))
    source = "".join(path.read_text() for room in rooms for path in room.rglob("*.py"))
    calls = re.findall(r'(?:progress\.stage\(|precompute_batches\(\w+, scatter, progress, )"([^"]+)"', source)
    assert len(calls) >= 15
    assert all(explained(name) for name in calls), [name for name in calls if not explained(name)]
    assert explained("north: genotype") == explained("genotype")
    units = set(re.findall(r'unit="([^"]+)"', source))
    assert "piece" in units
    assert all(unit.isalpha() for unit in units)


def test_lines_are_rate_limited(stream: io.StringIO, clock: Hand) -> None:
    with PlainLines(stream, clock).stage("discover", tasks=10) as stage:
        for _ in range(10):
            clock.now += 0.01
            stage.advance(tasks=1)
    assert len(stream.getvalue().splitlines()) == 2


def test_a_silent_stage_has_a_heartbeat(stream: io.StringIO, clock: Hand) -> None:
    lines = PlainLines(stream, clock)
    with lines.stage("call", tasks=2):
        clock.now += 29
        lines.beat()
        assert len(stream.getvalue().splitlines()) == 1
        clock.now += 1
        lines.beat()
        lines.beat()
    assert stream.getvalue().splitlines()[1:-1] == ["call: 0 of 2 tasks (0%), 30 s, time left not known yet"]


def test_lines_say_when_a_stage_stops(stream: io.StringIO, clock: Hand) -> None:
    with pytest.raises(KeyError), PlainLines(stream, clock).stage("export", tasks=3):
        raise KeyError
    assert stream.getvalue().splitlines()[-1] == "export: stopped, 0 of 3 tasks in 0.0 s"


def test_time_left_goes_by_bytes_where_known() -> None:
    tally = StageProgress("ingest", tasks=10, expected_bytes=100, started=0.0)
    assert tally.seconds_left(5.0) is None
    tally.advance(tasks=1, bytes=50)
    assert tally.seconds_left(5.0) == pytest.approx(5.0)


def test_a_stage_is_below_100_percent_until_its_tasks_are_done() -> None:
    tally = StageProgress("ingest", tasks=2, expected_bytes=100, started=0.0)
    tally.advance(tasks=1, bytes=200)
    assert tally.fraction == 0.99
    tally.advance(tasks=1)
    assert tally.fraction == 1.0


def test_no_tasks_is_done_at_once(stream: io.StringIO, clock: Hand) -> None:
    with PlainLines(stream, clock).stage("call", tasks=0):
        pass
    assert stream.getvalue().splitlines()[-1] == "call: done, 0 tasks in 0.0 s"


def test_threads_lose_no_count(stream: io.StringIO, clock: Hand) -> None:
    with PlainLines(stream, clock).stage("genotype", tasks=4000) as stage:

        def work() -> None:
            for _ in range(1000):
                stage.advance(tasks=1, sites=3)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "done, 4,000 tasks, 12,000 sites" in stream.getvalue()


def test_a_pipe_gets_lines_without_colour_codes(stream: io.StringIO) -> None:
    with open_progress(stream) as progress, progress.stage("discover", tasks=1) as stage:
        stage.advance(tasks=1)
    assert stream.getvalue().splitlines()[0] == "discover: started, 1 task (merging alleles into sites)"
    assert stream.getvalue().isascii()
    assert "\x1b" not in stream.getvalue()


def test_quiet_shows_nothing(stream: io.StringIO) -> None:
    with open_progress(stream, quiet=True) as progress, progress.stage("discover", tasks=1) as stage:
        stage.advance(tasks=1)
    assert stream.getvalue() == ""


def test_the_display_leaves_no_thread(stream: io.StringIO) -> None:
    before = threading.active_count()
    with open_progress(stream):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_terminal_gets_bars(terminal: tuple[io.TextIOBase, int]) -> None:
    file, shown = terminal
    with open_progress(file) as progress, progress.stage("[genotype]", tasks=2) as stage:  # type: ignore[arg-type]
        assert isinstance(progress, Bars)
        stage.advance(tasks=2, sites=12_345, bytes=30_000)
    drawn = _last_screen(shown)
    assert re.search(r"\[genotype\] ━+ 100% 2/2, 12\.3k sites, in 0:0\d", drawn)
    assert max(map(len, drawn.splitlines())) <= 60


def test_a_stopped_bar_says_so(terminal: tuple[io.TextIOBase, int]) -> None:
    file, shown = terminal
    with pytest.raises(KeyError), open_progress(file) as progress, progress.stage("call", tasks=2):  # type: ignore[arg-type]
        raise KeyError
    assert "0/2, stopped after 0:0" in _last_screen(shown)


def test_log_lines_stand_above_the_bars(terminal: tuple[io.TextIOBase, int], monkeypatch: pytest.MonkeyPatch) -> None:
    file, shown = terminal
    monkeypatch.setattr(sys, "stderr", file)
    handler = logging.StreamHandler(file)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    with open_progress() as progress, progress.stage("call", tasks=1):
        logging.getLogger("genocloud").warning("ann is renamed to bob")
    assert handler.stream is file
    written = [line for line in re.split(r"\n|\x1b\[2K", _drawn(shown)) if "ann" in line]
    assert [_plain(line) for line in written] == ["ann is renamed to bob"]


def test_a_dumb_terminal_gets_lines(terminal: tuple[io.TextIOBase, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with open_progress(terminal[0]) as progress:  # type: ignore[arg-type]
        assert isinstance(progress, PlainLines)


def _last_screen(shown: int) -> str:
    """What stays of a terminal's text: after the last erasing of a line, without control sequences."""
    return _plain(_drawn(shown).split("\x1b[2K")[-1])


def _drawn(shown: int) -> str:
    """All that was written to the terminal so far."""
    drawn = b""
    while select.select([shown], [], [], 0.1)[0]:
        drawn += os.read(shown, 100_000)
    return drawn.decode()


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "")
