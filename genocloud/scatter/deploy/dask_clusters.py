"""Dask pools: a LocalCluster of processes on this machine, or a scheduler that runs already."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from genocloud.errors import SettingError
from genocloud.scatter.dask.client import CONNECT_SECONDS, WAIT_SECONDS
from genocloud.scatter.dask.connection import Pool
from genocloud.scatter.dask.dask_settings import quiet_dask, quiet_nannies, raise_comm_timeouts, worker_log_config
from genocloud.scatter.dask.nannies import preloaded
from genocloud.scatter.deploy.tls import security_for
from genocloud.scatter.spec import bytes_of, count_of, is_insecure, settings_of

START = "start some (genocloud workers ADDRESS)"
"""The remedy for a scheduler without workers."""


@contextmanager
def local_pool(text: str, choice: str) -> Iterator[Pool]:
    """Processes of this machine, `processes=2,threads=1,memory=4GB`, with a scheduler in this one."""
    import dask
    import distributed

    settings = settings_of(text, choice, ("processes", "threads", "memory", "wait"))
    memory = settings.get("memory", "auto")
    quiet_dask()
    dask_config = {
        "distributed.admin.tick.limit": "60s",
        "distributed.worker.profile.enabled": False,
        **worker_log_config("critical"),
        **preloaded(),
    }
    with (
        dask.config.set(dask_config),
        distributed.LocalCluster(
            n_workers=count_of(settings.get("processes", "1"), choice),
            threads_per_worker=count_of(settings.get("threads", "1"), choice),
            memory_limit=memory if memory == "auto" else bytes_of(memory, choice),
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # without it the next cluster wants the same port
            silence_logs=False,
        ) as cluster,
    ):
        connect = partial(distributed.Client, cluster, set_as_default=False)
        try:
            wait = wait_of(settings, choice, WAIT_SECONDS)
            yield Pool(name="the local cluster", connect=connect, wait=wait, remedy="see why they end")
        except KeyboardInterrupt:
            quiet_nannies()
            raise


@contextmanager
def remote_pool(_: str, choice: str) -> Iterator[Pool]:
    """The scheduler at tcp://HOST:PORT or tls://HOST:PORT, settings after a comma."""
    address, _, settings_text = choice.partition(",")
    settings = settings_of(settings_text, choice, ("tls", "insecure", "wait"))
    wait = wait_of(settings, choice, WAIT_SECONDS)
    security = security_for(address, settings.get("tls"), is_insecure(settings, choice))
    raise_comm_timeouts()
    quiet_dask()
    yield Pool(name=address, connect=connecting(address, security), wait=wait, remedy=START)


def connecting(address: Any, security: Any) -> Callable[[], Any]:
    """A function that makes a client of a scheduler; it raises SettingError, with a remedy, if there is no answer."""

    def connect() -> Any:
        import distributed

        try:
            return distributed.Client(address, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SettingError(
                f"no Dask scheduler answers at {address} ({error}); start one (genocloud scheduler), look at address "
                "and certificates, or choose local"
            ) from error

    return connect


def wait_of(settings: Mapping[str, str], choice: str, otherwise: int) -> int:
    """Seconds that the pool may have no workers."""
    return count_of(settings.get("wait", str(otherwise)), choice)
