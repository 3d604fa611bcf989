"""The identity that workers are compared by."""

from pathlib import Path

import genocloud
from genocloud.scatter.dask import handshake


def test_the_digest_of_kernels_is_of_their_files():
    kernels = sorted((Path(genocloud.__file__).parent / "kernels").glob("*.py"))
    assert len(kernels) > 10
    assert handshake.identity()[handshake.KERNELS] == handshake._stamp(kernels)
