"""What Slurm and Kubernetes are asked for, and what is said where it cannot be had; neither is needed here."""

import re
import stat
import sys

import pytest

from genocloud.errors import SettingError
from genocloud.scatter.deploy.kubernetes import cluster_spec
from genocloud.scatter.executors import open_scatter

POOL = "slurm:partition=hpc,account=lab,threads=4,memory=8GB,walltime=08:00:00,workers=0-3,interface=lo"


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A Slurm that refuses every job, and keeps what it was asked."""
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncat "$2" > {tmp_path}/submitted; echo "allocation failure: no such account" >&2; exit 1\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.delenv("GENOCLOUD_TLS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "submitted"


def test_slurm_tests_the_job_before_anything_waits_and_its_error_is_shown(sbatch):
    with pytest.raises(SettingError, match="no such account"), open_scatter(POOL):
        pass
    calls = sbatch.read_text()
    for line in ("-p hpc", "-A lab", "--cpus-per-task=4", "--mem=8000M", "-t 08:00:00", "--no-requeue"):
        assert f"#SBATCH {line}\n" in calls
    assert "--nthreads 4" in calls
    assert " tls://" in calls
    assert list(sbatch.parent.glob(".genocloud-tls-*")) == []


@pytest.mark.parametrize(
    ("choice", "package", "extra"),
    [
        ("slurm:memory=4GB", "dask_jobqueue", "slurm"),
        ("kubernetes:image=genocloud,insecure=yes", "dask_kubernetes", "kubernetes"),
    ],
)
def test_a_package_that_is_not_installed_is_said_with_what_installs_it(choice, package, extra, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    command = re.escape(f'run `python -m pip install "genocloud[{extra}]"`')
    with pytest.raises(SettingError, match=f"{package}.* is not installed; {command}"), open_scatter(choice):
        pass


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ("slurm:partition=hpc", "no room"),
        ("slurm:queue=hpc,memory=4GB", "none of"),
        ("slurm:memory=4GB,workers=5-2", "none of"),
        ("slurm:memory=4GB,workers=0", "none of"),
        ("slurm:memory=4GB,walltime=8h", "walltime"),
        ("slurm:memory=100MB", "no room"),
        ("kubernetes:threads=1,insecure=yes", "none of"),
        ("kubernetes:image=genocloud", "insecure=yes"),
        ("tls://127.0.0.1:9,wait=soon", "none of"),
        ("tcp://127.0.0.1:9,insecure=maybe", "none of"),
        ("tcp://127.0.0.1:9,plain=yes", "plain has a new name; write insecure=yes"),
        ("slurm:memory=4GB,plain=yes", "plain has a new name; write insecure=yes"),
    ],
)
def test_what_makes_no_sense_is_said_at_once(choice, problem):
    with pytest.raises(SettingError, match=problem), open_scatter(choice):
        pass


def test_kubernetes_pods_have_the_resources_that_they_request():
    spec = cluster_spec({"image": "genocloud:1", "threads": "4", "memory": "16GB", "account": "worker"}, "", "run")
    worker = spec["spec"]["worker"]
    (container,) = worker["spec"]["containers"]
    assert worker["replicas"] == 0
    assert worker["spec"]["serviceAccountName"] == "worker"
    assert (
        container["resources"]["requests"] == container["resources"]["limits"] == {"cpu": "4", "memory": "16000000000"}
    )
    assert container["args"][:6] == ["dask", "worker", "--nthreads", "4", "--memory-limit", "16000000000"]
    service = spec["spec"]["scheduler"]["service"]
    assert service["selector"]["dask.org/cluster-name"] == "run"
    assert [port["name"] for port in service["ports"]] == ["tcp-comm", "http-dashboard"]


def test_the_operator_knows_the_shape_of_the_specification():
    known = pytest.importorskip("dask_kubernetes.operator", reason="dask-kubernetes is not installed")
    theirs = known.make_cluster_spec("run", image="genocloud:1", n_workers=0)
    ours = cluster_spec({"image": "genocloud:1"}, "", "run")
    assert ours.keys() == theirs.keys()
    assert ours["spec"]["scheduler"].keys() == theirs["spec"]["scheduler"].keys()
    assert ours["spec"]["scheduler"]["service"] == theirs["spec"]["scheduler"]["service"]
    assert ours["spec"]["worker"].keys() == theirs["spec"]["worker"].keys()
