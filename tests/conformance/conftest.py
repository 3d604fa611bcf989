"""What the suites against the real GATK share: its launcher, and what happens where it cannot run."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

GATK = Path(__file__).resolve().parents[1] / "anchors" / "gatk" / "gatk"


def missing() -> list[str]:
    """What this machine lacks of what the suites need, one phrase each."""
    lacking = [f"{program} on PATH" for program in ("java", "bwa") if not shutil.which(program)]
    lib = Path(os.environ.get("GATK_LIB", GATK.parent / "lib"))
    return lacking if lib.is_dir() else [*lacking, f"GATK's jars in {lib}"]


@pytest.hookimpl(tryfirst=True)  # before the skips that tests ask for themselves
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here; in CI, where a skip would go unseen for ever, fail."""
    if item.get_closest_marker("conformance") and (lacking := missing()):
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"needs {', '.join(lacking)}; make conformance installs it")


@pytest.fixture(scope="session")
def gatk() -> Callable[..., str]:
    """`gatk(TOOL, ...)` runs a tool, which must end well, and returns what it said."""

    def run(*words: str | Path) -> str:
        environment = os.environ | {"JAVA_OPTS": "-Xmx2g"}
        done = subprocess.run([GATK, *words], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    return run


@pytest.fixture
def say() -> Callable[..., None]:
    """`say(title, counts, ...)` prints what was compared, which `make conformance` shows at its end (pytest -raP)."""

    def tell(title: str, *counts: Counter[str]) -> None:
        print(title)
        for each in counts:
            print("  " + "; ".join(f"{kind} {number:,}" for kind, number in each.items() if number))

    return tell
