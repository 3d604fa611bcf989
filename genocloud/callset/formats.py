"""Export formats, chosen by file suffix: .vcf.gz and .bcf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud import schema, storage
from genocloud.callset.vcf_index import index_names
from genocloud.errors import SettingError
from genocloud.regions import Contig

if TYPE_CHECKING:  # checking a file name must not load pyarrow and the kernels
    import pyarrow as pa

    from genocloud.callset.manifest import Description
    from genocloud.callset.vcf_text import GenotypeFields, Lines


class NotGzipped(SettingError):
    """The exported file's name has no suffix of a supported compressed format."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: the callset is written compressed, with an index; choose a name that ends in .vcf.gz or .bcf"
        )


class ExportFormat(NamedTuple):
    """Encoders of one format: header, each site's bytes before the genotypes, complete records."""

    suffix: str
    bcf: bool
    header: Callable[[Description], bytes]
    sites: Callable[[schema.Sites, Sequence[Contig]], pa.Array]
    records: Callable[[pa.Array, GenotypeFields, npt.NDArray[np.int32]], Lines]


def form_of(url: str) -> ExportFormat:
    """The format of a file of this name. Raises NotGzipped."""
    return _maker(url)()


def _maker(url: str) -> Callable[[], ExportFormat]:
    """The factory of the format of a file of this name. Raises NotGzipped."""
    maker = next((maker for suffix, maker in _MAKERS.items() if url.endswith(suffix)), None)
    if maker is None:
        raise NotGzipped(url)
    return maker


def _vcf() -> ExportFormat:
    from genocloud.callset import vcf_text
    from genocloud.callset.vcf_header import header_text

    return ExportFormat(
        ".vcf.gz",
        False,
        lambda description: header_text(description).encode(),
        lambda sites, _contigs: vcf_text.site_texts(sites),
        vcf_text.lines_of,
    )


def _bcf() -> ExportFormat:
    from genocloud.callset import bcf_records  # its kernels take a while to load, and are seldom needed

    return ExportFormat(".bcf", True, bcf_records.header_bytes, bcf_records.site_records, bcf_records.records_of)


_MAKERS = {".vcf.gz": _vcf, ".bcf": _bcf}


def check_vcf_url(url: str) -> None:
    """Check, before any work, that an exported file can be written at `url`.

    Raises NotGzipped for another suffix, StoreFailed where a folder has this name, UnknownScheme.
    """
    place_of(url)


def find_index(url: str) -> str:
    """URL of an exported file's index. Raises ObjectMissing where there is none."""
    store, name = place_of(url)
    index = next((index for index in index_names(name) if store.exists(index)), None)
    if index is None:
        raise storage.ObjectMissing(url, "has no index beside it", "export it again")
    return storage.join(store.url, index)


def place_of(url: str) -> tuple[storage.Store, str]:
    """The store of an exported file and the name in it. Raises what check_vcf_url raises."""
    folder, name = storage.split(url)
    _maker(url)
    store = storage.open_store(folder)
    for file in (name, *index_names(name)):
        _check_no_folder(store, file)
    return store, name


def _check_no_folder(store: storage.Store, name: str) -> None:
    try:
        store.size(name)
    except storage.ObjectMissing as error:
        if error.problem != storage.ObjectMissing(error.url).problem:
            raise
