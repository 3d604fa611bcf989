"""The model that a cohort is genotyped by: the one named, else the one that fits the dialect of its gVCFs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace

from genocloud.cohort import Cohort
from genocloud.errors import SettingError
from genocloud.genotypes import Model
from genocloud.gvcf.dialects import UNKNOWN
from genocloud.pipeline.fitting_model import OWN_MODEL, fitting_model
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.preconditions import active_tallies
from genocloud.pipeline.sharding import Targets
from genocloud.reads.ploidy import SexContigs
from genocloud.regions import Contig


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


def chosen_model(cohort: Cohort, model: Model, name: str, preset: str = "") -> Model | MergeModel:
    """The settings as those of the model `name`, by default of the one that fits the cohort.

    Raises MixedDialects; SettingError for an unknown preset, and for `par` that is not of X; NotOfTheModel for settings
    that the model does not have.
    """
    check_par(model, cohort.contigs)
    return made_model(model_name(cohort, name), model, preset)


def made_model(name: str, model: Model, preset: str = "") -> Model | MergeModel:
    """The settings as those of the model `name`. Raises as chosen_model does."""
    return _MAKERS[name](name, model, preset)


def check_par(model: Model, contigs: Sequence[Contig]) -> None:
    """Raise NoPar, or what parse_region raises, for pseudo-autosomal regions that are not X's of these contigs."""
    SexContigs.with_par_texts(model.par, contigs)


def likelihood_model(name: str, model: Model, preset: str = "") -> Model:
    """The settings as those of a model of RULES. Raises NotOfTheModel for those that it does not have.

    `par` is left out where it changes nothing: a config has it for calling reads, too.
    """
    model = replace(model, name=name)
    if not model.rules.copies_by_sex:
        model = replace(model, par=())
    if model.gq_calibration and not model.rules.own_gq:
        raise NotOfTheModel(name, "gq-calibration", "leave it out, or choose the model deepvariant")
    if preset:
        raise NotOfTheModel(name, "preset", "leave it out, or choose the model glnexus")
    if model.rules.by_carriers:
        for each in ("heterozygosity", "indel_heterozygosity", "heterozygosity_stdev", "stand_call_conf"):
            if getattr(model, each) != _DEFAULTS[each]:
                raise NotOfTheModel(
                    name, each.replace("_", "-"), "leave it out; `genocloud filter` judges sites by QUAL"
                )
    return model


def _by_records(name: str, model: Model, preset: str) -> MergeModel:
    for each, default in _DEFAULTS.items():
        if each not in ("name", "par") and getattr(model, each) != default:
            raise NotOfTheModel(name, each.replace("_", "-"), "leave it out; a preset or a config has its settings")
    return MergeModel.of(preset)


_MAKERS: Mapping[str, Callable[[str, Model, str], Model | MergeModel]] = {
    "gatk": likelihood_model,
    "deepvariant": likelihood_model,
    "glnexus": _by_records,
}
_OWN_SITES = ("glnexus",)
"""Models whose sites are those that somebody carries, by names of their own."""


def check_targets(name: str, targets: Sequence[Targets], dbsnp_url: str | None) -> None:
    """Refuse what of a plan's targets a model does not have. Raises NotOfTheModel."""
    chosen = {
        "dbsnp": dbsnp_url is not None,
        "force-output intervals": any(each.force_output for each in targets),
        "alleles": any(each.alleles is not None for each in targets),
    }
    for option in (each for each, is_there in chosen.items() if is_there and name in _OWN_SITES):
        raise NotOfTheModel(
            name, option, "leave it out; its sites are those that somebody carries, under their own IDs"
        )


_DEFAULTS = {each.name: each.default for each in fields(Model)}


def model_text(cohort: Cohort, name: str) -> str:
    """The model for receipts and summaries: its name, and the callers of the gVCFs where another would fit."""
    callers = {tally.caller or UNKNOWN.name for _, tally in active_tallies(cohort)}
    fits = all(OWN_MODEL.get(caller, "gatk") == name for caller in callers)
    return name if fits else f"{name}, by choice, on gVCFs of {', '.join(sorted(callers))}"
