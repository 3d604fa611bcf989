"""Money that a run has spent so far, by location, and a budget that stops it between two tasks."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from genocloud.errors import SettingError
from genocloud.formatting import money_text
from genocloud.scatter.progress import Clock, Progress, Stage


class BudgetSpent(SettingError):
    """A run that has spent its budget."""

    def __init__(self, budget: float, spent: str) -> None:
        self.budget, self.spent = budget, spent
        super().__init__(
            f"the budget of {money_text(budget)} is spent ({spent}); what is done stays: the same command with a "
            "larger --budget goes on"
        )


class Meter:
    """Counts money: each location's rented cores from now on, and further charges; thread-safe.

    rates  money per hour, by location
    """

    def __init__(self, rates: Mapping[str, float], currency: str, clock: Clock = time.monotonic) -> None:
        self._rates, self._currency, self._clock = dict(rates), currency, clock
        self._began = clock()
        self._charged = dict.fromkeys(self._rates, 0.0)
        self._lock = Lock()

    def charge(self, site: str, money: float) -> None:
        """Add a charge at a location for something other than time: traffic, say."""
        with self._lock:
            self._charged[site] = self._charged.get(site, 0.0) + money

    def spent(self) -> dict[str, float]:
        """Money by location."""
        hours = (self._clock() - self._began) / 3600
        with self._lock:
            return {site: charged + hours * self._rates.get(site, 0.0) for site, charged in self._charged.items()}

    def summary(self) -> str:
        """The money spent as text; if there are several locations, also of each."""
        spent = self.spent()
        each = [f"{site} {money_text(money)}" for site, money in spent.items()]
        total = f"{money_text(sum(spent.values()))} {self._currency} spent"
        return f"{total} ({', '.join(each)})" if len(each) > 1 else total


@dataclass(frozen=True)
class Budgeted:
    """A display of progress that raises BudgetSpent when a task is done and the budget is spent."""

    progress: Progress
    meter: Meter
    budget: float

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        """A stage of the display."""
        with self.progress.stage(name, tasks, bytes, unit) as stage:
            yield _BudgetedStage(stage, self)

    def check(self) -> None:
        """Raise BudgetSpent if no more may be spent."""
        if sum(self.meter.spent().values()) >= self.budget:
            raise BudgetSpent(self.budget, self.meter.summary())


@dataclass(frozen=True)
class _BudgetedStage:
    """A stage that checks the budget: tasks count in the thread that submits, so the run ends cleanly."""

    stage: Stage
    budgeted: Budgeted

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        self.stage.advance(tasks, sites, bytes)
        if tasks:
            self.budgeted.check()
