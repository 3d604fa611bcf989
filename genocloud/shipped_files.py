"""Where the files lie that come with genocloud: Snakefile, workflow/, profiles/ with the price tables, the demo."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "shipped"

FILES = _IN_WHEEL if _IN_WHEEL.exists() else _PACKAGE.parent
"""The folder that holds them: genocloud/shipped of a wheel, into which setup.py copies them, else the repository."""

PRICES = FILES / "profiles" / "prices"
"""The price tables, named without a folder, such as google.yaml."""

SCHEMAS = FILES / "workflow" / "schemas"
"""The schemas of the workflow's config and of its profiles."""


def demo_files() -> list[str]:
    """The demo's config and inputs, as paths below FILES: fourteen simulated people; indexes after what they index."""
    patterns = ("config.yaml", "test_data/*.*", "test_data/gvcf/*", "test_data/reads/*")
    files = (file for pattern in patterns for file in FILES.glob(pattern))
    return sorted(file.relative_to(FILES).as_posix() for file in files if file.suffix != ".py")


def profile_names() -> list[str]:
    """The profiles that a study can have; `default` is another name of one of these."""
    folders = (file.parent for file in FILES.glob("profiles/*/config.yaml"))
    return sorted(folder.name for folder in folders if folder.name != "default")
