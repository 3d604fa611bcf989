"""Exported files that are no VCF: how their names end, what they are, and which package writes them."""

from dataclasses import dataclass
from importlib.util import find_spec

from genocloud.callset.formats import EXPORT_FORMATS, MissingPackage, UnknownFormat
from genocloud.errors import SettingError
from genocloud.formatting import alternatives, install_command


class NotForFormat(SettingError):
    """An option of VCF that another format has no place for."""

    def __init__(self, url: str, option: str) -> None:
        self.url, self.option = url, option
        super().__init__(f"{url}: {option} is for VCF and BCF; leave it out, or name the output OUT.vcf.gz")


@dataclass(frozen=True, kw_only=True)
class OtherFormat:
    """A format of exported files; `extra` of genocloud installs the `package` that it needs."""

    suffixes: tuple[str, ...]
    summary: str
    package: str
    extra: str

    @property
    def install_hint(self) -> str:
        """The command that installs what this format needs."""
        return install_command(self.extra)

    def is_of(self, url: str) -> bool:
        """Whether a file of this name has this format."""
        return url.rstrip("/").endswith(self.suffixes)

    def check(self, url: str) -> None:
        """Raise UnknownFormat for another suffix, MissingPackage."""
        if not self.is_of(url):
            raise UnknownFormat(url)
        if find_spec(self.package) is None:
            raise MissingPackage(url, self.package, self.install_hint)


PGEN = OtherFormat(
    suffixes=(".pgen",),
    summary="PLINK 2's genotypes of bi-allelic variants, with OUT.pvar.zst and OUT.psam",
    package="pgenlib",
    extra="pgen",
)

VCF_ZARR = OtherFormat(
    suffixes=(".vcz", ".zarr"),
    summary="VCF Zarr, which vcztools, sgkit and xarray read",
    package="numcodecs",
    extra="zarr",
)

OTHER_FORMATS = PGEN, VCF_ZARR

EXPORT_SUFFIXES = (
    *(form.suffix for form in EXPORT_FORMATS),
    *(suffix for form in OTHER_FORMATS for suffix in form.suffixes),
)
"""How the names of what a callset is exported to end, but for a dense table's."""

EXPORT_NAMES = alternatives(f"OUT{suffix}" for suffix in EXPORT_SUFFIXES)
"""All names of what a callset is exported to, as help says them."""
