"""A store in a container of Azure Blob Storage: az://container/prefix.

Credentials are those of Azure's own chain (environment, workload or managed identity, `az login`). Settings, all from
the environment, which must be the same wherever a run has workers:

- AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_ACCOUNT: the account that has the container;
- AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_SAS_TOKEN: in place of the chain;
- GENOCLOUD_AZ_ENCRYPTION_SCOPE: the scope whose key encrypts what is written (else the container's default does).

`create` is one Put Blob with `If-None-Match: *`; a stream is staged in blocks, whose list, committed, is the object.
Checksums (MD5): the server verifies every request and sends one with every range, which the client verifies, and so
it does whole objects. What killed writers staged is never seen, and lapses after a week: `sweep` has nothing to do.
Of writers that stream to one name at once, the first wins; the others fail, unless they wrote the same bytes.

What the emulator of the tests (azurite) cannot prove: it throttles nothing, knows no hierarchical namespace,
and takes blocks that a killed stream staged for an object when the same name is to be created.
"""

import logging
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import md5
from typing import Any, BinaryIO
from uuid import uuid4

from adlfs import AzureBlobFileSystem
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings
from fsspec.asyn import sync

from genocloud.storage.bucket_urls import BucketStore
from genocloud.storage.multipart import send_in_parts
from genocloud.storage.store import Names, ObjectExists, ObjectMissing, StoreFailed
from genocloud.storage.streams import Replaced, insist, read_blocks, unless_replaced
from genocloud.storage.urls import check_name, join

RETRIES = 6
"""Of a request that is throttled, or whose answer is lost or late: pauses of about 0.5, 2.5, 4.5, 8.5, 16.5
and 32.5 s, so that a run outlives a network that was away for half a minute."""

AT_ONCE = 8
"""Concurrent requests of one read; the client library cuts it into 4 MiB ranges, the largest with a checksum."""

LARGEST_PUT_BYTES = 4 << 30
"""Below what Azure takes in one request. The client library would cut what is larger into blocks with names that
every writer gives them, so that racing writers' blocks could mix."""

_OCTETS = "application/octet-stream"
_CREATOR = "genocloud_creator"
_CLIENT_ERRORS = (AzureError, OSError)
_ABSENT = ("BlobNotFound", "ResourceNotFound")
_ASK_FOR = "ask for the role Storage Blob Data Contributor (Storage Blob Data Reader is enough to read)"
_SIGN_IN = "run `az login`, give the machine an identity, or set AZURE_STORAGE_CONNECTION_STRING"
_DAMAGED = (
    "the checksums here and in the container differ",
    "run this again; if that does not help, the object is damaged and must be made again",
)
_TROUBLES = {
    "ContainerNotFound": ("its container does not exist", "make the container, or check its name and the account"),
    "ContainerBeingDeleted": ("its container is being deleted", "make another container"),
    "InvalidResourceName": ("its container does not exist, as the name will not do", "check the container's name"),
    "AuthorizationFailure": ("permission denied", _ASK_FOR + ", and for a way through the account's firewall"),
    "AuthorizationPermissionMismatch": ("permission denied", _ASK_FOR),
    "InsufficientAccountPermissions": ("permission denied", _ASK_FOR),
    "PublicAccessNotPermitted": ("permission denied, as nobody signed in", _SIGN_IN),
    "NoAuthenticationInformation": ("permission denied, as nobody signed in", _SIGN_IN),
    "AuthenticationFailed": ("the Azure credentials do not work", _SIGN_IN + "; check this machine's clock"),
    "Md5Mismatch": _DAMAGED,
    "InvalidBlockList": ("another writer was putting it in place", "run this again"),
}


