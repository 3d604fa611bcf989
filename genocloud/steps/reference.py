"""The reference that every sample was called against: its contigs and a fingerprint of them."""

import hashlib
from dataclasses import dataclass

from genocloud import objects
from genocloud.errors import UnreadableFile
from genocloud.regions import Contig, contigs_from_fai


@dataclass(frozen=True)
class Reference:
    """A FASTA by URL, the contigs of its index, and the index's sha256 (no path in it)."""

    url: str
    contigs: tuple[Contig, ...]
    checksum: str


def read_reference(url: str) -> Reference:
    """Read REF.fa.fai. Raises UnreadableFile where the FASTA or its index is missing or empty."""
    objects.open_file(url).close()
    try:
        with objects.open_file(f"{url}.fai") as file:
            index = file.read()
    except UnreadableFile as error:
        raise UnreadableFile(f"{url}.fai", error.problem, f"index the reference: samtools faidx {url}") from error
    try:
        contigs = contigs_from_fai(index.decode())
    except (ValueError, IndexError):
        contigs = ()
    if not contigs:
        raise UnreadableFile(f"{url}.fai", "it lists no contigs", f"index the reference: samtools faidx {url}")
    return Reference(url, contigs, f"sha256:{hashlib.sha256(index).hexdigest()}")
