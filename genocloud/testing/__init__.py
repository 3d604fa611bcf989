"""Laws of stores and of export formats, as classes of tests (pytest): `pip install "genocloud[testing]"`.

A store of your own is held to what genocloud needs of one like this:

    import pytest
    from genocloud.storage.memory import MemoryStore
    from genocloud.testing import StoreLaws, StoreTraits

    class TestMyStore(StoreLaws):
        traits = StoreTraits(shared=False)  # another process has memory of its own

        @pytest.fixture
        def store(self, tmp_path):
            return MemoryStore(f"memory://{tmp_path}")

An export format is held to its laws by ExportLaws, with an entry `form` and a method `read` that returns the
ExportedRecords of a file.
"""

import pytest

pytest.register_assert_rewrite("genocloud.testing.stores", "genocloud.testing.exporters")

from genocloud.testing.exporters import ExportedRecord, ExportLaws  # noqa: E402  (rewritten asserts say what differs)
from genocloud.testing.stores import StoreLaws, StoreTraits  # noqa: E402

__all__ = ["ExportLaws", "ExportedRecord", "StoreLaws", "StoreTraits"]
