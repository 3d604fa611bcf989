"""Settings of a Google Cloud Storage bucket: versioning, public access, encryption, location."""

from collections.abc import Iterator
from typing import Any

from genocloud.storage.doctor import Finding, broken, fine, note, query, unknown
from genocloud.storage.store import Store

EVERYBODY = ("allUsers", "allAuthenticatedUsers")
DAY_SECONDS = 86_400


def settings(store: Store) -> Iterator[Finding]:
    """Settings of the bucket that these credentials may read (storage.buckets.get, getIamPolicy)."""
    bucket = store._bucket  # type: ignore[attr-defined]
    reachable: list[Any] = []

    def reload() -> Any:
        bucket.reload(timeout=30)
        reachable.append(bucket)
        return bucket

    yield from query("bucket", reload, _of_bucket)
    if not reachable:
        for subject in ("old versions", "encryption", "location"):
            yield unknown(subject, "the bucket's settings may not be seen: ask for storage.buckets.get")
    uniform = bool(reachable) and bool(bucket.iam_configuration.uniform_bucket_level_access_enabled)
    yield from query("exposure", lambda: bucket.get_iam_policy(requested_policy_version=3, timeout=30), _of_policy)
    if not uniform:
        yield from query("exposure", lambda: _open_acls(bucket), _of_acls)


def _of_bucket(bucket: Any) -> Iterator[Finding]:
    yield fine("bucket", f"{bucket.name}, class {bucket.storage_class or 'unsaid'}")
    yield from _old_versions(bucket)
    yield from _rules(bucket)
    prevention = bucket.iam_configuration.public_access_prevention
    if prevention == "enforced":
        yield fine("exposure", "public access prevention is enforced")
    else:
        yield note("exposure", f"public access prevention is {prevention or 'not set'}: enforce it")
    if bucket.default_kms_key_name:
        yield fine("encryption", f"by default with the key {bucket.default_kms_key_name}")
    else:
        yield note("encryption", "with Google's own keys; set a Cloud KMS key where your rules ask for one")
    if bucket.location:
        yield fine("location", f"{bucket.location} ({bucket.location_type or 'region'}); run workers there")
    else:
        yield unknown("location", "the bucket has none in its settings")
    if bucket.requester_pays:
        yield note("requester pays", "whoever reads pays: set GENOCLOUD_GS_BILLING_PROJECT")


def _old_versions(bucket: Any) -> Iterator[Finding]:
    if bucket.versioning_enabled:
        yield note("old versions", "versioning is on: what is deleted, erased people too, lives on in old versions")
    soft = getattr(bucket, "soft_delete_policy", None)
    seconds = int(getattr(soft, "retention_duration_seconds", None) or 0)
    if seconds:
        days = seconds / DAY_SECONDS
        yield note("old versions", f"soft delete keeps what is deleted, erased people too, for {days:g} days")
    if bucket.retention_period:
        text = f"a retention policy forbids to delete for {bucket.retention_period / DAY_SECONDS:g} days; lift it"
        yield broken("old versions", text)
    if not bucket.versioning_enabled and not seconds:
        yield fine("old versions", "no versioning and no soft delete: what is deleted is gone")


def _rules(bucket: Any) -> Iterator[Finding]:
    kinds = sorted({rule["action"]["type"] for rule in bucket.lifecycle_rules if "action" in rule})
    if "Delete" in kinds:
        yield note("lifecycle", "a rule deletes objects by itself: it must spare cohorts and callsets that are in use")


def _of_policy(policy: Any) -> Iterator[Finding]:
    who = {(member, binding["role"]) for binding in policy.bindings for member in binding["members"]}
    if public := sorted(f"{member} ({role})" for member, role in who if member in EVERYBODY):
        yield broken("exposure", f"the bucket is open to {', '.join(public)}; remove these from its IAM policy")
    else:
        yield fine("exposure", "the bucket's IAM policy names neither allUsers nor allAuthenticatedUsers")


def _open_acls(bucket: Any) -> list[str]:
    lists = (("bucket's", bucket.acl), ("default object", bucket.default_object_acl))
    return [f"{name} ACL" for name, acl in lists if any(entry["entity"] in EVERYBODY for entry in acl)]


def _of_acls(public: list[str]) -> Iterator[Finding]:
    if public:
        yield broken("exposure", f"everybody is in the {' and the '.join(public)}; use uniform bucket-level access")
    else:
        yield note("exposure", "objects may have ACLs of their own, which are not checked: set uniform access")
