"""The model that a cohort is genotyped by: the one named, else the one that fits the dialect of its gVCFs."""

from dataclasses import fields, replace

from genocloud.cohort import Cohort
from genocloud.errors import SettingError
from genocloud.genotypes import Model
from genocloud.gvcf.dialects import UNKNOWN
from genocloud.pipeline.fitting_model import OWN_MODEL, fitting_model
from genocloud.pipeline.preconditions import active_tallies


class NotOfTheModel(SettingError):
    """An option that a model does not have."""

    def __init__(self, model: str, option: str, remedy: str) -> None:
        self.model, self.option = model, option
        super().__init__(f"model {model}: it has no {option}; {remedy}")


def model_name(cohort: Cohort, name: str) -> str:
    """The name of the model, by default of the one that fits the cohort's active samples. Raises MixedDialects."""
    tallies = active_tallies(cohort)
    fitting = fitting_model(cohort.url, ((f"sample {sample}", tally.caller) for sample, tally in tallies))
    return name or fitting


def chosen_model(cohort: Cohort, model: Model, name: str) -> Model:
    """The settings as those of the model `name`, by default of the one that fits the cohort.

    Raises MixedDialects; NotOfTheModel for settings of GATK's estimate that the model does not make.
    """
    model = replace(model, name=model_name(cohort, name))
    if model.rules.by_carriers:
        for each in ("heterozygosity", "indel_heterozygosity", "heterozygosity_stdev", "stand_call_conf"):
            if getattr(model, each) != _DEFAULTS[each]:
                raise NotOfTheModel(
                    model.name, each.replace("_", "-"), "leave it out; `genocloud filter` judges sites by QUAL"
                )
    return model


_DEFAULTS = {each.name: each.default for each in fields(Model)}


def model_text(cohort: Cohort, name: str) -> str:
    """The model for receipts and summaries: its name, and the callers of the gVCFs where another would fit."""
    callers = {tally.caller or UNKNOWN.name for _, tally in active_tallies(cohort)}
    fits = all(OWN_MODEL.get(caller, "gatk") == name for caller in callers)
    return name if fits else f"{name}, by choice, on gVCFs of {', '.join(sorted(callers))}"
