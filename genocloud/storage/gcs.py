"""A store in a bucket of Google Cloud Storage: gs://bucket/prefix.

Credentials are the machine's own (Application Default Credentials); with STORAGE_EMULATOR_HOST set, none are used.
Checksums (crc32c): the server verifies every upload, the client every read of a whole object. A range has none on
the server and cannot be verified, but one that breaks off or comes short is noticed and asked for again. Objects
with `Content-Encoding: gzip` are read as they are stored.

What the emulator of the tests (fake-gcs-server) cannot prove, because it is looser than Google:
- it accepts a resumable upload whose generation does not match, so `create` of more than 8 MiB, which the client
  library uploads in that way, is exclusive only on the real service (manifests are far smaller);
- it checks no permission, so refusals are proven on made-up answers;
- it throttles nothing and is never out of service: back-off is the client library's own.

Settings, from the environment, which must be the same wherever a run has workers:
- GENOCLOUD_GS_KMS_KEY: the Cloud KMS key that encrypts what is written, projects/P/locations/L/keyRings/R/cryptoKeys/K
  (else the bucket's default key does);
- GENOCLOUD_GS_BILLING_PROJECT: the project that pays for the use of a requester-pays bucket.
"""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from typing import Any, BinaryIO
from uuid import uuid4

import google_crc32c
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPIError,
    NotFound,
    PreconditionFailed,
    RequestRangeNotSatisfiable,
    RetryError,
    Unauthorized,
    from_http_response,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.fileio import BlobWriter
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.adapters import HTTPAdapter
from requests.exceptions import ChunkedEncodingError

from genocloud.storage.bucket_urls import BucketStore
from genocloud.storage.store import Names, ObjectExists, ObjectMissing, StoreFailed
from genocloud.storage.streams import (
    AHEAD_THREADS,
    RANGE_BYTES,
    Replaced,
    in_ranges,
    insist,
    outlet,
    read_blocks,
    unless_replaced,
)
from genocloud.storage.urls import check_name, join

CHUNK_BYTES = 8 << 20
"""One request of a streamed upload (a multiple of 256 KiB, says the service): 8 MiB is what Google advises at least."""

CONNECTIONS = 2 * AHEAD_THREADS
"""Kept open: those of the threads that read ahead, and as many for threads that ask on their own."""

_OCTETS = "application/octet-stream"
_CREATOR = "genocloud-creator"
_CLIENT_ERRORS = (GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, OSError)  # requests' are OSErrors


class GoogleStore(BucketStore):
    """Objects of one bucket whose names begin with the URL's prefix."""

    @property
    def _bucket(self) -> Any:
        try:
            client = _client(os.getpid(), os.environ.get("STORAGE_EMULATOR_HOST"))
            return client.bucket(self.bucket_name, user_project=os.environ.get("GENOCLOUD_GS_BILLING_PROJECT") or None)
        except ValueError as error:
            raise StoreFailed(self.url, str(error), "check the bucket's name") from error

    def _blob(self, name: str) -> Any:
        key = os.environ.get("GENOCLOUD_GS_KMS_KEY") or None
        return self._bucket.blob(self._prefix + check_name(self.url, name), kms_key_name=key)

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        if end is not None and end <= start:
            self.size(name)
            return b""
        url = join(self.url, name)
        with self._explained(url):
            if start or end is not None:
                return unless_replaced(lambda: _download_unchanged(self._blob(name), start, end), url)
            return insist(lambda: unless_replaced(lambda: self._read_whole(name), url), (DataCorruption,))

    def _read_whole(self, name: str) -> bytes:
        """Download and verify a whole object, a large one by concurrent ranges; raises Replaced."""
        blob = self._blob(name)
        data = _download_unchanged(blob, 0, RANGE_BYTES)
        begun, large = blob.generation, len(data) == RANGE_BYTES
        if large or not blob.crc32c:
            blob = self._described(name)
        if large:
            pinned = self._bucket.blob(blob.name, generation=blob.generation)

            def fetch(start: int, end: int) -> bytes:
                return _download_unchanged(pinned, start, end)

            read = RANGE_BYTES if begun == blob.generation else 0
            data = data[:read] + in_ranges(fetch, read, int(blob.size))
        _verify(data, blob)
        return data

    def _size_and_time(self, name: str) -> tuple[int, datetime]:
        described = self._described(name)
        return int(described.size), described.time_created

    def _described(self, name: str) -> Any:
        with self._explained(join(self.url, name)):
            blob = self._blob(name)
            blob.reload(retry=DEFAULT_RETRY)
        return blob

    def write(self, name: str, data: bytes) -> None:
        with self._explained(join(self.url, name)):
            _upload(self._blob(name), data)

    def create(self, name: str, data: bytes) -> None:
        url, creator = join(self.url, name), uuid4().hex
        with self._explained(url):
            blob = self._blob(name)
            blob.metadata = {_CREATOR: creator}
            try:
                _upload(blob, data, if_generation_match=0)
            except PreconditionFailed:
                # The client asks again when an answer is lost, and is then told that its own object exists.
                if not self._made_by(blob.name, creator):
                    raise ObjectExists(url) from None

    def _made_by(self, key: str, creator: str) -> bool:
        there = self._bucket.get_blob(key, retry=DEFAULT_RETRY)
        return there is not None and (there.metadata or {}).get(_CREATOR) == creator

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        url, creator = join(self.url, name), uuid4().hex
        with self._explained(url):
            blob = self._blob(name)
            blob.metadata = {_CREATOR: creator}
            upload = _GcsUpload(blob, CHUNK_BYTES, retry=DEFAULT_RETRY, checksum="crc32c", content_type=_OCTETS)
        try:
            with outlet(upload, lambda: self._explained(url)) as stream:
                yield stream
            with self._explained(url):
                try:
                    upload.finish()
                except InvalidResponse as error:
                    # Asked again because an answer was lost, a service may know no more of an upload that is complete.
                    if error.response.status_code not in (404, 410) or not self._made_by(blob.name, creator):
                        raise
        except BaseException:
            with suppress(*_CLIENT_ERRORS):  # an upload that cannot be cancelled lapses after a week, unseen
                upload.terminate()
            raise

    def open(self, name: str) -> BinaryIO:
        url, described = join(self.url, name), self._described(name)
        blob = self._bucket.blob(described.name, generation=described.generation)

        def fetch(start: int, end: int) -> bytes:
            try:
                with self._explained(url):
                    return _download(blob, start, end)
            except ObjectMissing:
                raise Replaced from None

        return read_blocks(fetch, int(described.size), url)

    def list(self, prefix: str = "") -> Names:
        root = self._prefix
        with self._explained(self.url):
            blobs = self._bucket.list_blobs(
                prefix=root + prefix, fields="items(name),nextPageToken", retry=DEFAULT_RETRY
            )
            names = [blob.name.removeprefix(root) for blob in blobs]
        return sorted(name for name in names if name and not name.endswith("/"))  # the console makes such "folders"

    def delete(self, name: str) -> None:
        with self._explained(join(self.url, name)), suppress(NotFound):
            self._blob(name).delete(retry=DEFAULT_RETRY)

    @contextmanager
    def _explained(self, url: str) -> Iterator[None]:
        try:
            yield
        except NotFound as error:
            raise self._missing(url) from error
        except _CLIENT_ERRORS as error:
            raise explain(url, error) from error

    def _missing(self, url: str) -> StoreFailed:
        # The answer about an object does not say whether its bucket is there, and users may list but not see buckets.
        try:
            next(iter(self._bucket.list_blobs(max_results=1, retry=DEFAULT_RETRY)), None)
        except NotFound:
            return StoreFailed(url, "its bucket does not exist", "make the bucket, or check its name")
        except _CLIENT_ERRORS:
            pass  # a reader may be allowed to get objects but not to list them
        return ObjectMissing(url)


