"""The wheel's build step: it packs workflow, profiles with price tables, and demo (genocloud/shipped_files.py)."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("Snakefile", "config.yaml", "workflow", "profiles", "test_data")
"""Files and folders at the top of the repository; the wheel has them in genocloud/shipped, the sdist by MANIFEST.in."""


NOT_SHIPPED = shutil.ignore_patterns("make.py", "simulate", "__pycache__")
"""What made the test data, which only a clone can run."""


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
            if source.is_dir():
                shutil.copytree(source, target / source.name, ignore=NOT_SHIPPED)
            else:
                shutil.copy(source, target / source.name)


setup(cmdclass={"build_py": BuildWithWorkflow})
