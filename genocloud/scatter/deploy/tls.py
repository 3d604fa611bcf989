"""TLS between schedulers, workers and clients: who must use it, and the folder that holds certificates."""

import os
import socket
from pathlib import Path
from typing import Any

from genocloud.errors import SettingError

FOLDER_VARIABLE = "GENOCLOUD_TLS"
"""Environment variable that names the folder of certificates."""

CA_NAME, CERTIFICATE_NAME, KEY_NAME = "ca.pem", "cert.pem", "key.pem"


def security_for(address: str, folder: str | None, insecure: bool = False) -> Any:
    """distributed's Security for an address: what is in the folder for tls://, None for tcp:// where that will do.

    Without `folder` the environment's GENOCLOUD_TLS counts. Raises SettingError where certificates are missing, and
    for tcp:// to another machine unless it is to be `insecure`.
    """
    import distributed

    if address.startswith("tls://"):
        ca, certificate, key = certificates_in(folder, address)
        files = {f"tls_{role}_cert": certificate for role in ("client", "scheduler", "worker")}
        files |= {f"tls_{role}_key": key for role in ("client", "scheduler", "worker")}
        return distributed.Security(tls_ca_file=ca, require_encryption=True, **files)
    if not insecure and not on_this_machine(address):
        raise SettingError(
            f"{address} is another machine's, and by tcp:// anybody between can read and change everything; make "
            "certificates (genocloud certificates DIR) and use tls://, or say that the network is safe (insecure=yes; "
            "--insecure of genocloud scheduler and workers)"
        )
    return None


def certificates_in(folder: str | None, address: str) -> tuple[str, str, str]:
    """Paths of the CA's certificate, the own certificate, and its key. Raises SettingError if one is missing."""
    place = folder or os.environ.get(FOLDER_VARIABLE)
    if not place:
        raise SettingError(
            f"{address} needs certificates; make them with genocloud certificates DIR, and name their folder by "
            f"tls=DIR in --scatter, by --tls of genocloud scheduler and workers, or in {FOLDER_VARIABLE}"
        )
    paths = [Path(place).expanduser().absolute() / name for name in (CA_NAME, CERTIFICATE_NAME, KEY_NAME)]
    missing = [path.name for path in paths if not os.access(path, os.R_OK)]
    if missing:
        raise SettingError(
            f"{place}: {', '.join(missing)} cannot be read; make certificates with genocloud certificates DIR, and "
            "bring the folder to every machine that takes part"
        )
    ca, certificate, key = map(str, paths)
    return ca, certificate, key


def on_this_machine(address: str) -> bool:
    """Whether an address tcp://HOST:PORT is one of this machine alone; 0.0.0.0, which all can reach, is not."""
    host = address.partition("://")[2].rpartition(":")[0].strip("[]")
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)} if host else set()
    except OSError:
        return False
    return bool(addresses) and all(_is_own(info) for info in addresses)


def _is_own(number: str) -> bool:
    if number in ("0.0.0.0", "::"):
        return False
    family = socket.AF_INET6 if ":" in number else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((number, 0))
        except OSError:
            return False
    return True
