"""A store in a bucket of S3 or a compatible service: s3://bucket/prefix.

Credentials are those of AWS's own chain (environment, profile, SSO, role of the machine or the pod). Settings, all
from the environment, which must be the same wherever a run has workers:

- AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL: another service than Amazon's (MinIO, Ceph, an emulator);
- AWS_REGION or AWS_DEFAULT_REGION; AWS_PROFILE; all else that AWS's config file knows;
- GENOCLOUD_S3_KMS_KEY: id, ARN or alias of the KMS key that encrypts what is written (else the bucket's default does);
- GENOCLOUD_S3_REQUESTER_PAYS: `true` where the bucket's owner lets the reader pay.

`create` is one PUT with `If-None-Match: *`; a stream is a multipart upload, which takes its name when it is completed.
Checksums (CRC32 of the whole object): the server verifies every request and every completed upload, the client every
read of a whole object. A range has none and cannot be verified, but one that comes short is asked for again.
Killed writers leave uploads that no list shows and that cost money: `sweep` aborts them.

What the emulator of the tests (moto) cannot prove: it verifies no checksum, refuses no one, and throttles nothing.
"""

import asyncio
import os
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any, BinaryIO, cast
from uuid import uuid4

from aiobotocore.response import AioReadTimeoutError
from aiohttp import ClientError as ConnectionBroke
from aiohttp import ServerDisconnectedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ResponseStreamingError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from fsspec.asyn import sync
from s3fs import S3FileSystem

from genocloud.storage.bucket_urls import BucketStore
from genocloud.storage.multipart import send_in_parts
from genocloud.storage.store import Names, ObjectExists, ObjectMissing, StoreFailed
from genocloud.storage.streams import (
    AHEAD_THREADS,
    RANGE_BYTES,
    Replaced,
    in_ranges,
    insist,
    read_blocks,
    unless_replaced,
)
from genocloud.storage.urls import check_name, join

CONNECTIONS = 2 * AHEAD_THREADS
"""Kept open: those of the threads that read ahead, and as many for threads that ask on their own."""

ATTEMPTS = 10
"""Of a request that is throttled, or whose answer is lost or late; with pauses of up to 1, 2, 4, 8, 16, 20, 20, ... s:
a minute, so that a run outlives a network that was away for half of it."""

_CREATOR = "genocloud-creator"
_CLIENT_ERRORS = (OSError, BotoCoreError, ClientError, ConnectionBroke, asyncio.TimeoutError)
_WHOLE_CRC = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
_YES = ("1", "true", "yes")
_BROKEN = (ConnectionBroke, ResponseStreamingError, AioReadTimeoutError)
_ABSENT = ("404", "NoSuchKey", "NoSuchUpload", "NoSuchVersion")
_SIGN_IN = "run `aws sso login` or `aws configure` again, or renew what AWS_PROFILE names"
_ASK_FOR = (
    "ask for s3:ListBucket and s3:GetObject, and to write s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and "
    "s3:ListBucketMultipartUploads; where a KMS key encrypts, for kms:Decrypt and kms:GenerateDataKey"
)
_REFUSED = ("the AWS credentials do not work", _SIGN_IN)
_TROUBLES = {
    "NoSuchBucket": ("its bucket does not exist", "make the bucket, or check its name"),
    "InvalidBucketName": ("its bucket does not exist, as the name will not do", "check the bucket's name"),
    "AccessDenied": ("permission denied", _ASK_FOR),
    "403": ("permission denied", _ASK_FOR),
    "InvalidAccessKeyId": _REFUSED,
    "SignatureDoesNotMatch": _REFUSED,
    "ExpiredToken": ("the AWS credentials have expired", _SIGN_IN),
    "RequestTimeTooSkewed": ("this machine's clock is wrong by more than 15 minutes", "set the clock"),
    "BadDigest": (
        "the checksums here and in the bucket differ",
        "run this again; if that does not help, the object is damaged and must be made again",
    ),
    "KMS.NotFoundException": ("there is no such KMS key", "check GENOCLOUD_S3_KMS_KEY"),
    "KMS.DisabledException": ("the KMS key is disabled", "enable it, or set GENOCLOUD_S3_KMS_KEY"),
}


