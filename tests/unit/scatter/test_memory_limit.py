"""Memory is shared out: tasks wait for room, the largest begin first, and limits of control groups count."""

import threading
import time

import pytest

from genocloud.errors import SettingError
from genocloud.scatter import memory_limit
from genocloud.scatter.executors import open_scatter, run_needing
from genocloud.scatter.memory_limit import BASE_BYTES, LEAST_BYTES, Room, room_in

GIGABYTE = 1_000_000_000


class Watch:
    """A function of tasks that notes how much of the room its calls had at a time, and in what order they began."""

    def __init__(self) -> None:
        self.lock, self.now, self.most, self.begun = threading.Lock(), 0, 0, []

    def __call__(self, need: int) -> int:
        with self.lock:
            self.now += need
            self.most = max(self.most, self.now)
            self.begun.append(need)
        time.sleep(0.005)
        with self.lock:
            self.now -= need
        return need


def test_tasks_together_need_no_more_than_there_is_and_come_back_in_order():
    watch, seen = Watch(), []
    needs = [300, 100, 500, 200, 400, 100, 600, 50]
    with open_scatter("threads:4", BASE_BYTES + LEAST_BYTES) as scatter:
        unit = scatter.memory // 1000
        tasks = [need * unit for need in needs]
        assert run_needing(scatter, watch, tasks, tasks, seen.append) == tasks
        assert sorted(seen) == sorted(tasks)
        assert 600 * unit <= watch.most <= scatter.memory
    assert watch.begun[0] == 600 * unit


def test_a_task_that_needs_more_than_everything_runs_alone():
    watch, room = Watch(), Room(100)

    def work(need: int) -> None:
        with room.take(need):
            watch(min(need, 100))

    threads = [threading.Thread(target=work, args=(need,)) for need in (1000, 10, 1000, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watch.most == 100


@pytest.mark.parametrize("choice", ["inline", "processes:2", "local:processes=1,threads=2"])
def test_every_way_to_run_tasks_takes_their_needs(choice):
    with open_scatter(choice, 2 * GIGABYTE) as scatter:
        assert run_needing(scatter, abs, [-1, -2, -3], [1, GIGABYTE, 3 * GIGABYTE], lambda _: None) == [1, 2, 3]


def test_a_budget_is_shared_by_processes_and_must_be_enough():
    assert room_in(2 * GIGABYTE) == 2 * GIGABYTE - BASE_BYTES
    assert room_in(2 * GIGABYTE, 2) == GIGABYTE - BASE_BYTES
    with pytest.raises(SettingError, match="give more --memory"):
        room_in(2 * GIGABYTE, 4)


def test_the_limit_of_a_control_group_or_of_one_around_it_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_limit, "_CGROUP", tmp_path)
    job = tmp_path / "slurm" / "job"
    job.mkdir(parents=True)
    for folder, most in ((job, "max"), (job.parent, "1000")):
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text("700\n")
        (folder / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert memory_limit._leaves("", "/slurm/job") == 1000 - 700 + 150
    assert memory_limit._leaves("", "/elsewhere") == memory_limit._ENDLESS
    assert memory_limit._leaves("cpu", "/slurm/job") == memory_limit._ENDLESS
    assert 0 < memory_limit.free_memory() < memory_limit._ENDLESS
