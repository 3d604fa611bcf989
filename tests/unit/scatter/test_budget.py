"""What a run spends is told site by site, and a budget stops it between two tasks."""

import io
from pathlib import Path

import pytest

from genocloud.cli import main
from genocloud.scatter.budget import Budgeted, BudgetSpent, Meter
from genocloud.scatter.executor_kinds import cores_of
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.scatter.progress_display import open_progress
from genocloud.scatter.progress_lines import PlainLines

DATA = Path(__file__).resolve().parents[3] / "test_data"


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_and_charges_add_up_by_site():
    clock = Clock()
    meter = Meter({"hospital": 3.6, "cloud": 36.0}, "EUR", clock)
    clock.now = 1000.0
    meter.charge("cloud", 2.5)
    assert meter.spent() == pytest.approx({"hospital": 1.0, "cloud": 12.5})
    assert meter.summary() == "13.50 EUR spent (hospital 1.00, cloud 12.50)"


def test_the_budget_stops_between_tasks_and_nothing_more_begins():
    clock, done = Clock(), []

    def task(number: int) -> int:
        clock.now += 1000.0
        done.append(number)
        return number

    progress = Budgeted(Silent(), Meter({"here": 3.6}, "USD", clock), 2.0)
    with pytest.raises(BudgetSpent) as caught, progress.stage("work", tasks=5) as stage:
        Inline().run(task, [0, 1, 2, 3, 4], lambda _: stage.advance(tasks=1))
    assert done == [0, 1]
    assert caught.value.exit_code == 5
    assert "--budget" in str(caught.value)


def test_bytes_reported_from_threads_never_raise():
    clock = Clock()
    progress = Budgeted(Silent(), Meter({"here": 1.0}, "USD", clock), 0.0)
    with progress.stage("work", tasks=1) as stage:
        stage.advance(bytes=10)


def test_lines_end_with_what_was_spent():
    stream, clock = io.StringIO(), Clock()
    meter = Meter({"here": 3600.0}, "USD", clock)
    with PlainLines(stream, clock, meter.summary).stage("work", tasks=1) as stage:
        clock.now = 2.0
        stage.advance(tasks=1)
    assert stream.getvalue().splitlines()[-1] == "work: done, 1 task in 2.0 s, 2.00 USD spent"


def test_a_display_takes_what_is_said():
    stream = io.StringIO()
    with open_progress(stream, said=lambda: "said") as progress, progress.stage("work", tasks=1) as stage:
        stage.advance(tasks=1)
    assert stream.getvalue().endswith("said\n")


@pytest.mark.parametrize(
    ("choice", "cores"),
    [("inline", 1), ("threads:4", 4), ("processes:3", 3), ("local:processes=2,threads=3", 6), ("tcp://a:1", None)],
)
def test_cores_follow_from_the_scatter(choice, cores):
    assert cores_of(choice) == cores


def test_the_same_command_with_a_larger_budget_goes_on(tmp_path, capsys):
    files = sorted((DATA / "gvcf").glob("*.g.vcf.gz"))[:2]
    sheet = tmp_path / "samples.map"
    sheet.write_text("".join(f"{file.name.removesuffix('.g.vcf.gz')}\t{file}\n" for file in files))
    words = ["ingest", tmp_path / "cohort", sheet, "--reference", DATA / "reference.fa", "--scatter", "inline", "-q"]
    values = [*map(str, words), "--prices", "onprem.yaml", "--budget"]
    assert main([*values, "0"]) == 5
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*values, "1000"]) == 0
    assert main([*map(str, words), "--budget", "1"]) == 5
    assert "--prices" in capsys.readouterr().err
