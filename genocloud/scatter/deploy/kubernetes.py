"""Dask workers as pods of Kubernetes (dask-kubernetes and its operator), scaled with the waiting tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from genocloud.errors import SettingError
from genocloud.scatter.dask.connection import Pool
from genocloud.scatter.dask.dask_settings import TCP_SECONDS, quiet_dask, raise_comm_timeouts
from genocloud.scatter.deploy.dask_clusters import connecting, wait_of
from genocloud.scatter.spec import bytes_of, client_library, count_of, is_insecure, range_of, settings_of, unusable

NAMES = ("namespace", "image", "threads", "memory", "workers", "account", "insecure", "wait")

WAIT_SECONDS = 1800
"""A node for the first pod may have to be made, and its image loaded."""

SCHEDULER_BYTES = 2_000_000_000


@contextmanager
def kubernetes_pool(text: str, choice: str) -> Iterator[Pool]:
    """A DaskCluster resource of the operator, created for this run and removed after it.

    The operator connects to schedulers by tcp:// only, so `insecure=yes` must confirm that the pods' network is safe.
    Raises SettingError without it, or if dask-kubernetes is not installed.
    """
    settings = settings_of(text, choice, NAMES)
    least, most = range_of(settings.get("workers", "0-10"), choice)
    spec = cluster_spec(settings, choice, f"genocloud-{uuid4().hex[:8]}")
    if not is_insecure(settings, choice):
        raise SettingError(
            f"{choice}: the Dask operator uses plain tcp between pods; say insecure=yes if a network policy or an "
            "encrypted pod network guards them, or run pods of genocloud scheduler and genocloud workers and give tls://"
        )
    with client_library(choice):
        from dask_kubernetes.operator import KubeCluster
    raise_comm_timeouts()
    quiet_dask()
    with KubeCluster(namespace=settings.get("namespace"), custom_cluster_spec=spec, quiet=True) as cluster:
        cluster.adapt(minimum=least, maximum=most)
        wait = wait_of(settings, choice, WAIT_SECONDS)
        name, remedy = f"kubernetes ({cluster.name})", "look at kubectl get pods"
        yield Pool(name=name, connect=connecting(cluster, None), wait=wait, remedy=remedy)


def cluster_spec(settings: dict[str, str], choice: str, name: str) -> dict[str, Any]:
    """The DaskCluster resource: a scheduler, and no workers yet. An image must be named."""
    if "image" not in settings:
        raise unusable(choice)
    threads, memory = count_of(settings.get("threads", "1"), choice), bytes_of(settings.get("memory", "4GB"), choice)
    ports = [{"name": "tcp-comm", "containerPort": 8786, "protocol": "TCP"}]
    ports += [{"name": "http-dashboard", "containerPort": 8787, "protocol": "TCP"}]
    scheduler = {
        **_container("scheduler", settings["image"], 1, SCHEDULER_BYTES),
        "args": ["dask", "scheduler", "--host", "0.0.0.0", "--no-show"],
        "ports": ports,
        "readinessProbe": {"httpGet": {"port": "http-dashboard", "path": "/health"}, "periodSeconds": 1},
    }
    command = ["dask", "worker", "--nthreads", str(threads), "--memory-limit", str(memory), "--no-dashboard"]
    worker = {
        **_container("worker", settings["image"], threads, memory),
        "args": [*command, "--name", "$(DASK_WORKER_NAME)", "--death-timeout", "120"],
    }
    account = {"serviceAccountName": settings["account"]} if "account" in settings else {}
    selector = {"dask.org/cluster-name": name, "dask.org/component": "scheduler"}
    services = [{**port, "port": port["containerPort"], "targetPort": port["name"]} for port in ports]
    for service in services:
        del service["containerPort"]
    return {
        "apiVersion": "kubernetes.dask.org/v1",
        "kind": "DaskCluster",
        "metadata": {"name": name},
        "spec": {
            "worker": {"replicas": 0, "spec": {**account, "containers": [worker]}},
            "scheduler": {
                "spec": {**account, "containers": [scheduler]},
                "service": {"type": "ClusterIP", "selector": selector, "ports": services},
            },
        },
    }


def _container(name: str, image: str, threads: int, memory: int) -> dict[str, Any]:
    """A container whose limits equal its requests; it is killed if it takes more memory."""
    size = {"cpu": str(threads), "memory": str(memory)}
    return {
        "name": name,
        "image": image,
        "resources": {"requests": size, "limits": size},
        "env": [{"name": "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP", "value": f"{TCP_SECONDS}s"}],
    }