class AzureStore(BucketStore):
    """Objects of one container whose names begin with the URL's prefix."""

    def _blob(self, name: str) -> Any:
        key = self._prefix + check_name(self.url, name)
        if "\\" in key or any(part.endswith(".") for part in key.split("/")):  # Azure makes other names of these
            raise StoreFailed(self.url, f"{name!r} cannot name an object on Azure", "use no \\ and no dot at the end")
        return _files().service_client.get_blob_client(self.bucket_name, key)

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        if end is not None and end <= start:
            self.size(name)
            return b""
        url = join(self.url, name)
        with self._explained(url):
            return insist(lambda: unless_replaced(lambda: _download(self._blob(name), start, end), url), (_Damaged,))

    def _size_and_time(self, name: str) -> tuple[int, datetime]:
        described = self._described(name)
        return int(described.size), described.last_modified

    def _described(self, name: str) -> Any:
        with self._explained(join(self.url, name)):
            return _run(self._blob(name).get_blob_properties)

    def write(self, name: str, data: bytes) -> None:
        with self._explained(join(self.url, name)):
            _upload(self._blob(name), data, overwrite=True)

    def create(self, name: str, data: bytes) -> None:
        url, creator = join(self.url, name), uuid4().hex
        with self._explained(url):
            try:
                _upload(self._blob(name), data, overwrite=False, metadata={_CREATOR: creator})
            except HttpResponseError as error:
                # The client asks again when an answer is lost, and is then told that its own object exists.
                if _code(error) not in ("BlobAlreadyExists", "ConditionNotMet"):
                    raise
                if not self._made_by(name, creator):
                    raise ObjectExists(url) from None

    def _made_by(self, name: str, creator: str) -> bool:
        with suppress(ObjectMissing):
            return bool((self._described(name).metadata or {}).get(_CREATOR) == creator)
        return False

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        url = join(self.url, name)
        with self._explained(url):
            upload = _AzureUpload(self._blob(name))
        with send_in_parts(upload, lambda: self._explained(url)) as stream:
            yield stream

    def open(self, name: str) -> BinaryIO:
        url, described = join(self.url, name), self._described(name)
        unchanged = {"etag": described.etag, "match_condition": MatchConditions.IfNotModified}

        def fetch(start: int, end: int) -> bytes:
            with self._explained(url):
                try:
                    return _download(self._blob(name), start, end, **unchanged)
                except HttpResponseError as error:
                    if _code(error) not in _ABSENT:
                        raise
                    raise Replaced from None

        return read_blocks(fetch, int(described.size), url)

    def list(self, prefix: str = "") -> Names:
        root = self._prefix
        with self._explained(self.url):
            names = _run(_list_names, _files().service_client.get_container_client(self.bucket_name), root + prefix)
        return sorted(name.removeprefix(root) for name in names if name != root)

    def delete(self, name: str) -> None:
        with self._explained(join(self.url, name)):
            try:
                _run(self._blob(name).delete_blob, delete_snapshots="include")
            except ResourceNotFoundError as error:
                if _code(error) not in _ABSENT:
                    raise

    @contextmanager
    def _explained(self, url: str) -> Iterator[None]:
        try:
            yield
        except _CLIENT_ERRORS as error:
            raise (ObjectMissing(url) if _code(error) in _ABSENT else explain(url, error)) from error


class _AzureUpload:
    """One object as blocks; their names are this writer's own, so that none of another can slip in."""

    def __init__(self, blob: Any) -> None:
        self._blob, self._own, self._md5, self._size = blob, uuid4().hex, md5(usedforsecurity=False), 0

    def whole(self, data: bytes) -> None:
        _upload(self._blob, data, overwrite=True)

    def add_to_checksum(self, data: bytes) -> None:
        self._md5.update(data)
        self._size += len(data)

    def _block(self, number: int) -> str:
        return f"{self._own}{number:08}"

    def part(self, number: int, data: bytes) -> None:
        _run(self._blob.stage_block, self._block(number), data, validate_content=True, **_AzureSettings().encryption)

    def finish(self, parts: int) -> None:
        blocks = [BlobBlock(self._block(number)) for number in range(parts)]
        try:
            _run(
                self._blob.commit_block_list,
                blocks,
                content_settings=ContentSettings(_OCTETS, content_md5=bytearray(self._md5.digest())),
                validate_content=True,
                **_AzureSettings().encryption,
            )
        except HttpResponseError as error:
            if _code(error) != "InvalidBlockList" or not self._is_there():
                raise

    def _is_there(self) -> bool:
        properties = _run(self._blob.get_blob_properties)
        return bool(properties.size == self._size and properties.content_settings.content_md5 == self._md5.digest())

    def abandon(self) -> None:
        pass


class _Damaged(AzureError):  # type: ignore[misc]  # mypy does not follow the library's imports
    """The bytes read do not match the service's checksum."""


class _NoAccount(OSError):
    """No storage account is set in the environment."""


