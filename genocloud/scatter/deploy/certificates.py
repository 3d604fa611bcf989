"""Create a CA for one cluster, and one certificate that its scheduler, workers and clients share."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from genocloud.errors import SettingError
from genocloud.scatter.deploy.tls import CA_NAME, CERTIFICATE_NAME, KEY_NAME

NAME = "genocloud"
"""Name in the certificates. Whoever has one signed by this CA may connect; distributed never checks host names."""

DAYS = 365
"""Validity, from the day before on: clocks differ."""


def make_certificates(folder: Path, days: int = DAYS) -> datetime:
    """Write ca.pem, cert.pem and key.pem into a folder, readable by its owner only; return when they expire.

    The CA's key is thrown away: to let in others later, copy the folder, or make a new one. Raises SettingError if
    the folder holds one of these already.
    """
    there = [name for name in (CA_NAME, CERTIFICATE_NAME, KEY_NAME) if (folder / name).exists()]
    if there:
        raise SettingError(f"{folder}: {', '.join(there)} is here already; choose another folder, or remove it first")
    until = datetime.now(UTC) + timedelta(days=days)
    files = _made(until)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    return until


def _made(until: datetime) -> dict[str, bytes]:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    return {
        CA_NAME: _signed(authority, authority, f"{NAME} CA", until).public_bytes(Encoding.PEM),
        CERTIFICATE_NAME: _signed(own, authority, NAME, until).public_bytes(Encoding.PEM),
        KEY_NAME: own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }


def _signed(owner: Any, authority: Any, name: str, until: datetime) -> Any:
    """The certificate of a key's owner, by the authority's key; a CA's where these are the same."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    is_authority = owner is authority
    of_authority = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(f"{NAME} CA"))
        .public_key(owner.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(owner.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(of_authority), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(authority, hashes.SHA256())
    )


def _named(name: str) -> Any:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _usage(is_authority: bool) -> Any:
    from cryptography import x509

    uses = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    others = dict.fromkeys((*uses, "decipher_only"), False)
    return x509.KeyUsage(
        digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **others
    )
