"""The model that a cohort is genotyped by: the one named, else the one that fits the dialect of its gVCFs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from genocloud.cohort import Cohort
from genocloud.errors import InputError, SettingError
from genocloud.genotypes import Model
from genocloud.gvcf.dialects import UNKNOWN
from genocloud.pipeline.preconditions import active_tallies

OWN_MODEL: Mapping[str, str] = {"deepvariant": "deepvariant"}
"""Dialects whose likelihoods another model than gatk is made for."""


class MixedDialects(InputError):
    """gVCFs whose likelihoods differ in meaning, so that no model can weigh them against each other.

    sides  for each model that fits some of them: its name, the first of these, its caller, how many there are
    """

    def __init__(self, source: str, *sides: tuple[str, str, str, int]) -> None:
        self.source, self.sides = source, sides
        said = " and ".join(
            f"{count:,} for the model {model} (the first: {first}, of {caller})"
            for model, first, caller, count in sides
        )
        super().__init__(
            f"{source}: gVCFs of callers whose likelihoods cannot be compared: {said}; call all samples with one "
            "caller, or make a cohort of each"
        )


class NotOfTheModel(SettingError):
    """An option that a model does not have."""

    def __init__(self, model: str, option: str, remedy: str) -> None:
        self.model, self.option = model, option
        super().__init__(f"model {model}: it has no {option}; {remedy}")


def fitting_model(source: str, callers: Iterable[tuple[str, str]]) -> str:
    """The name of the model that fits some gVCFs of `source`: each with what to call it, and its caller.

    Raises MixedDialects.
    """
    firsts: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    for name, caller in callers:
        model = OWN_MODEL.get(caller, "gatk")
        firsts.setdefault(model, (name, caller or UNKNOWN.name))
        counts[model] += 1
    if len(firsts) > 1:
        raise MixedDialects(source, *((model, *first, counts[model]) for model, first in sorted(firsts.items())))
    return next(iter(firsts), "gatk")


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