class AmazonStore(BucketStore):
    """Objects of one bucket whose keys begin with the URL's prefix."""

    def _place(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._prefix + check_name(self.url, name)}

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        if end is not None and end <= start:
            self.size(name)
            return b""
        url, place = join(self.url, name), self._place(name)
        with self._explained(url):
            if start or end is not None:
                return _download(place, start, end)
            return insist(lambda: unless_replaced(lambda: _download_whole(place), url), (FlexibleChecksumError,))

    def _size_and_time(self, name: str) -> tuple[int, datetime]:
        described = self._described(name)
        return int(described["ContentLength"]), described["LastModified"]

    def _described(self, name: str) -> dict[str, Any]:
        with self._explained(join(self.url, name)):
            return _call("head_object", **self._place(name))

    def write(self, name: str, data: bytes) -> None:
        with self._explained(join(self.url, name)):
            _upload(self._place(name), data)

    def create(self, name: str, data: bytes) -> None:
        url, creator = join(self.url, name), uuid4().hex
        with self._explained(url):
            try:
                insist(lambda: _upload_new(self._place(name), data, creator), (_Conflict,))
            except _CLIENT_ERRORS as error:
                # The client asks again when an answer is lost, and is then told that its own object exists.
                if _code(error) != "PreconditionFailed":
                    raise
                if not self._made_by(name, creator):
                    raise ObjectExists(url) from None

    def _made_by(self, name: str, creator: str) -> bool:
        with suppress(ObjectMissing):
            return bool(self._described(name)["Metadata"].get(_CREATOR) == creator)
        return False

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        url = join(self.url, name)
        with send_in_parts(_S3Upload(self, name), lambda: self._explained(url)) as stream:
            yield stream

    def open(self, name: str) -> BinaryIO:
        url, place, described = join(self.url, name), self._place(name), self._described(name)

        def fetch(start: int, end: int) -> bytes:
            with self._explained(url):
                try:
                    return _download(place, start, end, IfMatch=described["ETag"])
                except _CLIENT_ERRORS as error:
                    if _code(error) not in ("PreconditionFailed", *_ABSENT):
                        raise
                    raise Replaced from None

        return read_blocks(fetch, int(described["ContentLength"]), url)

    def list(self, prefix: str = "") -> Names:
        root = self._prefix
        with self._explained(self.url):
            pages = _pages("list_objects_v2", "ContinuationToken", Bucket=self.bucket_name, Prefix=root + prefix)
            names = [item["Key"].removeprefix(root) for page in pages for item in page.get("Contents", ())]
        return sorted(name for name in names if name and not name.endswith("/"))  # the console makes such "folders"

    def delete(self, name: str) -> None:
        with self._explained(join(self.url, name)):
            _call("delete_object", **self._place(name))

    def sweep(self, older_than: float) -> Names:
        root, latest = self._prefix, time.time() - older_than
        with self._explained(self.url):
            pages = _pages(
                "list_multipart_uploads", "KeyMarker", "UploadIdMarker", Bucket=self.bucket_name, Prefix=root
            )
            old = [
                each for page in pages for each in page.get("Uploads", ()) if each["Initiated"].timestamp() <= latest
            ]
            for each in old:
                with suppress(FileNotFoundError):  # it ended just now
                    _call("abort_multipart_upload", Bucket=self.bucket_name, Key=each["Key"], UploadId=each["UploadId"])
        return sorted(each["Key"].removeprefix(root) for each in old)

    @contextmanager
    def _explained(self, url: str) -> Iterator[None]:
        try:
            yield
        except _CLIENT_ERRORS as error:
            if _code(error) in _ABSENT:
                raise self._missing(url) from error
            raise explain(url, error) from error

    def _missing(self, url: str) -> StoreFailed:
        # The answer about an object does not say whether its bucket is there, and users may list but not see buckets.
        try:
            _call("list_objects_v2", Bucket=self.bucket_name, MaxKeys=1)
        except _CLIENT_ERRORS as error:
            if _code(error) == "NoSuchBucket":
                return explain(url, error)
        return ObjectMissing(url)


