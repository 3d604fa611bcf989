"""Policy files for sites in tests: as those who answer for a site would write and sign them off."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from genocloud.federation import Register, SitePolicy
from genocloud.federation.site_policy import VARIABLE, policy_of_values


def write_policy(
    path: Path, site: str, stores: Sequence[str], inputs: Sequence[str], policy: str = "stays", **more: Any
) -> SitePolicy:
    """Write a site's policy file and begin its register, beside it; any number of people will do unless `more` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values: Mapping[str, Any] = {
        "site": site,
        "signed_off": "A. Tester, 2026-11-29",
        "stores": list(stores),
        "inputs": list(inputs),
        "policy": policy,
        "minimum_people": 1,
        "register": str(path.with_suffix("")) + "-register",
        "coordinates": True,
        **more,
    }
    path.write_text(yaml.safe_dump(dict(values)))
    written = policy_of_values(str(path), values)
    if not Path(written.register).exists():
        Register(written).start("A. Tester")
    return written


@contextmanager
def obeying(place: Path) -> Iterator[None]:
    """Workers that are started in here obey the policy files at a place."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(place)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before
