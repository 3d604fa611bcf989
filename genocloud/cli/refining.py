"""Options of refined genotypes, as `export` has them."""

import argparse

from genocloud.cli.options import whole_number


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