class _S3Upload:
    """A multipart upload of one object, begun with its first part."""

    def __init__(self, store: AmazonStore, name: str) -> None:
        self._store, self._name, self._place = store, name, store._place(name)
        self._creator, self._id, self._beginning = uuid4().hex, "", Lock()
        self._crc, self._sent = 0, dict[int, dict[str, Any]]()

    def whole(self, data: bytes) -> None:
        _upload(self._place, data)

    def add_to_checksum(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)

    def part(self, number: int, data: bytes) -> None:
        place = {"PartNumber": number + 1}
        with self._beginning:
            if not self._id:
                made_by = {_CREATOR: self._creator}
                begun = _call("create_multipart_upload", **self._place, **_WHOLE_CRC, Metadata=made_by)
                self._id = begun["UploadId"]
        body = _checked(data)
        answer = _call("upload_part", **self._place, **place, UploadId=self._id, **body)
        self._sent[number] = place | {"ETag": answer["ETag"], "ChecksumCRC32": body["ChecksumCRC32"]}

    def finish(self, parts: int) -> None:
        try:
            _call(
                "complete_multipart_upload",
                **self._place,
                UploadId=self._id,
                MultipartUpload={"Parts": [self._sent[number] for number in range(parts)]},
                ChecksumType="FULL_OBJECT",
                ChecksumCRC32=_text(self._crc),
            )
        except FileNotFoundError:  # what the service says when it is asked again because an answer was lost
            if not self._store._made_by(self._name, self._creator):
                raise

    def abandon(self) -> None:
        with suppress(*_CLIENT_ERRORS):  # an upload that cannot be aborted is for `sweep`
            _call("abort_multipart_upload", **self._place, UploadId=self._id)


def explain(url: str, error: Exception) -> StoreFailed:
    """Translate the client library's error into a StoreFailed with a remedy."""
    code = _code(error)
    if code in _TROUBLES:
        return StoreFailed(url, *_TROUBLES[code])
    match error:
        case NoCredentialsError() | PartialCredentialsError() | ProfileNotFound():
            return StoreFailed(
                url,
                "there are no AWS credentials on this machine",
                "run `aws configure` or `aws sso login`, set AWS_PROFILE, or give the machine a role",
            )
        case TokenRetrievalError() | UnauthorizedSSOTokenError() | SSOTokenLoadError() | CredentialRetrievalError():
            return StoreFailed(url, f"the AWS credentials do not work ({_first_line(error)})", _SIGN_IN)
        case FlexibleChecksumError():
            return StoreFailed(url, *_TROUBLES["BadDigest"])
        case ParamValidationError():
            return StoreFailed(url, f"the bucket's name will not do ({_last_line(error)})", "check the bucket's name")
        case PermissionError():
            return StoreFailed(url, f"permission denied ({_first_line(error)})", _ASK_FOR)
    if code or isinstance(error, (NoRegionError, InvalidRegionError)):
        return StoreFailed(
            url, f"the bucket refused ({_first_line(error)})", "check the URL and AWS_REGION, then run this again"
        )
    return StoreFailed(
        url,
        f"the bucket cannot be reached ({_first_line(error)})",
        "check the network and AWS_ENDPOINT_URL, then run this again",
    )


def _code(error: BaseException) -> str:
    """The service's error code, or empty; s3fs wraps it in Python's OSErrors."""
    answer = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _last_line(error: Exception) -> str:
    return str(error).rpartition("\n")[2]


@dataclass(frozen=True, kw_only=True)
class _S3Settings:
    """Settings from the environment; one client is cached for each."""

    endpoint: str | None = field(default_factory=lambda: os.environ.get("AWS_ENDPOINT_URL_S3"))
    general_endpoint: str | None = field(default_factory=lambda: os.environ.get("AWS_ENDPOINT_URL"))
    region: str | None = field(default_factory=lambda: os.environ.get("AWS_REGION"))
    profile: str | None = field(default_factory=lambda: os.environ.get("AWS_PROFILE"))
    key: str | None = field(default_factory=lambda: os.environ.get("GENOCLOUD_S3_KMS_KEY"))
    pays: bool = field(default_factory=lambda: os.environ.get("GENOCLOUD_S3_REQUESTER_PAYS", "").lower() in _YES)


def _files() -> S3FileSystem:
    return _connected(os.getpid(), _S3Settings())


