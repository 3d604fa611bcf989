"""What may leave a site: the least policy that lets each kind of table cross, and whose a store is."""

import json

import pyarrow as pa

from genocloud import json_digest, storage
from genocloud.errors import SettingError
from genocloud.federation.messages import Message, pack
from genocloud.federation.site_policy import MAY_LEAVE, POLICIES, STAYS, SUMMARIES, OtherSite, authority

LEAST = {
    "people": STAYS,
    "local": STAYS,
    "spans": STAYS,
    "covered": STAYS,
    "starts": STAYS,
    "answers": STAYS,
    "shares": STAYS,
    "allele shares": STAYS,
    "squares": STAYS,
    "totals": STAYS,
    "summary": SUMMARIES,
    "genotypes": MAY_LEAVE,
}
"""The least policy under which a site hands out each kind of parcel; what is not here leaves no site."""

NAME = "site.json"
"""In a store: which site it is of. What may leave it stands in the site's policy file alone."""


class TransferDenied(SettingError):
    """A table that a site's policy does not let out."""

    def __init__(self, url: str, kind: str, policy: str) -> None:
        self.url, self.kind, self.policy = url, kind, policy
        least = LEAST.get(kind)
        remedy = f"that takes the policy {least}" if least else "no policy lets it out"
        super().__init__(f"{url}: its policy is {policy}, under which {kind} does not leave the site; {remedy}")


def allows(policy: str, kind: str) -> bool:
    """Whether a policy lets a kind of parcel cross."""
    return kind in LEAST and POLICIES.index(policy) >= POLICIES.index(LEAST[kind])


def claim_store(store_url: str, site: str) -> None:
    """Write a site's name into its store when it is first used. Raises OtherSite for a store of another site."""
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


def released(store_url: str, kind: str, table: pa.Table) -> Message:
    """A table packed to be handed out, if the policy that decides about the store lets it.

    Raises Withheld, or what `authority` does.
    """
    policy = authority(store_url).policy
    if not allows(policy, kind):
        raise TransferDenied(store_url, kind, policy)
    return pack(kind, table)
