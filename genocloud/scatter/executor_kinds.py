"""Kinds of executors that --scatter can name: one entry each, with its grammar, its opener and what it needs."""

from collections.abc import Callable
from dataclasses import dataclass

from genocloud.formatting import install_command, is_number


def _of_one(_: str) -> int:
    return 1


def _of_number(text: str) -> int | None:
    return int(text) if is_number(text) else None


def _of_local(text: str) -> int | None:
    settings = dict(each.partition("=")[::2] for each in text.split(","))
    counts = [settings.get(name, "1") for name in ("processes", "threads")]
    return int(counts[0]) * int(counts[1]) if all(map(is_number, counts)) else None


def _unknown(_: str) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class ExecutorKind:
    """One kind of executor; its module is loaded when it is first used.

    name     what a choice begins with, up to the first colon
    grammar  the whole choice, as help shows it
    summary  where tasks run, as the end of a sentence
    opener   `module:function` of a context manager. It takes the text after the colon and the whole choice, and yields
             a Pool of Dask workers; without Dask it takes the memory budget too, and yields a Scatter
    dask     whether tasks run on Dask workers
    cores    how many cores the text after the colon names; None where it does not say
    extra    extra of genocloud that installs what it needs; empty where it is always there
    """

    name: str
    grammar: str
    summary: str
    opener: str
    dask: bool = True
    cores: Callable[[str], int | None] = _unknown
    extra: str = ""

    @property
    def install_hint(self) -> str:
        """The command that installs what this kind needs; empty where genocloud alone brings it."""
        return install_command(self.extra) if self.extra else ""


EXECUTOR_KINDS = (
    ExecutorKind(
        name="inline",
        grammar="inline",
        summary="in this process, one after another",
        opener="genocloud.scatter.executors:open_inline",
        dask=False,
        cores=_of_one,
    ),
    ExecutorKind(
        name="threads",
        grammar="threads:N",
        summary="in threads of this process",
        opener="genocloud.scatter.executors:open_threads",
        dask=False,
        cores=_of_number,
    ),
    ExecutorKind(
        name="processes",
        grammar="processes:N",
        summary="in processes of this machine",
        opener="genocloud.scatter.processes:open_process_pool",
        dask=False,
        cores=_of_number,
    ),
    ExecutorKind(
        name="local",
        grammar="local:processes=N,threads=N,memory=SIZE",
        summary="on a Dask cluster of processes of this machine",
        opener="genocloud.scatter.deploy.dask_clusters:local_pool",
        cores=_of_local,
    ),
    ExecutorKind(
        name="tls",
        grammar="tls://HOST:PORT[,tls=DIR]",
        summary="on a Dask scheduler that runs already (genocloud scheduler, genocloud workers)",
        opener="genocloud.scatter.deploy.dask_clusters:remote_pool",
    ),
    ExecutorKind(
        name="tcp",
        grammar="tcp://HOST:PORT[,insecure=yes]",
        summary="on such a scheduler without TLS",
        opener="genocloud.scatter.deploy.dask_clusters:remote_pool",
    ),
    ExecutorKind(
        name="slurm",
        grammar="slurm:partition=NAME,account=NAME,threads=N,memory=SIZE,walltime=HH:MM:SS,workers=MIN-MAX,interface=NAME",
        summary="on Dask workers that are jobs of Slurm, as many as there is work for",
        opener="genocloud.scatter.deploy.slurm:slurm_pool",
        extra="slurm",
    ),
    ExecutorKind(
        name="kubernetes",
        grammar="kubernetes:namespace=NAME,image=IMAGE,threads=N,memory=SIZE,workers=MIN-MAX,insecure=yes",
        summary="on Dask workers that are pods, as many as there is work for",
        opener="genocloud.scatter.deploy.kubernetes:kubernetes_pool",
        extra="kubernetes",
    ),
)

BY_NAME = {kind.name: kind for kind in EXECUTOR_KINDS}


def is_dask(choice: str) -> bool:
    """Whether the tasks run on Dask workers; also of an unknown choice."""
    kind = BY_NAME.get(choice.partition(":")[0])
    return kind is None or kind.dask


def cores_of(choice: str) -> int | None:
    """How many cores a choice names; None where it does not say."""
    name, _, text = choice.partition(":")
    return BY_NAME[name].cores(text) if name in BY_NAME else None


def choice_pattern() -> str:
    """A regular expression for a choice: a known name alone, or with a colon and what follows it."""
    alone = "|".join(kind.name for kind in EXECUTOR_KINDS if kind.grammar == kind.name)
    others = "|".join(kind.name for kind in EXECUTOR_KINDS if kind.grammar != kind.name)
    return f"({alone}|({others}):.+)"