@cache
def _connected(process: int, settings: _S3Settings) -> S3FileSystem:  # noqa: ARG001  (a fork must not share connections)
    files = S3FileSystem(
        requester_pays=settings.pays,
        client_kwargs={"region_name": settings.region} if settings.region else {},
        config_kwargs={
            "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
            "max_pool_connections": CONNECTIONS,
        },
        s3_additional_kwargs=({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings.key} if settings.key else {}),
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    files.retries = 1  # botocore asks again on its own, and would be asked again and again by s3fs
    return files


def _call(method: str, **parameters: Any) -> dict[str, Any]:
    return dict(insist(lambda: _unthrottled(lambda: _files().call_s3(method, **parameters)), (_TooManyRequests,)))


class _TooManyRequests(OSError):
    """HTTP 429, sent by other services; botocore itself retries only Amazon's 503."""


def _unthrottled(request: Callable[[], Any]) -> Any:
    try:
        return request()
    except OSError as error:
        if _code(error) != "429":
            raise
        raise _TooManyRequests(*error.args) from error.__cause__


def _pages(method: str, *markers: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    """All pages of a list; `markers` are the parameters that continue it."""
    page = _call(method, **parameters)
    yield page
    while page["IsTruncated"]:
        page = _call(method, **parameters, **{marker: page[f"Next{marker}"] for marker in markers})
        yield page


def _text(crc: int) -> str:
    return b64encode(crc.to_bytes(4, "big")).decode()


def _checked(data: bytes) -> dict[str, Any]:
    """A request's body with its CRC32, which the service verifies."""
    return {"Body": bytes(data), "ChecksumAlgorithm": "CRC32", "ChecksumCRC32": _text(zlib.crc32(data))}


def _upload(place: dict[str, str], data: bytes, **conditions: Any) -> None:
    _call("put_object", **place, **_checked(data), **conditions)


class _Conflict(OSError):
    """A concurrent delete or write of this name; the request can be retried."""


def _upload_new(place: dict[str, str], data: bytes, creator: str) -> None:
    try:
        _upload(place, data, IfNoneMatch="*", Metadata={_CREATOR: creator})
    except OSError as error:
        if _code(error) == "ConditionalRequestConflict":
            raise _Conflict(_first_line(error)) from error.__cause__
        raise


def _download(place: dict[str, str], start: int, end: int | None, **conditions: Any) -> bytes:
    span = f"bytes={start}-{'' if end is None else end - 1}"  # the service counts the last byte in
    try:
        return _get(place | {"Range": span} | conditions)[0]
    except OSError as error:
        if _code(error) == "InvalidRange":  # the object ends before the range starts
            return b""
        raise


def _download_whole(place: dict[str, str]) -> bytes:
    """Download and verify a whole object, a large one by concurrent ranges; raises Replaced."""
    data, answer = _get(place | {"ChecksumMode": "ENABLED"})
    if (size := answer["ContentLength"]) <= RANGE_BYTES:
        return data

    def fetch(start: int, end: int) -> bytes:
        try:
            return _download(place, start, end, IfMatch=answer["ETag"])
        except OSError as error:
            raise Replaced if _code(error) in ("PreconditionFailed", *_ABSENT) else error from error

    data = in_ranges(fetch, 0, size)
    if answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" and "ChecksumCRC32" in answer:
        if answer["ChecksumCRC32"] != (here := _text(zlib.crc32(data))):
            raise FlexibleChecksumError(error_msg=f"{answer['ChecksumCRC32']} there, {here} here")
    elif len(data) != size:
        raise FlexibleChecksumError(error_msg=f"{size} bytes there, {len(data)} here")
    return data


def _get(parameters: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """An answer's body (empty if larger than a range) and its headers."""
    files = _files()

    def request() -> tuple[bytes, dict[str, Any]]:
        return cast(tuple[bytes, dict[str, Any]], _unthrottled(lambda: sync(files.loop, _body, files, parameters)))

    return insist(request, (*_BROKEN, _TooManyRequests))


async def _body(files: S3FileSystem, parameters: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    answer = await files._call_s3("get_object", **parameters)
    async with answer["Body"] as body:
        large = "Range" not in parameters and answer["ContentLength"] > RANGE_BYTES
        data = b"" if large else bytes(await body.read())
    if (content_range := answer.get("ContentRange")) and len(data) != _length(content_range):
        raise ServerDisconnectedError("the answer came short")
    return data, answer


def _length(content_range: str) -> int:
    """The number of bytes of a Content-Range: 10 for `bytes 0-9/100`."""
    first, last = content_range.partition(" ")[2].partition("/")[0].split("-")
    return int(last) - int(first) + 1
