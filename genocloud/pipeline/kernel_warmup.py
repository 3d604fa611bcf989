"""Compile the kernels that numba's cache lacks before a run, in parallel processes."""

import logging

from genocloud.kernels import compiling
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Progress

_log = logging.getLogger(__name__)


def compile_kernels(processes: int, memory: int | None, progress: Progress) -> None:
    """Compile what numba's cache lacks, with a warning as it takes a while; call it before threads are started."""
    missing = compiling.missing()
    if not missing:
        return
    _log.warning("compiling kernels: once on this machine; they are kept in %s", compiling.place())
    with (
        open_scatter(f"processes:{processes}", memory) as scatter,
        progress.stage("compile", tasks=len(missing), unit="kernel") as stage,
    ):
        scatter.run(compiling.compile_kernel, missing, lambda _: stage.advance(tasks=1))
    compiling.remember()
