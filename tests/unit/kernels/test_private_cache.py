"""Where neither NUMBA_CACHE_DIR, the package's folder nor HOME is writable, kernels have a private place."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

UNWRITABLE = """
import sys
from numba.core import caching

def forbidden(self):
    raise PermissionError("read-only")

caching.InTreeCacheLocator.ensure_cache_path = forbidden  # as root any folder can be written
from genocloud.cli import main
from genocloud.kernels import compiling
print(compiling.place())
sys.exit(main(sys.argv[1:]))
"""


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command without a writable NUMBA_CACHE_DIR or HOME."""
    file = tmp_path / "file"
    file.touch()
    below = str(file / "below")
    places = {"NUMBA_CACHE_DIR": below, "HOME": below, "XDG_CACHE_HOME": below, "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-c", UNWRITABLE, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | places)


def test_kernels_are_kept_in_a_private_folder_and_that_is_said_once(tmp_path):
    ended = run(tmp_path, "joint", "nothing.g.vcf.gz", "-R", "nothing.fa", "-o", str(tmp_path / "o.vcf.gz"))
    folder = tmp_path / "tmp" / f"genocloud-kernels-{os.getuid()}"
    assert ended.stdout.startswith(str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert ended.stderr.count("kernels are kept in") == 1
    assert ended.stderr.count("genocloud: error: ") == 1
    assert "nothing.g.vcf.gz: does not exist" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 3


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_write_is_not_used(mode, tmp_path):
    folder = tmp_path / "tmp" / f"genocloud-kernels-{os.getuid()}"
    folder.mkdir(parents=True)
    folder.chmod(mode)
    ended = run(tmp_path, "inspect", "nothing")
    assert not ended.stdout.startswith(f"{folder}/")
    assert list(folder.iterdir()) == []


def test_help_needs_no_place(tmp_path):
    nowhere = {"NUMBA_CACHE_DIR": "/dev/null/x", "HOME": "/dev/null", "TMPDIR": "/dev/null"}
    command = [sys.executable, "-c", "from genocloud.cli import main; main(['--help'])"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | nowhere)
    assert (ended.returncode, ended.stderr) == (0, "")
