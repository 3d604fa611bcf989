"""The config's model: what else of the config it does not have, refused before any job."""

from collections.abc import Mapping
from typing import Any

from genocloud.federation import BadConfig

_OWN_SITES = "its sites are those that somebody carries, by its own IDs"
_WITHOUT: Mapping[str, Mapping[str, str]] = {
    "glnexus": {
        "dbsnp": _OWN_SITES,
        "alleles": _OWN_SITES,
        "force_output_intervals": _OWN_SITES,
        "include_non_variant_sites": _OWN_SITES,
        "refined": "its genotypes have a prior already",
        "gq_calibration": "its GQ is GLnexus's",
    },
    "gatk": {"gq_calibration": "its GQ is GATK's"},
}
"""Settings that a model does without, each with the reason."""


def check_model(settings: Mapping[str, Any]) -> None:
    """Refuse settings that the model does not have. Raises BadConfig; SettingError for a preset that there is not."""
    model, preset = settings["model"], settings["preset"]
    if preset and model != "glnexus":
        raise BadConfig("config", "preset", "only the model glnexus has presets", "set model: glnexus, or leave it out")
    refined = settings["refined"] or any(each.get("refined") for each in settings["exports"])
    wanted = {**settings, "refined": refined}
    for name, reason in _WITHOUT.get(model, {}).items():
        if wanted[name]:
            raise BadConfig("config", name, f"the model {model} does not have it: {reason}", "leave it out")
    if model == "glnexus":
        from genocloud.pipeline.merge_model import MergeModel  # no other model needs its modules

        MergeModel.of(preset)


def model_files(settings: Mapping[str, Any]) -> list[str]:
    """The YAML file of the model's rules, if they are in one, and the table of GQ."""
    names = settings["preset"] if settings["preset"].endswith((".yml", ".yaml")) else "", settings["gq_calibration"]
    return [name for name in names if name]
