"""Settings of an Azure Blob Storage container: soft delete, public access, encryption, region."""

from collections.abc import Iterator
from typing import Any

from genocloud.storage.azure import _files, _run
from genocloud.storage.doctor import Finding, broken, fine, note, query, unknown
from genocloud.storage.store import Store


def settings(store: Store) -> Iterator[Finding]:
    """Settings of container and account; others belong to Azure's management API, out of reach of these credentials."""
    name = store.bucket_name  # type: ignore[attr-defined]
    yield from query(
        "exposure", lambda: _run(_client().get_container_client(name).get_container_properties), _of_container
    )
    yield from query("old versions", lambda: _run(_client().get_service_properties), _of_service)
    yield unknown("old versions", "whether versioning is on: az storage account blob-service-properties show")
    yield unknown("location", "the account's region: az storage account show; run workers there")


def _client() -> Any:
    return _files().service_client


def _of_container(properties: Any) -> Iterator[Finding]:
    if properties.public_access:
        yield broken(
            "exposure", f"the container is public ({properties.public_access}); set its access level to private"
        )
    else:
        yield fine("exposure", "the container is private; whether the account allows public ones is not known")
    if properties.has_immutability_policy or properties.has_legal_hold:
        yield broken("old versions", "an immutability policy or a legal hold forbids to delete; lift it")
    scope = getattr(properties.encryption_scope, "default_encryption_scope", None)
    if scope and scope != "$account-encryption-key":
        yield fine("encryption", f"by default with the scope {scope}")
    else:
        yield note("encryption", "with the account's key: Microsoft's own, unless one of yours was set for it")


def _of_service(properties: dict[str, Any]) -> Iterator[Finding]:
    kept = properties.get("delete_retention_policy")
    if kept is not None and kept.enabled:
        yield note("old versions", f"soft delete keeps what is deleted, erased people too, for {kept.days} days")
    else:
        yield fine("old versions", "no soft delete")
