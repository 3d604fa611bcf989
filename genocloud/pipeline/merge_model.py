"""The settings of GLnexus's model: a preset, or a config of one's own, and the fields that its records have."""

from dataclasses import dataclass

import yaml

from genocloud import glnexus, storage
from genocloud.callset import ModelFields
from genocloud.yaml_text import load_yaml

DEFAULT_PRESET = "DeepVariantWGS"


@dataclass(frozen=True, kw_only=True)
class MergeModel:
    """GLnexus's model by the rules of a preset, or of a YAML file, which is named as the user wrote it."""

    preset: str
    rules: glnexus.MergeRules
    name: str = "glnexus"

    @classmethod
    def of(cls, preset: str) -> "MergeModel":
        """By a preset's name, or the path or URL of a YAML file; empty for DEFAULT_PRESET.

        Raises SettingError, StoreFailed for a file that is not there.
        """
        return cls(preset=preset or DEFAULT_PRESET, rules=merge_rules(preset or DEFAULT_PRESET))

    @property
    def settings(self) -> dict[str, str]:
        """What a callset's manifest says of it: a YAML file without its folder; the rules are in the header's lines."""
        return {"name": self.name, "preset": storage.split(self.preset)[1] if self.is_file else self.preset}

    @property
    def is_file(self) -> bool:
        """Whether the rules are those of a YAML file."""
        return is_yaml(self.preset)

    @property
    def text(self) -> str:
        """The model for receipts and summaries."""
        return f"{self.name} {self.preset}"

    @property
    def header_lines(self) -> tuple[str, ...]:
        """What GLnexus's header says of it, without `##`."""
        return f"GLnexusConfigName={self.settings['preset']}", f"GLnexusConfig={glnexus.config_text(self.rules)}"

    @property
    def fields(self) -> ModelFields:
        """The fields of its records."""
        return ModelFields(
            format=glnexus.format_columns(self.rules),
            info=glnexus.INFO_COLUMNS,
            filters=glnexus.FILTERS,
            header=self.header_lines,
        )


def is_yaml(preset: str) -> bool:
    """Whether a preset is the name of a YAML file."""
    return preset.endswith((".yml", ".yaml"))


def merge_rules(preset: str) -> glnexus.MergeRules:
    """The rules of a preset of GLnexus, or of a YAML file, by path or URL.

    Raises SettingError, StoreFailed for a file that is not there.
    """
    if not is_yaml(preset):
        return glnexus.preset(preset)
    folder, name = storage.split(preset)
    try:
        config = load_yaml(storage.open_store(folder).read(name))
    except yaml.YAMLError as error:
        raise glnexus.BadRules(preset, f"it is no YAML ({' '.join(str(error).split())})") from error
    return glnexus.from_config(preset, config)
