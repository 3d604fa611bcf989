"""The wheel's build step: it packs the workflow, its profiles and the price tables (genocloud/shipped_files.py)."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("Snakefile", "workflow", "profiles")
"""Files and folders at the top of the repository; the wheel has them in genocloud/shipped, the sdist by MANIFEST.in."""


class BuildWithWorkflow(build_py):
    """Builds the package with the shipped files; an editable install reads those of the repository."""

    def run(self) -> None:
        """Copy the package's modules, then the shipped files; links become what they point to."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "genocloud", "shipped")
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build, with files that are gone since
        target.mkdir(parents=True)
        for source in map(Path, SHIPPED):
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target / source.name)


setup(cmdclass={"build_py": BuildWithWorkflow})
