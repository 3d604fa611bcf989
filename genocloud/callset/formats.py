"""Export formats: one entry each, chosen by the file's suffix, with its encoders and its index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from genocloud import storage
from genocloud.callset.format_fields import ALL_FIELDS, VCF_VERSIONS, FormatFields, VcfVersion
from genocloud.errors import SettingError
from genocloud.formatting import alternatives, install_command

if TYPE_CHECKING:  # checking a file name, or writing help, must not load pyarrow, numpy and the kernels
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from genocloud import schema
    from genocloud.callset.filter_tables import FilterLine
    from genocloud.callset.manifest import Description
    from genocloud.callset.vcf_text import Lines
    from genocloud.regions import Contig


class UnknownFormat(SettingError):
    """The exported file's name has the suffix of no export format."""

    def __init__(self, url: str, suffixes: str = "") -> None:
        self.url = url
        super().__init__(f"{url}: no export format has such a name; choose one that ends in {suffixes or SUFFIXES}")


class OtherVcfVersion(SettingError):
    """A version of VCF that an export format is not written in."""

    def __init__(self, suffix: str, version: str, versions: Sequence[str]) -> None:
        self.suffix, self.version, self.versions = suffix, version, versions
        super().__init__(f"files {suffix} are of VCF {alternatives(versions)}, not {version}; leave out --vcf-version")


class MissingPackage(SettingError):
    """An export format needs a package that is not installed."""

    def __init__(self, url: str, package: str, install_hint: str) -> None:
        self.url, self.package, self.install_hint = url, package, install_hint
        super().__init__(
            f"{url}: the Python package {package}, which writes such files, is not installed; run `{install_hint}`"
        )


