"""What the doctor finds on every kind of store: use of it is tried, settings are asked for, nothing is left behind."""

import os
import time
from collections.abc import Iterable
from types import SimpleNamespace

import pytest

from genocloud import storage
from genocloud.cli import main
from genocloud.storage import doctor, s3
from genocloud.storage.doctor import Finding, Verdict, examine, gcs, query
from genocloud.storage.local import LocalStore
from tests.contracts.conftest import BUCKET

TRIED = ["list", "write", "read", "create if absent", "replace", "clock", "delete"]


def of(findings: Iterable[Finding], subject: str) -> dict[str, Verdict]:
    return {finding.text: finding.verdict for finding in findings if finding.subject == subject}


def test_a_sound_place_has_nothing_broken_and_stays_as_it_was(store):
    store.write("a/b", b"hello")
    findings = list(examine(store.url))
    assert [finding.subject for finding in findings if finding.verdict is Verdict.FINE][: len(TRIED)] == TRIED
    assert [finding for finding in findings if finding.verdict is Verdict.BROKEN] == []
    assert store.list() == ["a/b"]


def test_a_folder_that_is_not_there_yet_is_not_left_behind(tmp_path):
    assert main(["doctor", str(tmp_path / "new")]) == 0
    assert not (tmp_path / "new").exists()


def test_what_is_broken_ends_with_exit_code_4(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["doctor", str(tmp_path / "file")]) == 4
    output = capsys.readouterr()
    assert "broken    write             a part of the path is a file, not a folder" in output.out
    assert "broken; mend what is said above" in output.err


def test_a_bucket_that_is_not_there_is_one_line(gs_server, monkeypatch, capsys):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gs_server[0])
    assert main(["doctor", "gs://no-such-bucket/a"]) == 4
    output = capsys.readouterr().out.splitlines()
    assert output == ["broken    list              its bucket does not exist; make the bucket, or check its name"]


def test_everybody_who_may_write_is_broken_and_who_may_read_is_a_note(tmp_path):
    for mode, verdict in ((0o777, Verdict.BROKEN), (0o700, Verdict.FINE)):
        tmp_path.chmod(mode)
        assert set(of(examine(str(tmp_path)), "exposure").values()) == {verdict}


def test_who_may_read_new_files_is_said(tmp_path, monkeypatch):
    finding_text = "folders 0750 and files 0640 at most; GENOCLOUD_UMASK widens it"
    assert of(examine(str(tmp_path)), "new files") == {finding_text: Verdict.FINE}
    monkeypatch.setenv("GENOCLOUD_UMASK", "022")
    ((finding_text, verdict),) = of(examine(str(tmp_path)), "new files").items()
    assert verdict is Verdict.NOTE
    assert finding_text.startswith("folders 0755 and files 0644 at most: GENOCLOUD_UMASK lets everybody")


def test_a_clock_that_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(LocalStore, "modified", lambda store, name: time.time() - 1000)
    assert of(examine(str(tmp_path)), "clock") == {
        "this machine's is 1,000 s ahead of the store's; set it (chrony, ntpd)": Verdict.BROKEN
    }


def test_a_place_where_a_second_writer_wins_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(LocalStore, "create", LocalStore.write)
    assert set(of(examine(str(tmp_path)), "create if absent").values()) == {Verdict.BROKEN}


def test_a_place_that_may_only_be_read_says_so_and_answers_the_rest(tmp_path, monkeypatch):
    def refuse(store, name, data):
        raise storage.StoreFailed(store.url, "permission denied", "ask for access")

    monkeypatch.setattr(LocalStore, "create", refuse)
    findings = list(examine(str(tmp_path)))
    assert of(findings, "write") == {
        "permission denied; ask for access (a place of inputs needs none of it)": Verdict.BROKEN
    }
    assert of(findings, "room")


def test_what_may_not_be_seen_is_not_known():
    def refuse():
        raise PermissionError("no storage.buckets.get")

    (finding,) = query("encryption", refuse, iter)
    assert finding.verdict is Verdict.UNKNOWN
    assert "no storage.buckets.get" in finding.text


def test_settings_of_s3(s3_url):
    there = {"Bucket": BUCKET}
    assert of(examine(s3_url), "old versions") == {"no versioning: what is deleted is gone": Verdict.FINE}
    s3._call("put_bucket_versioning", **there, VersioningConfiguration={"Status": "Enabled"})
    s3._call("put_bucket_acl", **there, ACL="public-read")
    try:
        findings = list(examine(s3_url))
    finally:
        s3._call("put_bucket_acl", **there, ACL="private")
        s3._call("put_bucket_versioning", **there, VersioningConfiguration={"Status": "Suspended"})
    assert any("versioning is on" in finding_text for finding_text in of(findings, "old versions"))
    assert of(findings, "exposure")["the bucket's ACL gives everybody READ; remove the grant"] is Verdict.BROKEN
    assert of(findings, "location") == {"us-east-1; run workers there": Verdict.FINE}


class Policy:
    def __init__(self, *members):
        self.bindings = [{"role": "roles/storage.objectViewer", "members": set(members)}]


@pytest.mark.parametrize(
    ("members", "verdict"), [(["user:ann@example.org"], Verdict.FINE), (["allUsers"], Verdict.BROKEN)]
)
def test_who_is_in_a_policy_of_google(members, verdict):
    assert [finding.verdict for finding in gcs._of_policy(Policy(*members))] == [verdict]


def bucket(versioning=False, soft_delete_days=0, retention_seconds=None):
    soft = SimpleNamespace(retention_duration_seconds=soft_delete_days * 86_400)
    return SimpleNamespace(versioning_enabled=versioning, soft_delete_policy=soft, retention_period=retention_seconds)


@pytest.mark.parametrize(
    ("settings", "verdict", "finding_text"),
    [
        ({}, Verdict.FINE, "what is deleted is gone"),
        ({"versioning": True}, Verdict.NOTE, "lives on in old versions"),
        ({"soft_delete_days": 7}, Verdict.NOTE, "erased people too, for 7 days"),
        ({"retention_seconds": 86_400, "soft_delete_days": 1}, Verdict.BROKEN, "forbids to delete for 1 days"),
    ],
)
def test_what_google_keeps(settings, verdict, finding_text):
    findings = list(gcs._old_versions(bucket(**settings)))
    assert any(finding.verdict is verdict and finding_text in finding.text for finding in findings)


@pytest.mark.parametrize(
    ("there", "finding_text"),
    [(100.0, "within 1 s"), (97.0, "within 3 s"), (300.0, "198 s behind"), (0.0, "100 s ahead of")],
)
def test_skew_is_counted_from_the_nearer_end_of_what_was_seen(there, finding_text):
    assert finding_text in doctor._skew(there, 100.0, 102.0).text


def test_no_credentials_are_needed_where_none_may_be_logged(capsys, tmp_path):
    main(["doctor", str(tmp_path)])
    assert not any(value in capsys.readouterr().out for name, value in os.environ.items() if "SECRET" in name)
