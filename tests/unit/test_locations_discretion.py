"""A failure at a site whose data stay there says nothing of them elsewhere; all of it stands at the site."""

import logging
import pickle
from pathlib import Path

import pytest

from genocloud.errors import BadRecord
from genocloud.locations import BadParcel, ToldThere, discreet, hold_policy, pack
from genocloud.schema import TOTALS

SECRET = "NA12878"


def bad_record(task: str) -> None:
    raise BadRecord(f"/data/{SECRET}.g.vcf.gz", "line 7", f"PL {task}", "call it again")


def bug(task: str) -> None:
    raise KeyError(SECRET) from ValueError(task)


def fine(task: str) -> str:
    return task.upper()


@pytest.mark.parametrize(("function", "kind", "code"), [(bad_record, "BadRecord", 3), (bug, "KeyError", 1)])
@pytest.mark.parametrize("policy", ["stays", "summaries", ""])
def test_what_is_wrong_stays_at_the_site(tmp_path: Path, policy, function, kind, code, caplog) -> None:
    if policy:
        hold_policy(str(tmp_path), "alpha", policy)
    with caplog.at_level(logging.ERROR), pytest.raises(ToldThere) as caught:
        discreet(str(tmp_path), function, "0,10,secret")
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


def test_a_site_whose_data_may_leave_says_what_is_wrong(tmp_path: Path) -> None:
    hold_policy(str(tmp_path), "alpha", "may_leave")
    with pytest.raises(BadRecord, match=SECRET):
        discreet(str(tmp_path), bad_record, "0")


def test_what_may_not_cross_is_said(tmp_path: Path) -> None:
    hold_policy(str(tmp_path), "alpha", "stays")
    with pytest.raises(BadParcel):
        discreet(str(tmp_path), lambda table: pack("totals", table), TOTALS.empty_table().drop_columns(["bin"]))


def test_a_result_is_handed_on(tmp_path: Path) -> None:
    assert discreet(str(tmp_path), fine, "ok") == "OK"


def test_a_reason_that_cannot_be_kept_is_in_the_workers_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "errors").write_text("in the way")
    with caplog.at_level(logging.ERROR), pytest.raises(ToldThere, match="log of its workers"):
        discreet(str(tmp_path), bad_record, "0")
    assert SECRET in caplog.text
