"""export_by_name: write a callset as the file, or the several files, that a name says."""

from collections.abc import Sequence
from functools import partial

from genocloud.callset import PGEN, VCF_ZARR, Callset, is_several
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.export import export, export_dense
from genocloud.steps.export_pgen import export_pgen
from genocloud.steps.export_several import export_several
from genocloud.steps.export_zarr import export_zarr


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
        to_pgen = partial(export_pgen, pedigree=pedigree, par=par)
        to_file = to_pgen if PGEN.is_of(url) else export_zarr if VCF_ZARR.is_of(url) else export
        return to_file(source, url, scatter=scatter, progress=progress, options=own)

    if is_several(out_url):
        return export_several(source, out_url, write=write, options=options, pedigree=pedigree)
    return write(out_url, options)
