"""The head of the report: title, date, reference, settings, commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """A run. `finished` is when its last step ended (ISO 8601); empty or 0 where it is not known."""

    title: str = ""
    callset: str = ""
    finished: str = ""
    reference: str = ""
    reference_checksum: str = ""
    cohort_version: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    commands: tuple[str, ...] = ()

    def facts(self) -> dict[str, str]:
        """The known facts, as text."""
        version = str(self.cohort_version) if self.cohort_version else ""
        date = self.finished.replace("T", " ").replace("+00:00", " UTC")
        shown = {"callset": self.callset, "finished": date, "cohort version": version, "reference": self.reference}
        return {name: value for name, value in shown.items() if value}

    def setting_texts(self) -> dict[str, str]:
        """The settings as text, lists with commas, and the checksum of the reference that they were used with."""
        shown = {
            name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            for name, value in self.settings.items()
        }
        return shown | ({"checksum of contigs": self.reference_checksum} if self.reference_checksum else {})
