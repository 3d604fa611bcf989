"""Whether a location's policy lets a message leave, and which location owns a store."""

import json

import pyarrow as pa

from genocloud import json_digest, storage
from genocloud.errors import SettingError
from genocloud.federation.messages import KINDS, Message, pack
from genocloud.federation.site_policy import POLICIES, OtherSite, policy_for

NAME = "site.json"
"""The object of a store that names its location. Only the policy file says what may leave."""


class TransferDenied(SettingError):
    """A table that the location's policy does not let leave."""

    def __init__(self, url: str, kind: str, policy: str) -> None:
        self.url, self.kind, self.policy = url, kind, policy
        least = KINDS[kind].least if kind in KINDS else None
        remedy = f"that takes the policy {least}" if least else "no policy lets it out"
        if allows(policy, kind):
            remedy = "that takes `gnomad_table: true` in its policy file, signed off by those who answer for the site"
        super().__init__(f"{url}: its policy is {policy}, under which {kind} does not leave the site; {remedy}")


def allows(policy: str, kind: str) -> bool:
    """Whether a policy lets a kind of message leave."""
    least = KINDS[kind].least if kind in KINDS else None
    return least is not None and POLICIES.index(policy) >= POLICIES.index(least)


def claim_store(store_url: str, site: str) -> None:
    """Write the location's name into its store on first use. Raises OtherSite if another location owns the store."""
    store = storage.open_store(store_url)
    try:
        store.create(NAME, (json.dumps(json_digest.sealed_json({"site": site})) + "\n").encode())
    except storage.ObjectExists:
        try:
            owner = json_digest.open_json(store.read(NAME))["site"]
        except (storage.ObjectMissing, ValueError, KeyError, TypeError):
            owner = "that a damaged site.json no longer names"
        if owner != site:
            raise OtherSite(store.url, str(owner), site) from None


def check_release(store_url: str, kind: str) -> None:
    """Raise TransferDenied for a kind that the store's policy does not let leave, or what `policy_for` does."""
    policy = policy_for(store_url)
    if not allows(policy.policy, kind) or (KINDS[kind].signed and not policy.gnomad_table):
        raise TransferDenied(store_url, kind, policy.policy)


def released(store_url: str, kind: str, table: pa.Table) -> Message:
    """Pack a table as a message, if the store's policy lets it leave. Raises as `check_release`."""
    check_release(store_url, kind)
    return pack(kind, table)
