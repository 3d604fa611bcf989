"""Dask workers as Slurm jobs, scaled with the waiting tasks; lost ones are replaced."""

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

from genocloud.errors import SettingError
from genocloud.scatter.dask.connection import Pool
from genocloud.scatter.dask.dask_settings import TCP_SECONDS, quiet_dask, raise_comm_timeouts
from genocloud.scatter.deploy.certificates import make_certificates
from genocloud.scatter.deploy.dask_clusters import connecting, wait_of
from genocloud.scatter.deploy.tls import FOLDER_VARIABLE, security_for
from genocloud.scatter.spec import bytes_of, client_library, count_of, is_insecure, range_of, settings_of

_JOB_NAMES = ("partition", "account", "qos", "threads", "memory", "walltime", "logs")
NAMES = (*_JOB_NAMES, "workers", "interface", "tls", "insecure", "wait")
"""The settings after `slurm:`."""

JOB_NAME = "genocloud-workers"
"""Name of the jobs. The workflow cancels such jobs of its folder that a killed run has left behind."""

NANNY_BYTES = 200_000_000
"""The nanny process's part of a job's memory; it takes some 110 MB."""

IDLE_SECONDS = 60
"""A worker that has been idle for so long ends: the next part of a step may need it again."""

ORPHAN_SECONDS = 60
"""How long a worker tries to reach a scheduler that is gone."""

NO_DASHBOARD = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
"""Dask's dashboard has no access control."""

WATCH_SECONDS = 15
"""Between two checks of the queue."""

LEAST_SECONDS = 300
"""The shortest walltime that is worth a worker's start."""

ALLOWED_FAILURES = 10
"""Workers that a task may lose: a node that goes takes all of its workers with it."""

WAIT_SECONDS = 24 * 3600
"""A worker's job may be pending for a day; a warning every minute, no error."""

TARGET_SECONDS = 0.5
"""Request one worker per waiting task: tasks last minutes, but dask assumes half a second for an unknown one."""


@contextmanager
def slurm_pool(text: str, choice: str) -> Iterator[Pool]:
    """An adaptive pool of workers, each a job.

    They use TLS, with the certificates of `tls=DIR` or the environment, else with certificates made for this run in the
    working folder, which all nodes must see. Raises SettingError for invalid settings, or if Slurm refuses the job.
    """
    settings = settings_of(text, choice, NAMES)
    least, most = range_of(settings.get("workers", "0-10"), choice)
    limit = _memory(settings.get("memory", ""), choice) - NANNY_BYTES
    wait = wait_of(settings, choice, WAIT_SECONDS)
    cluster_class, job = _cluster_class(choice), _job(settings, choice, limit)
    raise_comm_timeouts()
    quiet_dask()
    with (
        _certificates(settings, choice) as security,
        cluster_class(**job, **_scheduler(settings), security=security) as cluster,
    ):
        _test_submission(cluster.job_script(), choice)
        target = f"{TARGET_SECONDS}s"
        cluster.adapt(
            minimum_jobs=least, maximum_jobs=most, interval="1s", wait_count=IDLE_SECONDS, target_duration=target
        )
        with _replacing_lost(cluster):
            remedy = "look at squeue and the partition's limits"
            yield Pool(name="slurm", connect=connecting(cluster, security), wait=wait, remedy=remedy)


