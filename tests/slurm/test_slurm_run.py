"""The demo on a real Slurm: a node is lost, or a run killed; what comes out is what one machine makes."""

from collections import Counter

import pytest

from tests.slurm.cluster import until
from tests.slurm.running import PATIENCE_SECONDS, decoded, said_in, started, write_profile

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1500)]


def test_both_nodes_are_lost_in_mid_run_one_after_the_other(slurm, folder, at_home):
    with started(folder, *write_profile(folder)) as run:
        lose(slurm, "n1", run, folder)  # the job that commands workers, with its workers
        lose(slurm, "n2", run, folder)  # workers alone: those who command came first, and fill the other node
        code = run.wait(PATIENCE_SECONDS)
    assert code == 0, said_in(folder)
    assert decoded(folder) == decoded(at_home)
    assert slurm.jobs() == []


def lose(slurm, node, run, folder):
    """Kill a node as soon as workers are there; when Slurm has noticed, it is repaired."""

    def working():
        assert run.poll() is None, said_in(folder)
        return ["genocloud-workers", node] in running(slurm, "%j %N")

    until(working, PATIENCE_SECONDS, f"workers on {node}")
    assert slurm.kill_node(node) > 0
    until(lambda: slurm.states()[node].startswith("down"), 120, f"{node} is down")
    slurm.start_node(node)


def running(slurm, columns):
    return [row[:-1] for row in slurm.jobs(f"{columns} %t") if row[-1] == "R"]


def test_jobs_of_a_killed_run_are_cancelled_by_the_next(slurm, folder):
    options = write_profile(folder, scatter="threads:1")
    with started(folder, *options) as run:
        until(lambda: len(calls(slurm)) > 1, PATIENCE_SECONDS, "jobs that call")
        run.kill()
    before = calls(slurm)
    assert before, "jobs should go on without snakemake"
    with started(folder, *options) as run:

        def called_anew():
            assert run.poll() is None, said_in(folder)
            return len(calls(slurm).keys() - before.keys()) > 1

        until(called_anew, PATIENCE_SECONDS, "new jobs")
        assert "cancelled what a killed run had left" in said_in(folder)
        assert Counter(calls(slurm).values()).most_common(1)[0][1] == 1, "one person is called twice at a time"


def calls(slurm):
    """The step and sample of each job that calls somebody, by the job's number."""
    return {job: what for job, what in slurm.jobs("%i %k") if what.startswith("rule_call")}
