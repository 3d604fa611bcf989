"""qc: check the samples of a callset; tables, and files that MultiQC reads, in one folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from genocloud import reads, samples, sealing, storage
from genocloud.callset import Callset, open_callset
from genocloud.errors import InputError
from genocloud.pipeline.people_groups import labels_of
from genocloud.pipeline.qc.sample_checks import CheckedSamples, CheckOptions, check_samples
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.qc.site_set import SiteSetOptions
from genocloud.qc.text_files import tsv_text
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class QcOptions:
    """Options of `qc`: what is known of the samples, and the limits.

    sheet_url      the sample sheet, for sexes, batches and sites
    pedigree_url   a .ped or .fam file
    par            X's pseudo-autosomal regions, such as chrX:10001-2781479; none: known by X's length
    sites          which sites kinship, components and F are of
    least_kinship  of the pairs that are listed; None: third degree, or what strangers do not have at so few sites
    components     how many principal components
    ancestry_url   a table with the columns `sample` and `ancestry`: those of whom it is known
    """

    sheet_url: str | None = None
    pedigree_url: str | None = None
    par: Sequence[str] = ()
    sites: SiteSetOptions = field(default_factory=SiteSetOptions)
    least_kinship: float | None = None
    components: int = 10
    ancestry_url: str | None = None


def qc(callset_url: str, out_url: str, *, options: QcOptions, scatter: Scatter, progress: Progress) -> Receipt:
    """Check all samples of the callset; write the tables to the folder OUT.

    Nothing is dropped: who fails a check is named in `flags`. The balance is in samples. Raises GenotypesNotShared or
    RemoteUnreachable first where genotypes of another location may not or cannot be read from here, StaleFilters where
    the callset's filters are of other sites.
    """
    with storage.folder_lock(out_url), receipt_of("qc") as receipt:
        callset = open_callset(callset_url).with_filters()
        callset.check_reach()
        chosen = _check_options(options, callset)
        name = PurePosixPath(storage.split(callset_url.rstrip("/"))[1]).name or "callset"
        checked = check_samples(callset, chosen, scatter=scatter, progress=progress, name=name)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(*(storage.join(out_url, written) for written in _write(checked, out_url)))
        receipt.figures = {"sites": callset.counts["sites"], **checked.figures}
        receipt.balanced("samples", len(callset.samples), checked.tables["samples"].num_rows, {})
    return receipt


def _check_options(options: QcOptions, callset: Callset) -> CheckOptions:
    """What the sheet, the pedigree and the callset's contigs say."""
    sheet = samples.read_sheet(options.sheet_url) if options.sheet_url else ()
    return CheckOptions(
        sex_contigs=reads.SexContigs.with_par_texts(options.par, callset.contigs),
        sexes={row.sample: row.sex for row in sheet},
        ancestry=_ancestry(options.ancestry_url, callset.samples) if options.ancestry_url else {},
        batches={row.sample: row.batch for row in sheet if row.batch},
        sites={row.sample: row.site for row in sheet if row.site},
        pedigree=samples.read_pedigree(options.pedigree_url) if options.pedigree_url else (),
        site_set=options.sites,
        least_kinship=options.least_kinship,
        components=options.components,
    )


def _ancestry(url: str, names: Sequence[str]) -> dict[str, str]:
    """Known ancestry by sample. Raises InputError."""
    rows = labels_of(url, names)
    if not any("ancestry" in row for row in rows.values()):
        raise InputError(f"{url}: no column `ancestry`; name it so, and leave it empty where nothing is known")
    return {sample: row["ancestry"] for sample, row in rows.items() if row["ancestry"]}


def _write(checked: CheckedSamples, out_url: str) -> Sequence[str]:
    """Write the files; their names. Those of an earlier run that have nothing to show are gone."""
    store, names = storage.open_store(out_url), []
    texts = {**{f"{name}.tsv": tsv_text(table) for name, table in checked.tables.items()}, **checked.texts}
    for name, text in texts.items():
        if text is None:
            store.delete(name)
        else:
            store.write(name, text.encode())
            names.append(name)
    for name, table in checked.tables.items():
        with store.writer(f"{name}.parquet") as stream:
            sealing.write_sealed(table, stream, compression="zstd")
        names.append(f"{name}.parquet")
    return names
