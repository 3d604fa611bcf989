"""Options of refined genotypes, as `export` has them."""

import argparse
from typing import TYPE_CHECKING

from genocloud.callset.other_formats import PGEN
from genocloud.cli.options import Arguments, whole_number
from genocloud.errors import SettingError

if TYPE_CHECKING:  # it brings pyarrow, which help need not load
    from genocloud.pipeline import RefinementOptions


def refinement_options(command: argparse.ArgumentParser) -> None:
    """What genotypes are refined by."""
    group = command.add_argument_group(
        "refined genotypes", "posteriors, as GATK's CalculateGenotypePosteriors has them (docs/refinement.md)"
    )
    group.add_argument(
        "--refined", action="store_true", help="GT and GQ by PP, the posteriors from each site's allele counts"
    )
    group.add_argument(
        "--supporting",
        action="append",
        metavar="VCF",
        help="add the allele counts (MLEAC or AC, AN) of this indexed VCF; may be repeated",
    )
    group.add_argument(
        "--pedigree",
        metavar="PED",
        help="refine trios (.ped or .fam) by one another first; OUT.pgen has its parents and sexes",
    )
    group.add_argument(
        "--num-reference-samples-if-no-call",
        type=whole_number,
        default=0,
        metavar="N",
        help="at sites that no supporting VCF has, count as many people without an ALT (default 0)",
    )
    group.add_argument("--default-to-allele-count", action="store_true", help="AC rather than MLEAC")
    group.add_argument(
        "--ignore-input-samples", action="store_true", help="at sites that a supporting VCF has, its counts only"
    )
    group.add_argument(
        "--discovered-allele-count-priors-off",
        action="store_true",
        help="at other sites no counts of the callset itself",
    )
    group.add_argument("--skip-population-priors", action="store_true", help="refine by the pedigree only")


def chosen_refinement(arguments: Arguments) -> "RefinementOptions | None":
    """What the options describe; None for genotypes as they were called."""
    if not arguments.refined:
        has_use = PGEN.is_of(arguments.output) or "{family}" in arguments.output
        if arguments.supporting or (arguments.pedigree and not has_use):
            raise SettingError(
                "--supporting is for refined genotypes, --pedigree for these, OUT.pgen and {family}: add --refined"
            )
        return None
    if arguments.skip_population_priors and not arguments.pedigree:
        raise SettingError("--skip-population-priors leaves nothing to refine by: add --pedigree, or leave it out")
    if arguments.dense:
        raise SettingError("--dense writes genotypes as they were called: leave out --refined")
    from genocloud.pipeline import RefinementOptions
    from genocloud.refinement import PriorOptions

    names = ("default_to_allele_count", "ignore_input_samples", "discovered_allele_count_priors_off")
    priors = PriorOptions(
        num_reference_samples_if_no_call=arguments.num_reference_samples_if_no_call,
        **{name: getattr(arguments, name) for name in names},
    )
    return RefinementOptions(
        supporting=tuple(arguments.supporting or ()),
        pedigree=arguments.pedigree,
        priors=None if arguments.skip_population_priors else priors,
    )
