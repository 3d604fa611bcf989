"""export_by_name: write a callset as the file, or the several files, that a name says."""

from collections.abc import Sequence

from genocloud.callset import PGEN, VCF_ZARR, Callset, is_several
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.export import export, export_dense


def export_by_name(
    source: str | Callset,
    out_url: str,
    *,
    scatter: Scatter,
    progress: Progress,
    options: ExportOptions = ExportOptions(),  # noqa: B008 (frozen)
    dense: bool = False,
    pedigree: str | None = None,
    par: Sequence[str] = (),
) -> Receipt:
    """Write VCF, BCF, PGEN, VCF Zarr or with `dense` Parquet, by the suffix; `{contig}` and `{family}` make several.

    source    the callset's URL; or an opened one, of whose samples the file then is
    pedigree  a .ped or .fam file: the families, and parents and sexes of PGEN
    par       X's pseudo-autosomal regions, for PGEN

    Raises NoFiles, and what `export`, `export_dense`, `export_pgen` and `export_zarr` raise.
    """
    options.check(out_url, dense=dense)

    def write(url: str, own: ExportOptions) -> Receipt:
        if dense:
            return export_dense(source, url, progress=progress, options=own)
        if PGEN.is_of(url):
            from genocloud.steps.export_pgen import export_pgen  # this and the others load what no other form needs

            return export_pgen(source, url, scatter=scatter, progress=progress, options=own, pedigree=pedigree, par=par)
        if VCF_ZARR.is_of(url):
            from genocloud.steps.export_zarr import export_zarr

            return export_zarr(source, url, scatter=scatter, progress=progress, options=own)
        return export(source, url, scatter=scatter, progress=progress, options=own)

    if is_several(out_url):
        from genocloud.steps.export_several import export_several

        return export_several(source, out_url, write=write, options=options, pedigree=pedigree)
    return write(out_url, options)