def explain(url: str, error: Exception) -> StoreFailed:
    """Translate the client library's error into a StoreFailed with a remedy."""
    code = _code(error)
    if code in _TROUBLES:
        return StoreFailed(url, *_TROUBLES[code])
    match error:
        case _NoAccount():
            return StoreFailed(url, "no Azure storage account is named", "set AZURE_STORAGE_ACCOUNT_NAME")
        case ClientAuthenticationError():
            return StoreFailed(url, "there are no Azure credentials on this machine that work", _SIGN_IN)
        case HttpResponseError(status_code=403):
            return StoreFailed(url, f"permission denied ({code or _first_line(error)})", _ASK_FOR)
        case HttpResponseError(status_code=int()):
            remedy = "check the URL and the settings, then run this again"
            return StoreFailed(url, f"the container refused ({code or _first_line(error)})", remedy)
    if "md5 mismatch" in str(error).lower():  # the client library has no kind of error of its own for it
        return StoreFailed(url, *_DAMAGED)
    return StoreFailed(
        url,
        f"the container cannot be reached ({_first_line(error)})",
        "check the account's name and the network, then run this again",
    )


def _code(error: BaseException) -> str:
    """The service's error code, or empty."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


@dataclass(frozen=True)
class _AzureSettings:
    """Settings from the environment; one client is cached for each."""

    account: str | None = field(default_factory=lambda: _named("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"))
    connection: str | None = field(default_factory=lambda: _named("AZURE_STORAGE_CONNECTION_STRING"), repr=False)
    scope: str | None = field(default_factory=lambda: _named("GENOCLOUD_AZ_ENCRYPTION_SCOPE"))

    @property
    def encryption(self) -> dict[str, str]:
        return {"encryption_scope": self.scope} if self.scope else {}


def _named(*variables: str) -> str | None:
    return next((os.environ[name] for name in variables if os.environ.get(name)), None)


def _files() -> AzureBlobFileSystem:
    return _connected(os.getpid(), _AzureSettings())


@cache
def _connected(process: int, settings: _AzureSettings) -> AzureBlobFileSystem:  # noqa: ARG001  (forks share no connections)
    if not (settings.account or settings.connection):
        raise _NoAccount
    logging.getLogger("azure.identity").setLevel(
        logging.ERROR
    )  # all that it tried and missed: our error says it shortly
    files = AzureBlobFileSystem(account_name=settings.account, skip_instance_cache=True, use_listings_cache=False)
    config = files.service_client._config
    config.max_single_put_size = LARGEST_PUT_BYTES
    config.retry_policy.initial_backoff, config.retry_policy.increment_base = 0.5, 2
    config.retry_policy.total_retries = RETRIES
    return files


def _run(method: Callable[..., Coroutine[Any, Any, Any]], *of: Any, **how: Any) -> Any:
    return sync(_files().loop, method, *of, **how)


def _upload(blob: Any, data: bytes, **how: Any) -> None:
    settings = ContentSettings(_OCTETS, content_md5=bytearray(md5(data, usedforsecurity=False).digest()))
    _run(
        blob.upload_blob,
        bytes(data),
        length=len(data),
        content_settings=settings,
        validate_content=True,
        **_AzureSettings().encryption,
        **how,
    )


def _download(blob: Any, start: int, end: int | None, **conditions: Any) -> bytes:
    span = {} if not start and end is None else {"offset": start, "length": None if end is None else end - start}
    try:
        data, expected = _run(_body, blob, span | conditions)
    except HttpResponseError as error:
        if _code(error) == "InvalidRange":  # the object ends before the range starts
            return b""
        if _code(error) == "ConditionNotMet":
            raise Replaced from error
        raise
    if not span and expected and md5(data, usedforsecurity=False).digest() != bytes(expected):
        raise _Damaged("MD5 mismatch")
    return bytes(data)


async def _body(blob: Any, request: dict[str, Any]) -> tuple[bytes, bytes | None]:
    stream = await blob.download_blob(**request, validate_content=True, max_concurrency=AT_ONCE)
    return await stream.readall(), stream.properties.content_settings.content_md5


async def _list_names(container: Any, prefix: str) -> list[str]:
    """Names of blobs; a hierarchical namespace lists its folders too."""
    blobs = container.list_blobs(name_starts_with=prefix, include=["metadata"])
    return [
        blob.name
        async for blob in blobs
        if not blob.name.endswith("/") and (blob.metadata or {}).get("hdi_isfolder") != "true"
    ]
