"""The two sites that the tests share, and the records of one site."""

from collections.abc import Iterator

import pytest

from tests.conftest import DATA
from tests.hybrid.places import NoNamespaces, Places, two_places
from tests.hybrid.runs import Records, Split, at_one_site


@pytest.fixture(scope="session")
def split() -> Split:
    """The demo's gVCFs."""
    return Split.of(DATA / "gvcf", DATA / "reference.fa")


@pytest.fixture(scope="session")
def one_site(split: Split, tmp_path_factory: pytest.TempPathFactory) -> Records:
    """What one site makes of the same samples."""
    return at_one_site(split, tmp_path_factory.mktemp("single") / "run")


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Both sites, with two workers each."""
    try:
        with two_places(tmp_path_factory.mktemp("places") / "run", workers=2, memory="1GB") as running:
            yield running
    except NoNamespaces as error:
        pytest.fail(str(error))
