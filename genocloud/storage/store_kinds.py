"""Kinds of object stores: one entry for each URL scheme, with its class, what it needs and its probe."""

from dataclasses import dataclass

from genocloud.formatting import alternatives, install_command


@dataclass(frozen=True, kw_only=True)
class StoreKind:
    """One kind of store; its class is loaded when the first URL of its scheme is opened.

    scheme      `gs` of gs://bucket/prefix; empty for a plain path
    example     a URL of this kind, for help and documents
    summary     what the place is
    store       `module:Class`; the class takes the URL alone
    extra       extra of genocloud that installs the client library; empty where it is always there
    probe       module whose `settings(store)` yields doctor's findings; empty where there is nothing to query
    in_process   whether the objects are in this process's memory: for tests, and not named to users
    """

    scheme: str
    example: str
    summary: str
    store: str
    extra: str = ""
    probe: str = ""
    in_process: bool = False

    @property
    def install_hint(self) -> str:
        """The command that installs what this kind needs; empty where genocloud alone brings it."""
        return install_command(self.extra) if self.extra else ""


STORE_KINDS = (
    StoreKind(
        scheme="",
        example="PATH",
        summary="a folder of a local or shared file system",
        store="genocloud.storage.local:LocalStore",
        probe="genocloud.storage.doctor.local",
    ),
    StoreKind(
        scheme="file",
        example="file:///PATH",
        summary="the same, percent-encoded",
        store="genocloud.storage.local:LocalStore",
        probe="genocloud.storage.doctor.local",
    ),
    StoreKind(
        scheme="gs",
        example="gs://BUCKET/PREFIX",
        summary="Google Cloud Storage",
        store="genocloud.storage.gcs:GoogleStore",
        probe="genocloud.storage.doctor.gcs",
    ),
    StoreKind(
        scheme="s3",
        example="s3://BUCKET/PREFIX",
        summary="Amazon S3, or a service that is compatible with it",
        store="genocloud.storage.s3:AmazonStore",
        extra="s3",
        probe="genocloud.storage.doctor.s3",
    ),
    StoreKind(
        scheme="az",
        example="az://CONTAINER/PREFIX",
        summary="Azure Blob Storage",
        store="genocloud.storage.azure:AzureStore",
        extra="azure",
        probe="genocloud.storage.doctor.azure",
    ),
    StoreKind(
        scheme="memory",
        example="memory://NAME",
        summary="this process's memory, for tests",
        store="genocloud.storage.memory:MemoryStore",
        in_process=True,
    ),
)

BY_SCHEME = {kind.scheme: kind for kind in STORE_KINDS}

PUBLIC = tuple(kind for kind in STORE_KINDS if not kind.in_process)
"""Those that help, errors and documents name."""

SCHEMES = alternatives(["a plain path", *(f"{kind.scheme}://" for kind in PUBLIC if kind.scheme)])
"""All that a URL may begin with, as a sentence says it."""
