"""The config's `exports`: further files of the callset, each with options of genocloud export."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genocloud import storage
from genocloud.callset import FAMILY, PGEN, VCF_ZARR, is_several
from genocloud.federation import BadConfig
from genocloud.pipeline.receipts import lost_outputs
from genocloud.workflow.options import spelled

_LISTS = "samples", "exclude_samples", "intervals", "exclude_intervals"
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
        """The last part of the path, by which its job is known; without braces, which are Snakemake's wildcards."""
        return self.path.rstrip("/").rpartition("/")[2].translate({ord(brace): None for brace in "{}"})

    @property
    def receipt(self) -> str:
        """The receipt of its job."""
        return f"results/export/{self.name}.json"

    @property
    def lost(self) -> list[str]:
        """Files of its receipt that are gone or changed since; those of a pattern are the ones that the receipt has."""
        if is_several(self.path):
            return lost_outputs(self.receipt)
        vouched = storage.join(self.path, ".zmetadata") if VCF_ZARR.is_of(self.path) else self.path
        return lost_outputs(self.receipt, [vouched])

    @property
    def is_refined(self) -> bool:
        """Whether it has refined genotypes."""
        return bool(self.entry.get("refined"))

    @property
    def files(self) -> list[str]:
        """The files that it is made by, beside the callset."""
        values = self._values
        named = [text for key in _LISTS for text in values.get(key, ())]
        files = [text for text in named if "://" in text or Path(text).is_file()]
        files += [*values.get("supporting", ()), *filter(None, [values.get("pedigree")])]
        reference = values.get("left_align")
        return files + ([reference, f"{reference}.fai"] if reference else [])

    @property
    def options(self) -> list[str]:
        """Options of `genocloud export`."""
        return [each for key, value in self._values.items() for each in spelled(f"--{key.replace('_', '-')}", value)]

    def check(self) -> None:
        """Raise GenocloudError for a file or options that `genocloud export` would refuse."""
        from genocloud.pipeline import ExportRequest  # it brings pyarrow, which most runs' start need not load

        ExportRequest.of(self.path, self._values).options().check(self.path, dense=self.entry.get("dense", False))

    @property
    def _values(self) -> dict[str, Any]:
        """Options by their names: the entry's, and settings of the config where they are of use."""
        values = {key: value for key, value in self.entry.items() if key != "path"}
        if "left_align" in values:
            values["left_align"] = self.settings["reference"] if values["left_align"] else ""
        if self.is_refined:
            values["supporting"] = self.settings["supporting"]
        if PGEN.is_of(self.path):
            values["par"] = self.settings["par"]
        if self.settings["pedigree"] and (PGEN.is_of(self.path) or FAMILY in self.path or self.is_refined):
            values["pedigree"] = self.settings["pedigree"]
        return values


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
