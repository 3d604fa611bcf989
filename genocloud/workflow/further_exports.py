"""The config's `exports`: further files of the callset, each with options of genocloud export."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genocloud import storage
from genocloud.callset import OTHER_FORMATS, PGEN, VCF_ZARR, FormatFields, check_export_url, form_of
from genocloud.federation import BadConfig
from genocloud.workflow.options import spelled

_FILES = "samples", "exclude_samples", "intervals"
"""Options that may name files."""


@dataclass(frozen=True, kw_only=True)
class FurtherExport:
    """An entry of `exports`, with the config that it stands in."""

    entry: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Path or URL of the file."""
        return str(self.entry["path"])

    @property
    def name(self) -> str:
        """The last part of the path, by which its job is known."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def receipt(self) -> str:
        """The receipt of its job."""
        return f"results/export/{self.name}.json"

    @property
    def vouched(self) -> str:
        """The file without which it is not there."""
        return storage.join(self.path, ".zmetadata") if VCF_ZARR.is_of(self.path) else self.path

    @property
    def files(self) -> list[str]:
        """The files that it is made by, beside the callset."""
        named = [text for key in _FILES for text in self.entry.get(key, ())]
        files = [text for text in named if "://" in text or Path(text).is_file()]
        pedigree, reference = self.settings["pedigree"], self.settings["reference"]
        files += [pedigree] if pedigree and PGEN.is_of(self.path) else []
        return files + ([reference, f"{reference}.fai"] if self.entry.get("left_align") else [])

    @property
    def options(self) -> list[str]:
        """Options of `genocloud export`."""
        values = {key: value for key, value in self.entry.items() if key != "path"}
        if "left_align" in values:
            values["left_align"] = self.settings["reference"] if values["left_align"] else ""
        if PGEN.is_of(self.path):
            values |= {key: self.settings[key] for key in ("pedigree", "par")}
        return [each for key, value in values.items() for each in spelled(f"--{key.replace('_', '-')}", value)]

    def check(self) -> None:
        """Raise SettingError for a file or options that `genocloud export` would refuse."""
        from genocloud.callset import RecordForm  # these two bring pyarrow, which most runs' start need not load
        from genocloud.filters import Expression

        for key in ("include", "exclude"):
            if text := self.entry.get(key):
                Expression(text)
        for form in OTHER_FORMATS:
            if form.is_of(self.path):
                form.check(self.path)
                return
        keys = {key: self.entry[key] for key in ("local_alleles", "genotype_filters") if key in self.entry}
        fields = FormatFields(keys=tuple(self.entry.get("fields", ())) or None, **keys)
        check_export_url(self.path, fields)
        forms = {key: self.entry.get(key, False) for key in ("split", "sites_only")}
        RecordForm(**forms, diploid=self.entry.get("diploid_sex_chromosomes", False)).check(
            form_of(self.path).having(fields).fields
        )


def further_exports(settings: Mapping[str, Any]) -> dict[str, FurtherExport]:
    """The entries of `exports` by name. Raises BadConfig for two of one name."""
    exports: dict[str, FurtherExport] = {}
    for number, entry in enumerate(settings["exports"]):
        each = FurtherExport(entry=entry, settings=settings)
        if each.name in exports:
            problem = f"there is another file {each.name}"
            raise BadConfig("config", f"exports[{number}].path", problem, "give each a name of its own")
        exports[each.name] = each
    return exports