@dataclass(frozen=True, kw_only=True)
class Encoders:
    """Bytes of one format before compression.

    header     of a file
    sites      each site up to its genotypes
    batch      what is kept of a batch's distinct genotypes until they are written
    genotypes  that of several batches, one behind the other
    records    complete records
    """

    header: Callable[[Description], bytes]
    sites: Callable[[schema.Sites, Sequence[Contig]], pa.Array]
    batch: Callable[[schema.DistinctGenotypes], Any]
    genotypes: Callable[[Sequence[Any]], Any]
    records: Callable[[pa.Array, Any, npt.NDArray[np.int32]], Lines]


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One format of exported files: a header, then records in genome order, so that shards' parts are joined unchanged.

    suffix    how the file's name ends
    summary   what it is, for help and documents
    encoding  imports what the encoders need and returns them, for a file with some FORMAT fields and filters
    fields    the fields of the file that is written, all by default
    filters   the filters of its callset that the file has; none where FILTER is only what joint genotyping says
    versions  versions of VCF that its header may name
    bgzf      whether the file is compressed, in BGZF blocks
    index     `tabix` (CSI where a contig is too long for it), `csi` with contigs by number, as BCF has it, or none
    package   what the encoders import that genocloud alone does not bring; empty if nothing
    extra     extra of genocloud that installs it
    """

    suffix: str
    summary: str
    encoding: Callable[[FormatFields, Sequence[FilterLine]], Encoders]
    fields: FormatFields = ALL_FIELDS
    filters: tuple[FilterLine, ...] = ()
    versions: tuple[VcfVersion, ...] = ("4.2",)
    bgzf: bool = True
    index: Literal["tabix", "csi", "none"] = "tabix"
    package: str = ""
    extra: str = ""

    def having(self, fields: FormatFields, filters: Sequence[FilterLine] = ()) -> ExportFormat:
        """The format for a file with these FORMAT fields and filters. Raises OtherVcfVersion."""
        if fields.vcf_version not in self.versions:
            raise OtherVcfVersion(self.suffix, fields.vcf_version, self.versions)
        if self.fields.reference_blocks:
            fields = replace(fields, local_alleles=True, reference_blocks=True)
        return replace(self, fields=fields, filters=tuple(filters))

    def encoders(self) -> Encoders:
        """The encoders of the file that is written."""
        return self.encoding(self.fields, self.filters)

    @property
    def install_hint(self) -> str:
        """The command that installs what this format needs; empty where genocloud alone brings it."""
        return install_command(self.extra) if self.extra else ""

    def index_names(self, name: str) -> tuple[str, ...]:
        """Every name under which a reader would look for the index of a file."""
        return () if self.index == "none" else (f"{name}.tbi", f"{name}.csi")

    def index_suffix(self, contigs: Sequence[Contig]) -> str:
        """`.tbi` or `.csi`; empty where there is no index."""
        from genocloud.callset.vcf_index import VcfIndex

        return "" if self.index == "none" else VcfIndex(contigs, bcf=self.index == "csi").suffix


def _vcf_encoders(fields: FormatFields, filters: Sequence[FilterLine]) -> Encoders:
    from genocloud.callset import vcf_text
    from genocloud.callset.vcf_header import header_text

    keys = [key for key, _ in fields.columns()]
    return Encoders(
        header=lambda description: header_text(description, fields, filters).encode(),
        sites=lambda sites, _contigs: vcf_text.site_texts(sites, vcf_text.info_columns(sites, fields.model)),
        batch=lambda distinct: vcf_text.row_texts(distinct, fields),
        genotypes=lambda parts: vcf_text.join_texts(keys, parts),
        records=vcf_text.lines_of,
    )


def _bcf_encoders(fields: FormatFields, filters: Sequence[FilterLine]) -> Encoders:
    from genocloud.callset import bcf_records  # its kernels take a while to load, and are seldom needed
    from genocloud.callset.vcf_text import lay_out

    return Encoders(
        header=lambda description: bcf_records.header_bytes(description, fields, filters),
        sites=lambda sites, contigs: bcf_records.site_records(sites, contigs, filters, fields.model),
        batch=lambda distinct: distinct,
        genotypes=lambda tables: bcf_records.shaped(lay_out(tables, fields)),
        records=bcf_records.records_of,
    )


EXPORT_FORMATS = (
    ExportFormat(
        suffix=".svcr.vcf.gz",
        summary="VCF 4.2 with reference blocks (SVCR), which Hail's hl.vds.import_vcf reads, with its index",
        encoding=_vcf_encoders,
        fields=FormatFields(local_alleles=True, reference_blocks=True),
    ),
    ExportFormat(
        suffix=".vcf.gz",
        summary="VCF 4.2, compressed by bgzip, with its index",
        encoding=_vcf_encoders,
        versions=VCF_VERSIONS,
    ),
    ExportFormat(
        suffix=".vcf",
        summary="VCF 4.2, plain text without an index",
        encoding=_vcf_encoders,
        versions=VCF_VERSIONS,
        bgzf=False,
        index="none",
    ),
    ExportFormat(suffix=".bcf", summary="BCF 2.2, with its index", encoding=_bcf_encoders, index="csi"),
)

SUFFIXES = alternatives(form.suffix for form in EXPORT_FORMATS)
"""All suffixes, as a sentence says them."""

OUTPUT_NAMES = alternatives(f"OUT{form.suffix}" for form in EXPORT_FORMATS)
"""All names of an exported file, as help says them."""


CONTIG, FAMILY = "{contig}", "{family}"
"""What stands in the name of several files for that of a contig with sites, and of a family of the pedigree."""


def is_several(url: str) -> bool:
    """Whether a name stands for a file of each contig, or of each family."""
    return CONTIG in url or FAMILY in url


def form_of(url: str) -> ExportFormat:
    """The format of a file of this name. Raises UnknownFormat."""
    form = next((form for form in EXPORT_FORMATS if url.endswith(form.suffix)), None)
    if form is None:
        raise UnknownFormat(url)
    return form


def check_export_url(url: str, fields: FormatFields = ALL_FIELDS) -> None:
    """Check, before any work, that an exported file with some FORMAT fields can be written at `url`.

    Raises UnknownFormat for another suffix, UnknownField or OtherVcfVersion for what the format does not have,
    MissingPackage, StoreFailed where a folder has this name, UnknownScheme.
    """
    form_of(url).having(fields)
    place_of(url)


def exported_files(url: str) -> list[str]:
    """URLs of an exported file and of its index, if its format has one. Raises ObjectMissing where that is absent."""
    store, name = place_of(url)
    names = form_of(name).index_names(name)
    if not names:
        return [url]
    index = next((index for index in names if store.exists(index)), None)
    if index is None:
        raise storage.ObjectMissing(url, "has no index beside it", "export it again")
    return [url, storage.join(store.url, index)]


def place_of(url: str) -> tuple[storage.Store, str]:
    """The store of an exported file and the name in it. Raises what check_export_url raises."""
    folder, name = storage.split(url)
    form, store = form_of(url), storage.open_store(folder)
    if form.package and find_spec(form.package) is None:
        raise MissingPackage(url, form.package, form.install_hint)
    for file in (name, *form.index_names(name)):
        _check_no_folder(store, file)
    return store, name


def _check_no_folder(store: storage.Store, name: str) -> None:
    try:
        store.size(name)
    except storage.ObjectMissing as error:
        if error.problem != storage.ObjectMissing(error.url).problem:
            raise
