"""The command line, with tasks that do not end by themselves: `python -m tests.kills.slow WORDS...`.

ingest's batches (and joint's) are never done; a tile of call's is never done. Says `working` as a task begins.
"""

import sys
import time

from genocloud import cohort
from genocloud.cli import run
from genocloud.reads import pileup


def never(*_: object, **__: object) -> None:
    """Work for longer than any test."""
    print("working", file=sys.stderr, flush=True)
    time.sleep(600)


cohort.write_batch = never  # workers that load this module anew have it too
pileup.run = never

if __name__ == "__main__":
    run()
