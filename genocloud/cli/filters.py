"""The command that filters a callset."""

from genocloud.cli.options import (
    Arguments,
    Commands,
    budget_options,
    callset_argument,
    hand_over,
    new_command,
    receipt_option,
    scatter_option,
    shown_progress,
)
from genocloud.errors import SettingError
from genocloud.scatter.executors import open_scatter

DEFAULT_TRAINING = "AC_adj > 1 && F_MISSING < 0.05 && ExcessHet < 54.69 && N_ALT = 1"
"""What several people have with good genotypes, nearly all are called at, and is no excess of heterozygotes."""


def _filter(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud import pipeline, steps
        from genocloud.filters import Expression, SiteFilter
        from genocloud.filters.vets import Resource

        if arguments.same_as:
            chosen = (arguments.preset, arguments.filter, arguments.regions, arguments.resource, arguments.trained_on)
            if any(chosen) or arguments.annotation:
                raise SettingError("--same-as takes the filters of another callset: leave out all other filters")
            hand_over(steps.take_filters(arguments.callset, arguments.same_as), arguments)
            return
        options = pipeline.FilterOptions(
            resources=tuple(Resource.parse(*each) for each in arguments.resource or ()),
            trained_on=Expression(arguments.trained_on) if arguments.trained_on else None,
            annotations=tuple(arguments.annotation or ()),
            presets=None if arguments.preset is None else tuple(arguments.preset),
            filters=tuple(SiteFilter.parse(text) for text in arguments.filter or ()),
            regions=dict(_named_file(text) for text in arguments.regions or ()),
            reference=arguments.reference or "",
        )
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.filter_callset(arguments.callset, options=options, scatter=scatter, progress=progress)
        hand_over(receipt, arguments)

    command = new_command(
        commands,
        "filter",
        "Mark a callset's sites and alleles that filters apply to.",
        run,
        "callset/ --preset hard --filter 'ExcessHet=ExcessHet > 54.69'",
    )
    callset_argument(command)
    command.add_argument(
        "--preset",
        action="append",
        metavar="NAME",
        help="filters under one name: hard, as-hard, gvs, gnomad, vets, adj (docs/filters.md); may be repeated. "
        "Default, without --filter: hard, or vets with a model",
    )
    command.add_argument(
        "-f",
        "--filter",
        action="append",
        metavar="NAME=EXPRESSION",
        help="a filter and when it applies, in bcftools' syntax, such as 'LowQD=TYPE=\"snp\" && QD<2'; may be repeated",
    )
    command.add_argument(
        "--regions",
        action="append",
        metavar="NAME=FILE",
        help="intervals (BED, interval_list) that expressions know as the flag NAME, as in --filter 'LCR=NAME'; may be "
        "repeated",
    )
    command.add_argument(
        "-R",
        "--reference",
        metavar="FASTA",
        help="the reference with its .fai, for REPEAT, bases of the tandem repeat behind POS, in expressions and -an",
    )
    group = command.add_argument_group("model", "GATK's VETS: a score for each allele by isolation forests")
    group.add_argument(
        "--resource",
        action="append",
        nargs=2,
        metavar=("NAME,LABELS", "VCF"),
        help="known variants and their labels, as in 'hapmap,training=true,calibration=true hapmap.vcf.gz'; may be "
        "repeated",
    )
    group.add_argument(
        "--trained-on",
        metavar="EXPRESSION",
        nargs="?",
        const=DEFAULT_TRAINING,
        help="without resources: train on the callset's own alleles of which this is true, calibrate on half of them. "
        f"Without an EXPRESSION: {DEFAULT_TRAINING}",
    )
    group.add_argument(
        "-an",
        "--annotation",
        action="append",
        metavar="NAME",
        help="annotation, or sum over genotypes (AB), that the model judges by; may be repeated. Default: QD, "
        "MQRankSum, ReadPosRankSum, FS, MQ and SOR, AS_ ones where the callset has them; cohort: these with "
        "AB, DP_RATIO, ExcessHet and MEAN_GQ, and REPEAT where --reference is there",
    )
    command.add_argument(
        "--same-as",
        metavar="CALLSET",
        help="take the filters of another callset of the same sites: a site's, of a run over several, those of "
        "everybody's",
    )
    scatter_option(command)
    budget_options(command)
    receipt_option(command)


def _named_file(text: str) -> tuple[str, str]:
    name, equal, file = text.partition("=")
    if not (name.isidentifier() and equal and file):
        raise SettingError(f"--regions {text}: write NAME=FILE, the name of letters, digits and _")
    return name, file


ALL = {"filter": _filter}
