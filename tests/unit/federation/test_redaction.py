"""A failure at a site whose data stay there says nothing of them elsewhere; all of it stands at the site."""

import logging
import pickle
from pathlib import Path

import pytest

from genocloud.errors import BadRecord
from genocloud.federation import BadMessage, NoPolicy, RedactedError, Requester, pack, run_under_policy
from genocloud.schema import TOTALS
from tests.support.site_policies import write_policy

SECRET = "NA12878"


def bad_record(task: str) -> None:
    raise BadRecord(f"/data/{SECRET}.g.vcf.gz", "line 7", f"PL {task}", "call it again")


def bug(task: str) -> None:
    raise KeyError(SECRET) from ValueError(task)


def fine(task: str) -> str:
    return task.upper()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Requester:
    """A site whose policy is the parameter, asked from elsewhere."""
    write_policy(tmp_path / "policy.yaml", "alpha", [str(tmp_path / "store")], [], request.param)
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "policy.yaml"))
    return Requester(str(tmp_path / "store"), is_coordinator=False)


@pytest.mark.parametrize(("function", "kind", "code"), [(bad_record, "BadRecord", 3), (bug, "KeyError", 1)])
@pytest.mark.parametrize("site", ["stays", "summaries"], indirect=True)
def test_what_is_wrong_stays_at_the_site(site: Requester, function, kind, code, caplog) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(RedactedError) as caught:
        run_under_policy(site, function, "0,10,secret")
    error = caught.value
    assert (error.kind, error.exit_code) == (kind, code)
    assert error.__cause__ is error.__context__ is None
    crossed = pickle.dumps(error) + str(error).encode()
    assert SECRET.encode() not in crossed
    assert b"secret" not in crossed
    kept = Path(error.url).read_text()
    assert SECRET in kept
    assert "0,10,secret" in kept
    assert pickle.loads(pickle.dumps(error)).exit_code == code


@pytest.mark.parametrize("site", ["may_leave"], indirect=True)
def test_a_site_whose_data_may_leave_says_what_is_wrong(site: Requester) -> None:
    with pytest.raises(BadRecord, match=SECRET):
        run_under_policy(site, bad_record, "0")


@pytest.mark.parametrize(("coordinates", "error"), [(True, BadRecord), (False, RedactedError)])
def test_who_says_to_be_at_the_site_hears_all_only_where_its_policy_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coordinates: bool, error: type[Exception]
) -> None:
    store = str(tmp_path / "store")
    write_policy(tmp_path / "policy.yaml", "alpha", [store], [], coordinates=coordinates)
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "policy.yaml"))
    with pytest.raises(error):
        run_under_policy(Requester(store, is_coordinator=True), bad_record, "0")


def test_without_a_policy_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENOCLOUD_POLICY", raising=False)
    with pytest.raises(NoPolicy, match=r"the workers here have no policy file, and hand nothing out; .* --policy FILE"):
        run_under_policy(Requester(str(tmp_path), is_coordinator=True), lambda task: (tmp_path / "done").touch(), "ok")
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("site", ["stays"], indirect=True)
def test_what_may_not_cross_is_said(site: Requester) -> None:
    with pytest.raises(BadMessage):
        run_under_policy(site, lambda table: pack("totals", table), TOTALS.empty_table().drop_columns(["bin"]))


@pytest.mark.parametrize("site", ["stays"], indirect=True)
def test_a_result_is_handed_on(site: Requester) -> None:
    assert run_under_policy(site, fine, "ok") == "OK"


@pytest.mark.parametrize("site", ["stays"], indirect=True)
def test_a_reason_that_cannot_be_kept_is_in_the_workers_log(site: Requester, caplog: pytest.LogCaptureFixture) -> None:
    Path(site.store, "errors").write_text("in the way")
    with caplog.at_level(logging.ERROR), pytest.raises(RedactedError, match="log of its workers"):
        run_under_policy(site, bad_record, "0")
    assert SECRET in caplog.text
