"""Settings of an S3 bucket: versioning, object lock, lifecycle, public access, encryption, location."""

from collections.abc import Callable, Iterator
from typing import Any

from genocloud.storage.doctor import Finding, broken, fine, note, query
from genocloud.storage.s3 import _call, _code
from genocloud.storage.store import Store

EVERYBODY = ("/global/AllUsers", "/global/AuthenticatedUsers")
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_NONE = (
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ObjectLockConfigurationNotFoundError",
)
"""Error codes for settings that were never made."""


def settings(store: Store) -> Iterator[Finding]:
    """Settings of the bucket that these credentials may read (s3:GetBucket..., each its own permission)."""
    bucket = store.bucket_name  # type: ignore[attr-defined]

    def of(method: str) -> Callable[[], dict[str, Any]]:
        return lambda: _answer(method, bucket)

    yield from query("old versions", of("get_bucket_versioning"), _versions)
    yield from query("old versions", of("get_object_lock_configuration"), _lock)
    yield from query("lifecycle", of("get_bucket_lifecycle_configuration"), _rules)
    yield from query("exposure", of("get_public_access_block"), _blocked)
    yield from query("exposure", of("get_bucket_policy_status"), _policy)
    yield from query("exposure", of("get_bucket_acl"), _acl)
    yield from query("encryption", of("get_bucket_encryption"), _encryption)
    yield from query("location", of("get_bucket_location"), _location)


def _answer(method: str, bucket: str) -> dict[str, Any]:
    """The service's answer; empty where the setting was never made."""
    try:
        return _call(method, Bucket=bucket)
    except Exception as error:
        if _code(error) in _NONE:
            return {}
        raise


def _versions(answer: dict[str, Any]) -> Iterator[Finding]:
    match answer.get("Status"):
        case "Enabled":
            yield note("old versions", "versioning is on: what is deleted, erased people too, lives on in old versions")
        case "Suspended":
            yield note("old versions", "versioning is suspended: versions from before are still kept")
        case _:
            yield fine("old versions", "no versioning: what is deleted is gone")


def _lock(answer: dict[str, Any]) -> Iterator[Finding]:
    lock = answer.get("ObjectLockConfiguration", {})
    if rule := lock.get("Rule", {}).get("DefaultRetention"):
        yield broken("old versions", f"object lock forbids to delete ({rule.get('Mode', 'unsaid')} mode)")


def _rules(answer: dict[str, Any]) -> Iterator[Finding]:
    rules = [rule for rule in answer.get("Rules", ()) if rule.get("Status") == "Enabled"]
    if any("Expiration" in rule for rule in rules):
        yield note("lifecycle", "a rule deletes objects by itself: it must spare cohorts and callsets that are in use")
    if not any("AbortIncompleteMultipartUpload" in rule for rule in rules):
        yield note("lifecycle", "no rule aborts unfinished uploads, which cost money unseen: `genocloud collect` does")


def _blocked(answer: dict[str, Any]) -> Iterator[Finding]:
    blocks = answer.get("PublicAccessBlockConfiguration", {})
    if missing := [block for block in BLOCKS if not blocks.get(block)]:
        yield note("exposure", f"public access is not blocked by the bucket ({', '.join(missing)}): block it")
    else:
        yield fine("exposure", "public access is blocked")


def _policy(answer: dict[str, Any]) -> Iterator[Finding]:
    if answer.get("PolicyStatus", {}).get("IsPublic"):
        yield broken("exposure", "the bucket's policy makes it public; take that out of it")
    else:
        yield fine("exposure", "no policy makes the bucket public")


def _acl(answer: dict[str, Any]) -> Iterator[Finding]:
    grants = answer.get("Grants", ())
    public = [grant["Permission"] for grant in grants if grant["Grantee"].get("URI", "").endswith(EVERYBODY)]
    if public:
        yield broken("exposure", f"the bucket's ACL gives everybody {', '.join(public)}; remove the grant")
    else:
        yield fine("exposure", "the bucket's ACL grants access only to accounts")


def _encryption(answer: dict[str, Any]) -> Iterator[Finding]:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    keys = [each.get("KMSMasterKeyID") or "AWS's own for KMS" for each in defaults if "aws:kms" in str(each)]
    if keys:
        yield fine("encryption", f"by default with the KMS key {keys[0]}")
    else:
        yield note("encryption", "with Amazon's own keys (SSE-S3); set a KMS key where your rules ask for one")


def _location(answer: dict[str, Any]) -> Iterator[Finding]:
    yield fine("location", f"{answer.get('LocationConstraint') or 'us-east-1'}; run workers there")