def explain(url: str, error: Exception) -> StoreFailed:
    """Translate the client library's error into a StoreFailed with a remedy."""
    if isinstance(error, InvalidResponse):
        error = from_http_response(error.response)
    match error:
        case Forbidden() | Unauthorized():
            return StoreFailed(
                url,
                f"permission denied ({_first_line(error)})",
                "ask for the role Storage Object User on the bucket (Storage Object Viewer is enough to read)",
            )
        case DefaultCredentialsError():
            return StoreFailed(
                url,
                "there are no Google credentials on this machine",
                "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
            )
        case GoogleAuthError():
            return StoreFailed(
                url,
                f"the Google credentials do not work ({_first_line(error)})",
                "run `gcloud auth application-default login` again",
            )
        case DataCorruption():
            return StoreFailed(
                url,
                "the checksums here and in the bucket differ",
                "run this again; if that does not help, the object is damaged and must be made again",
            )
        case RetryError() | OSError():
            return StoreFailed(
                url, f"the bucket cannot be reached ({_first_line(error)})", "check the network, then run this again"
            )
    return StoreFailed(url, f"the bucket refused ({_first_line(error)})", "check the URL, then run this again")


def _first_line(error: Exception) -> str:
    return str(getattr(error, "message", error)).partition("\n")[0]


@cache
def _client(process: int, emulator: str | None) -> Client:  # noqa: ARG001  (a forked child must not share connections)
    client = Client()
    for kind in ("https://", "http://"):  # by default ten connections are kept, and all others made anew each time
        client._http.mount(kind, HTTPAdapter(pool_maxsize=CONNECTIONS))
    return client


def _upload(blob: Any, data: bytes, if_generation_match: int | None = None) -> None:
    # Asking again is safe: the object is replaced by itself, or the generation no longer matches.
    blob.upload_from_string(
        bytes(data), _OCTETS, if_generation_match=if_generation_match, checksum="crc32c", retry=DEFAULT_RETRY
    )


def _verify(data: bytes, blob: Any) -> None:
    if blob.crc32c and blob.crc32c != (here := b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()):
        raise DataCorruption(None, f"crc32c {blob.crc32c} there, {here} here")


def _download(blob: Any, start: int, end: int | None) -> bytes:
    try:
        data = insist(
            lambda: blob.download_as_bytes(
                start=start,
                end=None if end is None else end - 1,  # the service counts the last byte in
                raw_download=True,
                checksum=None,  # the service has none of a range
                retry=DEFAULT_RETRY,
            ),
            (ChunkedEncodingError,),  # a refusal that broke off: the client library reads it when it has stopped asking
        )
    except RequestRangeNotSatisfiable:  # the object ends before the range starts
        return b""
    return bytes(data)


def _download_unchanged(blob: Any, start: int, end: int | None) -> bytes:
    """As `_download`; raises Replaced where the generation that `blob` names, or the download began with, has gone."""
    try:
        return _download(blob, start, end)
    except NotFound as error:
        if "generation=" in str(error):  # in the URL; the client puts it there when it repeats a request that broke off
            raise Replaced from None
        raise


class _GcsUpload(BlobWriter):  # type: ignore[misc]  # the library has no types
    """A streamed upload that only `finish` completes, because Python also closes abandoned streams."""

    def close(self) -> None:
        pass

    def finish(self) -> None:
        super().close()
