"""A real Slurm on this machine: munged, slurmctld, a slurmd for each of two nodes; at the end nothing of it is left.

By hand: `python -m tests.slurm.cluster FOLDER`, then sbatch, squeue and snakemake in another terminal; Ctrl-C ends it.
"""

import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

NODES = ("n1", "n2")
CPUS, MEMORY_MB = 4, 8000
"""Of each node, as Slurm counts; this machine may have less."""

START_SECONDS, ANSWER_SECONDS, STOP_SECONDS = 60, 100, 15
WHERE_SLURM_LOOKS = Path("/etc/slurm/slurm.conf")
"""SLURM_CONF would name another place, but the executor plugin takes it from the environment of its job steps."""

CONF = """\
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
JobAcctGatherParams=OverMemoryKill,UsePss
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=5,bf_interval=5
ReturnToService=2
MpiDefault=none
MinJobAge=600
SlurmdTimeout=10
KillWait=2
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=hpc Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""
"""cred_expire: a job whose node was lost waits for so many seconds before it starts again (120 by default)."""


@dataclass
class Slurm:
    """The running daemons: `slurmctld`, and `slurmd` by node."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def jobs(self, columns: str = "%i %T %j %k %N") -> list[list[str]]:
        """What is queued or running now, a row each."""
        said = run("squeue", "--noheader", "--states=PENDING,RUNNING", f"--format={columns}")
        return [line.split() for line in said.splitlines()]

    def states(self) -> dict[str, str]:
        """How each node is, in sinfo's words (idle, mixed, down*)."""
        return dict(line.split() for line in run("sinfo", "--noheader", "--Node", "--format=%N %t").splitlines())

    def kill_node(self, node: str) -> int:
        """As if its power went: its slurmd and everything of its jobs, at once. How many processes that were."""
        processes = [process for process in psutil.process_iter() if is_of(process, node)]
        self.daemons[node].kill()
        self.daemons[node].wait()
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        return len(processes)

    def start_node(self, node: str) -> None:
        """Start the node's slurmd (again)."""
        self.daemons[node] = start(self.folder, f"slurmd-{node}", "slurmd", "-D", "-N", node)


def is_of(process: psutil.Process, node: str) -> bool:
    """Whether a process belongs to a job or step on that node: Slurm says so in the environment, or its name does."""
    with suppress(psutil.Error):
        words = process.cmdline()
        if words and words[0].startswith("slurmstepd:"):
            return any(is_of(child, node) for child in process.children())
        return process.environ().get("SLURMD_NODENAME") == node
    return False


def run(*words: str) -> str:
    """What a command of Slurm's says."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=ANSWER_SECONDS).stdout


def start(folder: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a daemon in the foreground, which ends when we are killed; what it says goes to a file."""
    with (folder / f"{name}.out").open("ab") as said:
        words = ("setpriv", "--pdeathsig", "TERM", *words)
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)


def until(holds: Callable[[], bool], seconds: float, what: str, every: float = 0.25) -> None:
    """Wait for something. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every)


@contextmanager
def two_nodes(folder: Path) -> Iterator[Slurm]:
    """Slurm with two nodes, its files in `folder`; at the end its daemons and jobs are gone.

    Raises RuntimeError if this machine has a Slurm of its own.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is stopped and taken away then, too
    with ExitStack() as stack:
        slurm = Slurm(folder)
        configure(folder)
        stack.callback(stop, slurm)
        stack.enter_context(visible_to_all(folder / "slurm.conf"))
        slurm.daemons["munged"] = start_munge(folder / "munge")
        until((folder / "munge/socket").exists, START_SECONDS, "munged")
        slurm.daemons["slurmctld"] = start(folder, "slurmctld", "slurmctld", "-D")
        for node in NODES:
            slurm.start_node(node)
        until(lambda: is_ready(slurm), START_SECONDS, "two idle nodes")
        yield slurm


def configure(folder: Path) -> None:
    """Write slurm.conf and make the daemons' folders."""
    for name in ("state", "munge", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    host = socket.gethostname().partition(".")[0]
    text = CONF.format(host=host, ports=free_ports(3), folder=folder, cpus=CPUS, memory_mb=MEMORY_MB)
    (folder / "slurm.conf").write_text(text)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def visible_to_all(conf: Path) -> Iterator[None]:
    """Let every command of Slurm's find our configuration, in the one place where all look."""
    if WHERE_SLURM_LOOKS.is_symlink() and not any(one.name() == "slurmctld" for one in psutil.process_iter()):
        WHERE_SLURM_LOOKS.unlink()  # of one of ours that was killed
    try:
        WHERE_SLURM_LOOKS.symlink_to(conf)
    except FileExistsError:
        raise RuntimeError(f"{WHERE_SLURM_LOOKS} exists: this machine has a Slurm; it is left alone") from None
    try:
        yield
    finally:
        WHERE_SLURM_LOOKS.unlink()


def start_munge(folder: Path) -> subprocess.Popen[bytes]:
    """munged with a key, a socket and files of its own, so that one of the system's is not touched."""
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    options = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed", "log-file": "log"}
    places = [f"--{option}={folder / name}" for option, name in options.items()]
    return start(folder, "munged", "munged", "--foreground", "--force", *places)


def is_ready(slurm: Slurm) -> bool:
    """Whether both nodes answer."""
    dead = [name for name, daemon in slurm.daemons.items() if daemon.poll() is not None]
    if dead:
        raise RuntimeError(f"{', '.join(dead)} did not start; see the files in {slurm.folder}")
    with suppress(subprocess.SubprocessError):
        return set(slurm.states().values()) == {"idle"}
    return False


def stop(slurm: Slurm) -> None:
    """End the jobs, then the daemons, then what is left of jobs."""
    with suppress(subprocess.SubprocessError, OSError):
        run("scancel", *(job[0] for job in slurm.jobs()))
        until(lambda: not slurm.jobs(), STOP_SECONDS, "the jobs' end")
    for name in reversed(slurm.daemons):
        slurm.daemons[name].send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            slurm.daemons[name].wait(STOP_SECONDS)
        slurm.daemons[name].kill()
        slurm.daemons[name].wait()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "slurmstepd" or any(is_of(process, node) for node in NODES):
                process.kill()


def main() -> None:
    """Keep a cluster until Ctrl-C."""
    folder = Path(sys.argv[1]).resolve()
    with two_nodes(folder), suppress(KeyboardInterrupt):
        print(f"Slurm is ready: partition hpc, nodes {' and '.join(NODES)}; Ctrl-C ends it", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