@contextmanager
def _replacing_lost(cluster: Any) -> Iterator[None]:
    """Replace workers whose job ended before they connected: dask would wait for them for ever."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(WATCH_SECONDS):
            jobs = {name: str(job.job_id) for name, job in dict(cluster.workers).items() if job.job_id}
            queued = _queued() if jobs else None
            if queued is not None and (gone := [name for name, job in jobs.items() if job not in queued]):
                cluster.sync(_replace, cluster, gone)

    thread = threading.Thread(target=watch, name="slurm", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _replace(cluster: Any, names: Collection[str]) -> None:
    reported = {worker.name for worker in cluster.scheduler.workers.values()}
    for name in set(names) - reported:
        cluster.workers.pop(name, None)
    await cluster._correct_state()


def _queued() -> set[str] | None:
    """Job ids of this user's workers in Slurm's queue; None if Slurm does not answer."""
    command = ["squeue", "--noheader", "--format=%A", f"--name={JOB_NAME}", f"--user={os.getuid()}"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(result.stdout.split())


@contextmanager
def _certificates(settings: Mapping[str, str], choice: str) -> Iterator[Any]:
    if is_insecure(settings, choice):
        yield None
    elif "tls" in settings or os.environ.get(FOLDER_VARIABLE):
        yield security_for("tls://", settings.get("tls"))
    else:
        with TemporaryDirectory(prefix=".genocloud-tls-", dir=Path.cwd()) as shared:
            make_certificates(Path(shared))
            yield security_for("tls://", shared)


def _cluster_class(choice: str) -> Any:
    with client_library(choice):
        from dask_jobqueue import SLURMCluster
    return SLURMCluster


def _job(settings: Mapping[str, str], choice: str, limit: int) -> dict[str, Any]:
    """Arguments of SLURMCluster that describe one worker's job.

    Slurm must not requeue a job that lost its node: another one has been started in its place.
    """
    seconds = _seconds(settings.get("walltime", "01:00:00"), choice)
    logs = settings.get("logs")
    extra = ["--no-requeue", f"--comment=workers_of_{os.environ.get('SLURM_JOB_ID', f'process_{os.getpid()}')}"]
    extra += [f"--qos={settings['qos']}"] if "qos" in settings else []
    extra += [] if logs else ["--output=/dev/null"]
    return {
        "job_name": JOB_NAME,
        "queue": settings.get("partition"),
        "account": settings.get("account"),
        "cores": count_of(settings.get("threads", "1"), choice),
        "processes": 1,
        "memory": f"{limit}B",
        "job_mem": f"{-(-(limit + NANNY_BYTES) // 1_000_000)}M",
        "walltime": settings.get("walltime", "01:00:00"),
        "log_directory": logs,
        "job_extra_directives": extra,
        "worker_extra_args": [
            *NO_DASHBOARD,
            "--lifetime",
            f"{seconds * 9 // 10}s",
            "--lifetime-stagger",
            f"{seconds // 20}s",
        ],
        "job_script_prologue": [f"export DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP={TCP_SECONDS}s"],
        "death_timeout": ORPHAN_SECONDS,
        "python": sys.executable,
    }


def _scheduler(settings: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of the scheduler; no fixed dashboard port, as the next scheduler on this node would want the same."""
    return {
        "interface": settings.get("interface"),
        "scheduler_options": {"dashboard_address": "127.0.0.1:0", "allowed_failures": ALLOWED_FAILURES},
        "silence_logs": logging.ERROR,
    }


def _test_submission(script: str, choice: str) -> None:
    """Check the job by `sbatch --test-only`. Raises SettingError with Slurm's message."""
    with NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        try:
            result = subprocess.run(["sbatch", "--test-only", file.name], capture_output=True, text=True)
        except FileNotFoundError:
            raise SettingError(
                f"scatter {choice!r}: there is no program sbatch here; run on a node of Slurm's"
            ) from None
    if result.returncode:
        message = "; ".join(result.stderr.split("\n")).strip("; ")
        raise SettingError(
            f"scatter {choice!r}: Slurm refuses such a job ({message}); see sinfo and your site's limits"
        )


def _memory(text: str, choice: str) -> int:
    """A job's memory in bytes."""
    size = bytes_of(text, choice)
    if size < 4 * NANNY_BYTES:
        raise SettingError(f"scatter {choice!r}: a worker with less than {4 * NANNY_BYTES:,} bytes has no room to work")
    return size


def _seconds(walltime: str, choice: str) -> int:
    """Seconds of a walltime as Slurm writes it, [DAYS-]HH:MM:SS."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", walltime)
    days, hours, minutes, seconds_part = (int(each or 0) for each in match.groups()) if match else (0, 0, 0, 0)
    total_seconds = ((days * 24 + hours) * 60 + minutes) * 60 + seconds_part
    if total_seconds < LEAST_SECONDS:
        raise SettingError(f"scatter {choice!r}: walltime is no time from 00:05:00 on, as [DAYS-]HH:MM:SS")
    return total_seconds
