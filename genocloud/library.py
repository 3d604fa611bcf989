"""The commands as functions of Python."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace as changed

from genocloud import pipeline, steps
from genocloud.callset import ALL_FIELDS, EVERY_RECORD, Callset, FormatFields, RecordForm
from genocloud.callset import open_callset as read_callset
from genocloud.errors import SettingError
from genocloud.filters import Expression, SiteFilter
from genocloud.filters.vets import Resource
from genocloud.genotypes import Model
from genocloud.pipeline import genotyping
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.refining.genotype_refinement import Refinement
from genocloud.refinement import DEFAULT_PRIORS, PriorOptions
from genocloud.scatter.executors import Scatter, open_scatter
from genocloud.scatter.progress import Progress
from genocloud.scatter.progress_display import open_progress

Path = str | os.PathLike[str]
"""A path, or a URL of a kind that `genocloud help stores` lists."""


def joint(
    samples: Path | Sequence[Path] | None,
    *,
    reference: Path,
    out: Path,
    callset: Path | None = None,
    cohort: Path | None = None,
    replace: bool = False,
    intervals: str | Sequence[str] = (),
    interval_padding: int = 0,
    exclude_intervals: str | Sequence[str] = (),
    interval_exclusion_padding: int = 0,
    force_output_intervals: str | Sequence[str] = (),
    include_non_variant_sites: bool = False,
    alleles: Path | None = None,
    dbsnp: Path | None = None,
    drop_bad_records: bool = False,
    model: Model | str | None = None,
    preset: Path = "",
    par: Sequence[str] = (),
    gq_calibration: Path | None = None,
    fields: FormatFields = ALL_FIELDS,
    threads: int | None = None,
    memory: int | None = None,
    quiet: bool = True,
) -> Receipt:
    """Genotype gVCFs jointly on this machine, as `genocloud joint` does: to VCF or BCF, and on request a callset.

    samples           a sample sheet, or one or more gVCFs; None: those of `cohort` alone
    reference         FASTA with an index or a dictionary
    out               path or URL; its suffix names the format (`genocloud help formats`); an index is written beside it
    callset, cohort   where a Parquet callset, or the cohort, is kept too
    replace           samples of `cohort` whose file has changed are read from it from now on
    intervals         texts (`chr1:1-2,000`) or files (BED, interval_list); paddings in bp
    alleles           VCF or BCF whose alleles are genotyped in everybody, whatever the evidence
    dbsnp             indexed VCF whose IDs the same variants get
    drop_bad_records  drop and count records that cannot be used, instead of an error
    model             gatk, deepvariant, glnexus, or a genocloud.Model; default: what fits the gVCFs (docs/models.md)
    preset            of glnexus: a name (DeepVariantWGS, ...), or a YAML file in GLnexus's syntax
    par               of deepvariant: X's pseudo-autosomal regions, chrX:10001-2781479; default: known by X's length
    gq_calibration    of deepvariant: a table of what GQ becomes, as `genocloud gq-curve` writes it; default: GQ stays
    fields            what FORMAT has: genocloud.callset.FormatFields(keys=["AD", "DP"]); default: all
    threads, memory   default: this process's CPUs; bytes, default a share of what is free
    quiet             no progress on stderr

    Returns the receipt: `balance` (sites taken, kept, dropped), `figures`, `seconds`. Cohort and finished shards stand
    in OUT.work while it runs; a call after a killed one continues there. It may start processes: scripts call it under
    `if __name__ == "__main__":`. Raises InputError for files that cannot be used, StoreError where reading or writing
    fails, SettingError for options that cannot be obeyed.

        receipt = genocloud.joint(["ann.g.vcf.gz", "bob.g.vcf.gz"], reference="ref.fasta", out="joint.vcf.gz")
    """
    if cohort is None and (samples is None or replace):
        raise SettingError("no cohort is named: give its URL as cohort=, or samples= and no replace=")
    named = model if isinstance(model, str) else model.name if model else ""
    settings = model if isinstance(model, Model) else Model()
    if par:
        settings = changed(settings, par=tuple(par))
    if gq_calibration is not None:
        settings = changed(settings, gq_calibration=genotyping.gq_map(os.fspath(gq_calibration)))
    options = pipeline.JointOptions(
        listed=None if samples is None else pipeline.sheet_or_gvcfs(_paths(samples)),
        reference_url=os.fspath(reference),
        out_url=os.fspath(out),
        model=settings if dbsnp is None else changed(settings, dbsnp=genotyping.known_variants(os.fspath(dbsnp))),
        intervals=pipeline.Intervals(
            included=_texts(intervals),
            padding=interval_padding,
            force_output=_texts(force_output_intervals),
            non_variant=include_non_variant_sites,
            excluded=_texts(exclude_intervals),
            exclusion_padding=interval_exclusion_padding,
            alleles=os.fspath(alleles or ""),
        ),
        threads=threads or len(os.sched_getaffinity(0)),
        callset_url=_path(callset),
        memory=memory,
        dbsnp_url=_path(dbsnp),
        cohort_url=_path(cohort),
        replace=replace,
        drop_bad_records=drop_bad_records,
        fields=fields,
        model_name=named,
        preset=os.fspath(preset),
    )
    with open_progress(quiet=quiet) as progress:
        return steps.joint(options, progress=progress)[1]


def _paths(samples: Path | Sequence[Path]) -> list[str]:
    return [os.fspath(each) for each in ([samples] if isinstance(samples, str | os.PathLike) else samples)]


def _texts(texts: str | Sequence[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _path(path: Path | None) -> str | None:
    return None if path is None else os.fspath(path)


def _source(callset: Path | Callset) -> str | Callset:
    return callset if isinstance(callset, Callset) else os.fspath(callset)


def screen_samples(
    cohort: Path,
    out: Path,
    *,
    frequencies: Path | None = None,
    samples: Path | None = None,
    quarantine: Sequence[str] = (),
    threads: int | None = None,
    quiet: bool = True,
) -> Receipt:
    """Screen a cohort's samples before genotyping, as `genocloud screen` does: tables in the folder `out`.

    frequencies  a VCF of common variants with INFO/AF and an index, or a callset
    samples      the sample sheet, for sexes
    quarantine   rules such as `contamination>0.03`: who fails one becomes inactive in the cohort's next version

    Returns the receipt. `steps.screen` has further options.

        genocloud.screen_samples("results/cohort", "results/screen", frequencies="common.vcf.gz")
    """
    options = steps.ScreenOptions(
        frequencies_url=_path(frequencies), sheet_url=_path(samples), quarantine=tuple(quarantine)
    )
    with _running(threads, quiet) as (scatter, progress):
        return steps.screen(os.fspath(cohort), os.fspath(out), options=options, scatter=scatter, progress=progress)


def check_samples(
    callset: Path,
    out: Path,
    *,
    samples: Path | None = None,
    pedigree: Path | None = None,
    par: Sequence[str] = (),
    ancestry: Path | None = None,
    threads: int | None = None,
    quiet: bool = True,
) -> Receipt:
    """Check a callset's samples, as `genocloud qc` does: tables in the folder `out`, of which `flags` says who fails.

    samples   the run's sample sheet, for sexes and batches
    pedigree  a PLINK .ped or .fam file
    par       X's pseudo-autosomal regions, such as chrX:10001-2781479; default: known by X's length
    ancestry  a table with the columns `sample` and `ancestry`: those of whom it is known

    Returns the receipt. `steps.qc` has further options.

        genocloud.check_samples("results/callset", "results/qc", samples="samples.tsv")
    """
    options = steps.QcOptions(
        sheet_url=_path(samples), pedigree_url=_path(pedigree), par=par, ancestry_url=_path(ancestry)
    )
    with _running(threads, quiet) as (scatter, progress):
        return steps.qc(os.fspath(callset), os.fspath(out), options=options, scatter=scatter, progress=progress)


def filter_callset(
    callset: Path,
    *,
    presets: str | Sequence[str] | None = None,
    filters: Mapping[str, str] | None = None,
    regions: Mapping[str, Path] | None = None,
    resources: Mapping[str, Path] | None = None,
    trained_on: str = "",
    annotations: str | Sequence[str] = (),
    reference: Path | None = None,
    same_as: Path | None = None,
    threads: int | None = None,
    quiet: bool = True,
) -> Receipt:
    """Mark a callset's sites and alleles, as `genocloud filter` does: `callset.filters(region)` is what it says.

    presets      hard, as-hard, gvs, gnomad, vets, adj; default: hard, or vets with a model, unless there are `filters`
    filters      expressions in bcftools' syntax by the filter's name
    regions      interval files by the name of the flag that expressions know them by
    resources    indexed VCFs of known variants by GATK's name and labels, for a model
    trained_on   in their place, an expression of the callset's own good alleles
    annotations  what the model judges by; default: WARP's
    reference    a FASTA with its index, for REPEAT
    same_as      in the place of all these, another callset of the same sites, whose filters it takes

    Returns the receipt, whose `figures` count sites and ALTs by filter. Raises SettingError for expressions that cannot
    be read or name what sites do not have, InputError for files that cannot be used, StoreError.

        genocloud.filter_callset("results/callset", presets="hard", filters={"Rare": "AF < 0.001"})
    """
    if same_as is not None:
        return steps.take_filters(os.fspath(callset), os.fspath(same_as))
    options = pipeline.FilterOptions(
        presets=None if presets is None else _texts(presets),
        filters=tuple(SiteFilter.parse(f"{name}={text}") for name, text in (filters or {}).items()),
        regions={name: os.fspath(file) for name, file in (regions or {}).items()},
        resources=tuple(Resource.parse(labels, os.fspath(file)) for labels, file in (resources or {}).items()),
        trained_on=Expression(trained_on) if trained_on else None,
        annotations=_texts(annotations),
        reference="" if reference is None else os.fspath(reference),
    )
    with _running(threads, quiet) as (scatter, progress):
        return steps.filter_callset(os.fspath(callset), options=options, scatter=scatter, progress=progress)


def refined(
    callset: Callset,
    *,
    supporting: Path | Sequence[Path] = (),
    pedigree: Path | None = None,
    priors: PriorOptions | None = DEFAULT_PRIORS,
) -> Callset:
    """The callset with posterior genotypes, as `genocloud export --refined` writes them; nothing is stored.

    supporting  indexed VCFs whose allele counts count, too
    pedigree    .ped or .fam, whose trios are refined by one another first
    priors      how counts become priors, by GATK's names; None: by trios only

    `genotypes`, arrays and `tables` have GT and GQ of them, `columns` may name PP, JL and JP; `sites`, `calls`,
    `reference`, `carriers` and `frequencies` are as called. A region costs what all samples of it cost. Raises
    InputError for files that cannot be used, and for a callset without samples.

        posteriors = genocloud.refined(callset, pedigree="families.ped")
        posteriors.genotypes("chr1:1-100,000", columns=["pos", "sample", "GT", "PP"])
    """
    several = [supporting] if isinstance(supporting, str | os.PathLike) else supporting
    urls = tuple(os.fspath(each) for each in several)
    ped = None if pedigree is None else os.fspath(pedigree)
    options = pipeline.RefinementOptions(supporting=urls, pedigree=ped, priors=priors)
    return changed(callset, revision=Refinement.of(options, callset))


def export(
    callset: Path | Callset,
    out: Path,
    *,
    samples: str | Sequence[str] = (),
    exclude_samples: str | Sequence[str] = (),
    keep_counts: bool = False,
    include: str = "",
    exclude: str = "",
    records: RecordForm = EVERY_RECORD,
    intervals: str | Sequence[str] = (),
    fields: FormatFields = ALL_FIELDS,
    pedigree: Path | None = None,
    par: Sequence[str] = (),
    threads: int | None = None,
    quiet: bool = True,
) -> Receipt:
    """Write a callset as VCF, BCF, PGEN or VCF Zarr, as the suffix says and `genocloud export` does (docs/export.md).

    callset                   a path or URL, or an opened callset: of `callset.of_samples(...)` those samples
    out                       `{contig}` in the name: a file for each contig; `{family}`: for each family of `pedigree`
    samples, exclude_samples  names, or files of names; AC, AN and AF are counted in them, or with keep_counts in all
    include, exclude          expressions in bcftools' syntax that records must meet, or must not
    records                   genocloud.callset.RecordForm(split=True, min_ac=1): which there are, in what form
    intervals                 texts (`chr1:1-2,000`) or files (BED, interval_list)
    fields                    what FORMAT has
    pedigree, par             a .ped or .fam file, and X's pseudo-autosomal regions: sexes and parents of PGEN

    Returns the receipt, whose `balance` counts the records that were left out. Raises InputError for names and files
    that cannot be used, SettingError for options that cannot be obeyed, StoreError.

        genocloud.export("results/callset", "family.vcf.gz", samples=["ann", "bob"], include="QUAL > 100")
        callset.export("family.vcf.gz", samples=["ann", "bob"], include="QUAL > 100")
    """
    texts = [Expression(text) if text else None for text in (include, exclude)]
    if any(texts):
        records = changed(records, condition=pipeline.SiteExpressions(include=texts[0], exclude=texts[1]))
    options = pipeline.ExportOptions(
        intervals=pipeline.Intervals(included=_texts(intervals)),
        samples=pipeline.SampleChoice(
            included=_texts(samples), excluded=_texts(exclude_samples), keep_counts=keep_counts
        ),
        fields=fields,
        records=records,
    )
    with _running(threads, quiet) as (scatter, progress):
        return steps.export_by_name(
            _source(callset),
            os.fspath(out),
            options=options,
            pedigree=None if pedigree is None else os.fspath(pedigree),
            par=par,
            scatter=scatter,
            progress=progress,
        )


def frequencies(
    callset: Path | Callset,
    out: Path,
    *,
    labels: Path | None = None,
    by: str | Sequence[str] = (),
    min_people: int = 1,
    samples: str | Sequence[str] = (),
    exclude_samples: str | Sequence[str] = (),
    threads: int | None = None,
    quiet: bool = True,
) -> Receipt:
    """Write how often each ALT is called, raw and adj, as `genocloud frequencies` does (docs/frequencies.md).

    out                       .vcf.gz, a record a site, or .parquet, a row an ALT
    labels, by                a table with the column `sample`, and columns of it (`sex`, `sex,assay`) that make groups
    min_people                smaller groups are left out
    samples, exclude_samples  names, or files of names

    Returns the receipt, whose balance is in sites. Raises InputError, SettingError, StoreError.

        genocloud.frequencies("results/callset", "frequencies.parquet", labels="samples.tsv", by="sex")
        callset.frequencies("frequencies.parquet", labels="samples.tsv", by="sex")
    """
    options = steps.FrequencyOptions(
        samples=pipeline.SampleChoice(included=_texts(samples), excluded=_texts(exclude_samples)),
        groups=pipeline.GroupOptions(
            labels_url=None if labels is None else os.fspath(labels), columns=_texts(by), least=min_people
        ),
    )
    with _running(threads, quiet) as (scatter, progress):
        places = _source(callset), os.fspath(out)
        return steps.frequencies(*places, options=options, scatter=scatter, progress=progress)


def gnomad_table(
    callset: Path | Callset,
    out: Path,
    *,
    labels: Path | None = None,
    min_people: int = 1,
    samples: str | Sequence[str] = (),
    exclude_samples: str | Sequence[str] = (),
    threads: int | None = None,
    quiet: bool = True,
) -> Receipt:
    """Write gnomAD's table of aggregates as Parquet, as `genocloud gnomad-table` does (docs/frequencies.md).

    labels                    a table with the column `sample`, and any of `gen_anc`, `sex` and `age`
    min_people                groups and bins of ages of fewer people are left out
    samples, exclude_samples  names, or files of names

    Returns the receipt, whose balance is in ALTs. Raises InputError, SettingError, StoreError.

        genocloud.gnomad_table("results/callset", "gnomad.parquet", labels="samples.tsv", min_people=20)
        callset.gnomad_table("gnomad.parquet", labels="samples.tsv", min_people=20)
    """
    options = steps.TableOptions(
        samples=pipeline.SampleChoice(included=_texts(samples), excluded=_texts(exclude_samples)),
        labels_url=None if labels is None else os.fspath(labels),
        least=min_people,
    )
    with _running(threads, quiet) as (scatter, progress):
        places = _source(callset), os.fspath(out)
        return steps.gnomad_table(*places, options=options, scatter=scatter, progress=progress)


@contextmanager
def _running(threads: int | None, quiet: bool) -> Iterator[tuple[Scatter, Progress]]:
    """What a step runs with; by default all CPUs of this process."""
    number = threads or len(os.sched_getaffinity(0))
    with open_progress(quiet=quiet) as progress, open_scatter(f"threads:{number}") as scatter:
        yield scatter, progress


class ExportableCallset(Callset):
    """A callset with what the commands write of it: each is the function of this name with the callset before it."""

    export = export
    frequencies = frequencies
    gnomad_table = gnomad_table


def open_callset(url: Path) -> ExportableCallset:
    """Open the callset at a path or URL (`genocloud help stores` lists the kinds).

    Raises NoCallset (no manifest: not finished), OtherVersion or DamagedFile.

        callset = genocloud.open_callset("results/callset")
    """
    made = read_callset(url)
    return ExportableCallset(store=made.store, description=made.description, shards=made.shards)
