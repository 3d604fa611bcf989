"""Run a Dask scheduler or workers in the foreground (genocloud scheduler, genocloud workers) until a signal."""

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from genocloud.errors import SettingError
from genocloud.scatter.dask.dask_settings import raise_comm_timeouts, worker_log_config
from genocloud.scatter.dask.nannies import preloaded
from genocloud.scatter.deploy.tls import security_for

log = logging.getLogger(__name__)

Say = Callable[[str], None]
"""Called with a sentence for the user."""

SITE_VARIABLE = "GENOCLOUD_SITE"
"""Environment variable of a worker: the location that it was started for."""

CLOSE_SECONDS = 10
"""A worker that should end is killed after so long."""

MOST_STARTS = 3
"""After so many failed starts in a row, although the scheduler answers, no further start is tried."""

_LOCAL_DASHBOARD = "127.0.0.1:0"
"""Dask's dashboard has no access control, so it listens on this machine only."""


@dataclass(frozen=True, kw_only=True)
class SchedulerOptions:
    """Options of a scheduler: its address, TLS, and how many workers a task may lose (`allowed_failures`)."""

    listen: str
    tls: str | None
    insecure: bool
    allowed_failures: int


@dataclass(frozen=True, kw_only=True)
class WorkerGroup:
    """A group of equal workers: `memory` is each one's limit in bytes (None: its share of the machine's), `wait` in
    seconds, `ports` as dask takes them, `environment`: further variables of their processes."""

    scheduler: str
    site: str
    count: int
    threads: int
    memory: int | None
    tls: str | None
    insecure: bool
    wait: int
    ports: str | int
    environment: Mapping[str, str] = field(default_factory=dict)


def serve_scheduler(options: SchedulerOptions, say: Say) -> None:
    """Run a scheduler until SIGTERM, SIGHUP or Ctrl-C. Raises SettingError where it may not or cannot listen."""
    raise_comm_timeouts()
    security = security_for(options.listen, options.tls, options.insecure)
    _raise_file_limit()
    _set_dask_log_level()
    asyncio.run(_until_signal(lambda stop: _schedule(options, security, say, stop)))


def serve_workers(group: WorkerGroup, say: Say) -> None:
    """Run workers until SIGTERM, SIGHUP or Ctrl-C. Raises SettingError if no scheduler answers for `group.wait` s."""
    import dask

    raise_comm_timeouts()
    security = security_for(group.scheduler, group.tls, group.insecure)
    _raise_file_limit()
    _set_dask_log_level()
    dask.config.set({**worker_log_config("warning"), **preloaded()})
    asyncio.run(_until_signal(lambda stop: _work(group, security, say, stop)))


def _raise_file_limit() -> None:
    """Each connection is an open file, and there may be thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard // 2), hard))


def _set_dask_log_level() -> None:
    """Let dask log warnings and errors only, unless this process logs more (-v)."""
    level = max(logging.getLogger().level, logging.INFO)
    logging.getLogger("distributed").setLevel(level)


async def _until_signal(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:  # nohup
            continue
        loop.add_signal_handler(number, stop.set)
    await serve(stop)


async def _schedule(options: SchedulerOptions, security: Any, say: Say, stop: asyncio.Event) -> None:
    import distributed

    scheduler = distributed.Scheduler(
        host=options.listen,
        security=security,
        allowed_failures=options.allowed_failures,
        dashboard=False,
        dashboard_address=_LOCAL_DASHBOARD,
    )
    try:
        await scheduler
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{options.listen}: no scheduler can listen here ({error}); choose another address"
        ) from error
    say(f"scheduler at {scheduler.address}; Ctrl-C ends it")
    await stop.wait()
    await scheduler.close()
    say("scheduler ended")


async def _work(group: WorkerGroup, security: Any, say: Say, stop: asyncio.Event) -> None:
    workers = [asyncio.create_task(_keep_running(group, security, number, say, stop)) for number in range(group.count)]
    try:
        await asyncio.gather(*workers)
    finally:
        stop.set()
        await asyncio.gather(*workers, return_exceptions=True)
        say("workers ended")


async def _keep_running(group: WorkerGroup, security: Any, number: int, say: Say, stop: asyncio.Event) -> None:
    """Keep one worker running: its Nanny restarts the process; a Nanny that gave up is replaced."""
    failures = 0
    while not stop.is_set():
        await _await_scheduler(group, security, say, stop)
        nanny = _nanny(group, security, number)
        try:
            await _first_of(_started(nanny), stop.wait())
            if not stop.is_set():
                failures = 0
                say(f"worker {nanny.name} at {nanny.worker_address}")
                await _first_of(nanny.finished(), stop.wait())
        except (OSError, RuntimeError) as error:
            failures += 1
            log.info("a worker could not start (%s)", error)
            if failures == MOST_STARTS:
                raise SettingError(
                    f"a worker for {group.scheduler} could not start {failures} times in a row ({error}); look at its "
                    "memory, and at the ports between here and there"
                ) from error
        finally:
            await nanny.close(timeout=CLOSE_SECONDS)


async def _started(nanny: Any) -> None:
    await nanny


def _nanny(group: WorkerGroup, security: Any, number: int) -> Any:
    import distributed

    site = f"{group.site}-" if group.site else ""
    return distributed.Nanny(
        group.scheduler,
        nthreads=group.threads,
        memory_limit=group.memory or "auto",
        name=f"{site}{socket.gethostname()}-{os.getpid()}-{number}",
        security=security,
        env={SITE_VARIABLE: group.site, **group.environment},
        port=group.ports,
        worker_port=group.ports,
        dashboard=False,
        dashboard_address=_LOCAL_DASHBOARD,
    )


async def _await_scheduler(group: WorkerGroup, security: Any, say: Say, stop: asyncio.Event) -> None:
    """Wait until the scheduler answers, `group.wait` seconds at most."""
    from distributed.comm import connect

    loop = asyncio.get_running_loop()
    until, warned, options = loop.time() + group.wait, False, security.get_connection_args("worker") if security else {}
    while not stop.is_set():
        try:
            comm = await connect(group.scheduler, timeout=min(CLOSE_SECONDS, group.wait), **options)
            await comm.close()
            return
        except (OSError, ValueError) as error:
            if loop.time() > until:
                raise SettingError(
                    f"no scheduler has answered at {group.scheduler} for {group.wait} s ({error}); start one with "
                    "genocloud scheduler, and look at address and certificates"
                ) from error
            if not warned:
                say(f"no scheduler answers at {group.scheduler} ({error}); trying for {group.wait} s")
                warned = True
        await _first_of(stop.wait(), asyncio.sleep(1))


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first and cancel the others. Raises what the first raises."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()
