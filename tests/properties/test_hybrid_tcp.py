"""Every byte between the coordinator and a real Dask scheduler of another site, searched for its people."""

import gzip
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
import distributed
import pytest

from genocloud.federation import RedactedError
from tests.support.hybrid_studies import Study, differences, run_study, small, write_study
from tests.support.site_policies import obeying
from tests.support.tcp_tap import Tap, tapped

pytestmark = pytest.mark.slow

AWAY, COORDINATOR = "aarau", "bern"
PLAIN = {"distributed.comm.compression": None, "distributed.worker.profile.enabled": False}


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the sites' policy files will lie."""
    return tmp_path_factory.mktemp("policies")


@pytest.fixture(scope="module")
def site(policies: Path) -> Iterator[Any]:
    """The other site's scheduler and worker, which write as they would between machines, uncompressed."""
    with (
        obeying(policies),
        dask.config.set(PLAIN),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def tap(site: Any) -> Iterator[Tap]:
    address = urlsplit(site.scheduler_address)
    with dask.config.set(PLAIN), tapped(address.hostname or "", address.port or 0) as made:
        yield made


def study_in(folder: Path, policies: Path) -> Study:
    contigs = {"many": small("many", 8), "spanning": small("spanning", 16)}
    return write_study(folder, {AWAY: 4, COORDINATOR: 3}, contigs, window_bp=400, batch_size=2, policies=policies)


def run(study: Study, tap: Tap) -> Any:
    policies = dict.fromkeys(study.people, "stays")
    return run_study(study, study.config("run", policies, COORDINATOR, **{AWAY: f"tcp://127.0.0.1:{tap.port}"}))


def test_no_name_is_on_the_line(tmp_path: Path, tap: Tap, policies: Path) -> None:
    study = study_in(tmp_path, policies)
    receipt = run(study, tap)
    config = study.config("run", dict.fromkeys(study.people, "stays"), COORDINATOR)
    assert differences(study, "run", config, study.at_one_site()) == []
    bytes_by_site = {
        way: sum(each["bytes"] for each in receipt.figures["crossings"] if each["from"] == way) for way in study.people
    }
    assert len(tap.outward) > bytes_by_site[AWAY] > 0
    assert len(tap.inward) > bytes_by_site[COORDINATOR] > 0
    assert b"genocloud" in tap.inward
    for name in study.names:
        assert name.encode() not in tap.outward
    for name in study.people[COORDINATOR]:
        assert name.encode() not in tap.inward


def test_an_error_is_not_quoted_on_the_line(tmp_path: Path, tap: Tap, policies: Path) -> None:
    study = study_in(tmp_path, policies)
    path = study.gvcf(study.people[AWAY][0])
    text = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(re.sub(r":[0-9,]+(\n)", r":secretPL\1", text, count=1).encode()))
    with pytest.raises(RedactedError):
        run(study, tap)
    assert len(tap.outward) > 1000
    for word in (b"secretPL", *(name.encode() for name in study.names)):
        assert word not in tap.outward
