"""What is said when a container of Azure cannot be used, and what is made of its answers."""

from collections.abc import Callable
from hashlib import md5
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core import exceptions as api

from genocloud import storage
from genocloud.storage import azure, multipart
from genocloud.storage.azure import explain


def answer(code: str, status: int = 400) -> api.HttpResponseError:
    error = api.HttpResponseError("the service's words\nmore")
    error.error_code, error.status_code = code, status
    return error


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (answer("AuthorizationPermissionMismatch", 403), "permission denied", "Storage Blob Data Contributor"),
        (answer("AuthorizationFailure", 403), "permission denied", "firewall"),
        (answer("KeyVaultAccess", 403), "permission denied (KeyVaultAccess)", "Storage Blob Data Contributor"),
        (answer("AuthenticationFailed", 403), "the Azure credentials do not work", "az login"),
        (answer("ContainerNotFound", 404), "its container does not exist", "make the container"),
        (answer("Md5Mismatch"), "the checksums here and in the container differ", "run this again"),
        (answer("", 400), "the container refused (the service's words)", "check the URL"),
        (api.AzureError("MD5 mismatch. Expected value is 'a'"), "the checksums here", "run this again"),
        (api.ClientAuthenticationError("no token\nmore"), "no Azure credentials on this machine", "az login"),
        (api.ServiceRequestError("no route"), "the container cannot be reached (no route)", "check the account's name"),
        (TimeoutError("late"), "the container cannot be reached (late)", "the network"),
    ],
)
def test_each_trouble_is_reported_with_a_remedy(error, problem, remedy):
    message = explain("az://c/a", error)
    assert message.url == "az://c/a"
    assert problem in message.problem
    assert remedy in message.remedy
    assert "\n" not in str(message)


def test_a_missing_account_is_reported(monkeypatch):
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(storage.StoreFailed, match="no Azure storage account is named; set AZURE_STORAGE_ACCOUNT_NAME"):
        storage.open_store("az://container/a").list()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> storage.Store:
    """A store whose requests go to functions that a test sets on `service`, by the client library's names."""
    monkeypatch.setattr(azure.AzureStore, "_blob", lambda self, name: self.service)
    monkeypatch.setattr(azure, "_run", lambda method, *of, **how: method(*of, **how))
    made = storage.open_store("az://c/a")
    made.service = SimpleNamespace()
    return made


def refusing(*codes: str) -> Callable[..., Any]:
    """A request that is refused once with each code, and after that answered with some bytes."""
    answers = list(codes)

    def request(*_: Any, **__: Any) -> Any:
        if answers:
            raise answer(answers.pop(0))
        return b"data", None

    return request


def test_an_object_replaced_between_its_requests_is_read_again(store, monkeypatch):
    monkeypatch.setattr(azure, "_body", refusing("ConditionNotMet", "ConditionNotMet"))
    assert store.read("x") == b"data"
    monkeypatch.setattr(azure, "_body", refusing(*["ConditionNotMet"] * 9))
    with pytest.raises(storage.StoreFailed, match="was replaced 6 times"):
        store.read("x")


def test_bytes_after_an_objects_end_are_none(store, monkeypatch):
    monkeypatch.setattr(azure, "_body", refusing("InvalidRange"))
    assert store.read("x", 9) == b""


@pytest.mark.parametrize(
    ("code", "problem"), [("ServerBusy", "the container refused"), ("AuthorizationFailure", "permission denied")]
)
def test_another_refusal_of_a_read_is_not_tried_again(store, monkeypatch, code, problem):
    monkeypatch.setattr(azure, "_body", refusing(code))
    with pytest.raises(storage.StoreFailed, match=problem):
        store.read("x")


@pytest.mark.parametrize("request_of", ["whole", "range"])
def test_whole_objects_are_compared_with_their_checksum(store, monkeypatch, request_of):
    """One of a range is checked by the client library; the object's own says nothing of it."""
    monkeypatch.setattr(azure, "_body", lambda *_: (b"data", bytearray(md5(b"other").digest())))
    monkeypatch.setattr("genocloud.storage.streams.PAUSE_SECONDS", 0)
    if request_of == "range":
        assert store.read("x", 2, 6) == b"data"
    else:
        with pytest.raises(storage.StoreFailed, match="checksums here and in the container differ"):
            store.read("x")


DATA = b"0123456789"


@pytest.mark.parametrize(
    ("there", "fails"),
    [(DATA, False), (DATA[::-1], True), (DATA + DATA, True)],
    ids=["the same bytes", "others", "more"],
)
def test_of_writers_at_once_one_whose_bytes_are_there_has_written_them(store, monkeypatch, there, fails):
    """Whoever commits blocks second is refused, as the first one's commit discards what others staged."""
    monkeypatch.setattr(multipart, "PART_BYTES", 4)
    settings = SimpleNamespace(content_md5=bytearray(md5(there).digest()))
    staged: dict[str, bytes] = {}
    store.service.stage_block = lambda name, data, **_: staged.update({name: data})
    store.service.commit_block_list = refusing("InvalidBlockList")
    store.service.get_blob_properties = lambda: SimpleNamespace(size=len(there), content_settings=settings)
    if fails:
        with (
            pytest.raises(storage.StoreFailed, match="another writer was putting it in place"),
            store.writer("x") as to,
        ):
            to.write(DATA)
    else:
        with store.writer("x") as to:
            to.write(DATA)
    assert b"".join(staged[name] for name in sorted(staged)) == DATA


def test_a_list_of_blocks_refused_for_another_reason_is_an_error(store, monkeypatch):
    monkeypatch.setattr(multipart, "PART_BYTES", 4)
    store.service.stage_block = lambda *_, **__: None
    store.service.commit_block_list = refusing("AuthorizationFailure")
    with pytest.raises(storage.StoreFailed, match="permission denied"), store.writer("x") as to:
        to.write(DATA)


@pytest.mark.parametrize("code", ["BlobAlreadyExists", "ConditionNotMet"])
@pytest.mark.parametrize("own", [True, False], ids=["its own", "another's"])
def test_an_object_whose_creation_went_unanswered_is_its_creators(store, code, own):
    """The client library sends a request again when its answer is lost, and the service then refuses it."""
    noted: dict[str, str] = {}

    def upload(*_: Any, metadata: dict[str, str], **__: Any) -> None:
        noted.update(metadata if own else dict.fromkeys(metadata, "another"))
        raise answer(code)

    store.service.upload_blob = upload
    store.service.get_blob_properties = lambda: SimpleNamespace(metadata=noted)
    if own:
        store.create("x", DATA)
    else:
        with pytest.raises(storage.ObjectExists):
            store.create("x", DATA)
