"""One run at a time in a folder, by a lock that ends with its process, however it ends.

Snakemake's own lock outlives a kill -9 and then has to be removed by hand: the profiles turn it off (nolock).
"""

import fcntl
import os
import sys
from pathlib import Path

from genocloud.workflow.orphans import RUN_MARK, end_orphans

LOCK = ".snakemake/genocloud.lock"


def hold_folder() -> None:
    """Lock the working folder until this process ends, and end what a killed run left; exits if another holds it."""
    lock = os.open(LOCK, os.O_CREAT | os.O_WRONLY)  # never closed, and so held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"genocloud: another run is at work in {Path.cwd()}; wait for it, or use another --directory")
    end_orphans()
    os.environ.update({RUN_MARK: str(Path.cwd())})  # jobs inherit it
