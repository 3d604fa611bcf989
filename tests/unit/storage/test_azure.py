"""What is said when a container of Azure cannot be used, and what is made of its answers."""

import asyncio
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


@pytest.mark.parametrize("name", ["a\\b", "a.", "a./b", "a/b."])
def test_names_of_which_azure_makes_others_are_refused(name):
    with pytest.raises(storage.StoreFailed, match=r"cannot name an object on Azure; use no \\ and no dot at the end"):
        storage.open_store("az://c/a").write(name, DATA)


@pytest.mark.parametrize(
    ("start", "end", "request_for"),
    [
        (0, None, {}),
        (3, None, {"offset": 3, "length": None}),
        (0, 4, {"offset": 0, "length": 4}),
        (3, 4, {"offset": 3, "length": 1}),
    ],
)
def test_just_the_bytes_that_are_read_are_requested(store, monkeypatch, start, end, request_for):
    requests: list[dict[str, Any]] = []
    monkeypatch.setattr(azure, "_body", lambda _, request: requests.append(request) or (b"data", None))
    store.read("x", start, end)
    assert requests == [request_for]


@pytest.mark.parametrize("end", [3, 2])
def test_no_bytes_are_read_of_an_object_that_is_there(store, end):
    """No range of a request may be empty."""
    store.service.get_blob_properties = lambda: SimpleNamespace(size=9, last_modified=None)
    assert store.read("x", 3, end) == b""
    store.service.get_blob_properties = refusing("BlobNotFound")
    with pytest.raises(storage.ObjectMissing):
        store.read("x", 3, end)


class Uploads:
    """Requests that send bytes, each with its options."""

    def __init__(self, service: SimpleNamespace) -> None:
        self.options: list[dict[str, Any]] = []
        for name in ("upload_blob", "stage_block", "commit_block_list"):
            setattr(service, name, self.note)

    def note(self, *_: Any, **options: Any) -> None:
        self.options.append(options)


def test_a_service_verifies_each_request_that_sends_bytes(store, monkeypatch):
    monkeypatch.setattr(multipart, "PART_BYTES", 4)
    sent = Uploads(store.service)
    store.write("x", DATA)
    store.create("x", DATA)
    with store.writer("x") as to:
        to.write(DATA)
    with store.writer("x") as to:
        to.write(DATA[:1])
    assert len(sent.options) == 1 + 1 + 4 + 1  # three blocks and their list
    assert all(options["validate_content"] is True for options in sent.options)
    whole = [options["content_settings"].content_md5 for options in sent.options if "content_settings" in options]
    assert whole == [bytearray(md5(data).digest()) for data in (DATA, DATA, DATA, DATA[:1])]


def test_only_creating_leaves_an_object_that_is_there(store):
    sent = Uploads(store.service)
    store.create("x", DATA)
    store.write("x", DATA)
    with store.writer("x") as to:
        to.write(DATA)
    assert [options["overwrite"] for options in sent.options] == [False, True, True]


def test_an_object_that_went_before_its_creator_was_looked_up_was_anothers(store):
    store.service.upload_blob = refusing("BlobAlreadyExists")
    store.service.get_blob_properties = refusing("BlobNotFound")
    with pytest.raises(storage.ObjectExists):
        store.create("x", DATA)


def test_folders_of_a_hierarchical_namespace_are_no_objects():
    """They are listed as blobs: by a mark, or by a name that ends with a slash."""
    folder = {"hdi_isfolder": "true"}
    listed = [
        ("a/x", None),
        ("a/y", {}),
        ("a/z", {"hdi_isfolder": "false"}),
        ("a/b", folder),
        ("a/c/", None),
        ("a/d/", folder),
    ]

    class Container:
        async def list_blobs(self, name_starts_with: str, include: list[str]) -> Any:
            assert (name_starts_with, include) == ("a/", ["metadata"])
            for name, metadata in listed:
                yield SimpleNamespace(name=name, metadata=metadata)

    assert asyncio.run(azure._list_names(Container(), "a/")) == ["a/x", "a/y", "a/z"]


def test_the_name_of_the_prefix_itself_is_not_listed(store, monkeypatch):
    """A blob may have the name of the folder in which the store's objects are."""
    files = SimpleNamespace(service_client=SimpleNamespace(get_container_client=lambda name: name))
    monkeypatch.setattr(azure, "_files", lambda: files)
    monkeypatch.setattr(azure, "_list_names", lambda _, prefix: [prefix, f"{prefix}z", f"{prefix}b"])
    assert store.list() == ["b", "z"]


@pytest.mark.parametrize(
    "variable", ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING"]
)
def test_an_account_or_a_connection_string_is_enough_and_is_not_shown(monkeypatch, variable):
    """Listings and clients are this process's own: another may have written meanwhile."""
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, f"test-{variable}")
    made: list[dict[str, Any]] = []

    def connect(**options: Any) -> Any:
        made.append(options)
        config = SimpleNamespace(retry_policy=SimpleNamespace())
        return SimpleNamespace(service_client=SimpleNamespace(_config=config))

    monkeypatch.setattr(azure, "AzureBlobFileSystem", connect)
    files = azure._files()
    account = None if variable.endswith("STRING") else f"test-{variable}"
    assert made == [{"account_name": account, "skip_instance_cache": True, "use_listings_cache": False}]
    assert files.service_client._config.retry_policy.total_retries == azure.RETRIES
    assert "CONNECTION" not in repr(azure._AzureSettings())
    azure._connected.cache_clear()


def test_each_range_that_is_read_is_verified():
    """The client library compares it with the checksum that the service sends."""
    requests: list[dict[str, Any]] = []

    class Blob:
        async def download_blob(self, **request: Any) -> Any:
            requests.append(request)

            async def readall() -> bytes:
                return DATA

            settings = SimpleNamespace(content_md5=b"md5")
            return SimpleNamespace(readall=readall, properties=SimpleNamespace(content_settings=settings))

    assert asyncio.run(azure._body(Blob(), {"offset": 0, "length": 10})) == (DATA, b"md5")
    assert requests == [{"offset": 0, "length": 10, "validate_content": True, "max_concurrency": azure.AT_ONCE}]
