"""A scheduler, and workers for one, started by hand: until a signal ends them, or nobody is there to work for."""

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
from genocloud.scatter.dask.dask_settings import be_patient
from genocloud.scatter.dask.nannies import preloaded
from genocloud.scatter.dask.quiet import quiet_workers
from genocloud.scatter.deploy.tls import security_for

log = logging.getLogger(__name__)

Say = Callable[[str], None]
"""Takes a sentence for whoever started this."""

SITE_VARIABLE = "GENOCLOUD_SITE"
"""In a worker's environment: the site that it was started for."""

CLOSE_SECONDS = 10
"""A worker that was told to end is killed after so long."""

MOST_STARTS = 3
"""A worker that cannot start so often in a row, although its scheduler answers, never will."""

_LOCAL_PAGES = "127.0.0.1:0"
"""Dask's own pages are open to whoever reaches them, so that nobody else's machine may."""


@dataclass(frozen=True)
class Serving:
    """Where a scheduler listens, and after how many lost workers a task is held to kill them."""

    listen: str
    tls: str | None
    plain: bool
    allowed_failures: int


@dataclass(frozen=True)
class WorkerGroup:
    """Workers to start: `memory` is each one's limit in bytes (None: its share of the machine's), `wait` in seconds,
    ports as dask takes them; `environment` is what their processes have besides this one's."""

    scheduler: str
    site: str
    count: int
    threads: int
    memory: int | None
    tls: str | None
    plain: bool
    wait: int
    ports: str | int
    environment: Mapping[str, str] = field(default_factory=dict)


def serve_scheduler(serving: Serving, say: Say) -> None:
    """Run a scheduler until SIGTERM, SIGHUP or Ctrl-C. Raises SettingError where it may not or cannot listen."""
    be_patient()
    security = security_for(serving.listen, serving.tls, serving.plain)
    _many_files()
    _quiet_dask()
    asyncio.run(_until_signal(lambda over: _schedule(serving, security, say, over)))


def serve_workers(crew: WorkerGroup, say: Say) -> None:
    """Run workers until SIGTERM, SIGHUP or Ctrl-C. Raises SettingError if no scheduler answers for `crew.wait` s."""
    import dask

    be_patient()
    security = security_for(crew.scheduler, crew.tls, crew.plain)
    _many_files()
    _quiet_dask()
    dask.config.set({**quiet_workers("warning"), **preloaded()})
    asyncio.run(_until_signal(lambda over: _work(crew, security, say, over)))


def _many_files() -> None:
    """Each connection is a file, and there may be thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard // 2), hard))


def _quiet_dask() -> None:
    """Let dask speak of what goes wrong only, unless this process logs more (-v)."""
    level = max(logging.getLogger().level, logging.INFO)
    logging.getLogger("distributed").setLevel(level)


async def _until_signal(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:  # nohup
            continue
        loop.add_signal_handler(number, over.set)
    await serve(over)


async def _schedule(serving: Serving, security: Any, say: Say, over: asyncio.Event) -> None:
    import distributed

    scheduler = distributed.Scheduler(
        host=serving.listen,
        security=security,
        allowed_failures=serving.allowed_failures,
        dashboard=False,
        dashboard_address=_LOCAL_PAGES,
    )
    try:
        await scheduler
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{serving.listen}: no scheduler can listen here ({error}); choose another address"
        ) from error
    say(f"scheduler at {scheduler.address}; Ctrl-C ends it")
    await over.wait()
    await scheduler.close()
    say("scheduler ended")


async def _work(crew: WorkerGroup, security: Any, say: Say, over: asyncio.Event) -> None:
    workers = [asyncio.create_task(_keep(crew, security, number, say, over)) for number in range(crew.count)]
    try:
        await asyncio.gather(*workers)
    finally:
        over.set()
        await asyncio.gather(*workers, return_exceptions=True)
        say("workers ended")


async def _keep(crew: WorkerGroup, security: Any, number: int, say: Say, over: asyncio.Event) -> None:
    """Keep one worker there: a Nanny starts its process anew; where the Nanny gave up, another takes its place."""
    failures = 0
    while not over.is_set():
        await _knock(crew, security, say, over)
        nanny = _nanny(crew, security, number)
        try:
            await _first(_started(nanny), over.wait())
            if not over.is_set():
                failures = 0
                say(f"worker {nanny.name} at {nanny.worker_address}")
                await _first(nanny.finished(), over.wait())
        except (OSError, RuntimeError) as error:
            failures += 1
            log.info("a worker could not start (%s)", error)
            if failures == MOST_STARTS:
                raise SettingError(
                    f"a worker for {crew.scheduler} could not start {failures} times in a row ({error}); look at its "
                    "memory, and at the ports between here and there"
                ) from error
        finally:
            await nanny.close(timeout=CLOSE_SECONDS)


async def _started(nanny: Any) -> None:
    await nanny


def _nanny(crew: WorkerGroup, security: Any, number: int) -> Any:
    import distributed

    site = f"{crew.site}-" if crew.site else ""
    return distributed.Nanny(
        crew.scheduler,
        nthreads=crew.threads,
        memory_limit=crew.memory or "auto",
        name=f"{site}{socket.gethostname()}-{os.getpid()}-{number}",
        security=security,
        env={SITE_VARIABLE: crew.site, **crew.environment},
        port=crew.ports,
        worker_port=crew.ports,
        dashboard=False,
        dashboard_address=_LOCAL_PAGES,
    )


async def _knock(crew: WorkerGroup, security: Any, say: Say, over: asyncio.Event) -> None:
    """Wait until the scheduler answers, `crew.wait` seconds at most."""
    from distributed.comm import connect

    loop = asyncio.get_running_loop()
    until, told, options = loop.time() + crew.wait, False, security.get_connection_args("worker") if security else {}
    while not over.is_set():
        try:
            comm = await connect(crew.scheduler, timeout=min(CLOSE_SECONDS, crew.wait), **options)
            await comm.close()
            return
        except (OSError, ValueError) as error:
            if loop.time() > until:
                raise SettingError(
                    f"no scheduler has answered at {crew.scheduler} for {crew.wait} s ({error}); start one with "
                    "genocloud scheduler, and look at address and certificates"
                ) from error
            if not told:
                say(f"no scheduler answers at {crew.scheduler} ({error}); trying for {crew.wait} s")
                told = True
        await _first(over.wait(), asyncio.sleep(1))


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Until the first is done; the others are given up. Raises what that one raises."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()
