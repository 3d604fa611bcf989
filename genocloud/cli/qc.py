"""The command that checks the samples of a callset."""

import argparse

from genocloud import steps
from genocloud.cli.options import (
    Arguments,
    Commands,
    budget_options,
    callset_argument,
    hand_over,
    new_command,
    par_option,
    receipt_option,
    scatter_option,
    shown_progress,
    whole_number,
)
from genocloud.qc.site_set import SiteSetOptions
from genocloud.scatter.executors import open_scatter


def _qc(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        options = steps.QcOptions(
            sheet_url=arguments.samples,
            pedigree_url=arguments.pedigree,
            par=arguments.par,
            sites=SiteSetOptions(
                most_sites=arguments.set_sites,
                min_frequency=arguments.min_frequency,
                min_call_rate=arguments.min_call_rate,
            ),
            least_kinship=arguments.min_kinship,
            components=arguments.components,
            ancestry_url=arguments.ancestry,
        )
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.qc(arguments.callset, arguments.output, options=options, scatter=scatter, progress=progress)
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "qc",
        "Check a callset's samples: metrics, sex, kinship, outliers.",
        run,
        "callset/ qc/ --samples samples.tsv --pedigree family.ped",
    )
    callset_argument(command)
    command.add_argument("output", metavar="OUT", help="path or URL of the folder of tables; flags.tsv says who fails")
    command.add_argument(
        "--samples", metavar="SHEET", help="the run's sample sheet: sexes, batches and sites are compared"
    )
    command.add_argument(
        "--pedigree", metavar="PED", help="a PLINK .ped or .fam file: kin, trios and sexes are compared"
    )
    par_option(command, "pseudo-autosomal regions of X (chrX:10001-2781479). Default: known by X's length")
    command.add_argument(
        "--ancestry",
        metavar="TABLE",
        help="columns `sample` and `ancestry`, tabs between: samples of known ancestry, by which that of the others is "
        "told from the components",
    )
    _set_options(command)
    scatter_option(command)
    budget_options(command)
    receipt_option(command)


def _set_options(command: argparse.ArgumentParser) -> None:
    """Which sites kinship and components are of, and how much of both is written."""
    usual = SiteSetOptions()
    command.add_argument(
        "--set-sites",
        type=whole_number,
        default=usual.most_sites,
        metavar="N",
        help="sites that kinship, components and F are computed from. Default: %(default)s",
    )
    command.add_argument(
        "--min-frequency",
        type=float,
        default=usual.min_frequency,
        metavar="P",
        help="of the rarer allele at such a site. Default: %(default)s",
    )
    command.add_argument(
        "--min-call-rate",
        type=float,
        default=usual.min_call_rate,
        metavar="P",
        help="of the samples at such a site. Default: %(default)s",
    )
    command.add_argument(
        "--min-kinship",
        type=float,
        metavar="PHI",
        help="of the pairs that are listed; the pedigree's near kin always are. Default: 0.0442, third degree, or what "
        "strangers do not have at so few sites",
    )
    command.add_argument(
        "--components",
        type=whole_number,
        default=10,
        metavar="N",
        help="principal components. Default: %(default)s",
    )


ALL = {"qc": _qc}
