"""Joint genotyping of gVCFs by genocloud: input.gvcfs, input.ref (with .fai), output.vcf; params.extra."""

from snakemake.shell import shell

options = snakemake.params.get("extra", "")  # noqa: F821 (Snakemake has put it there)
intervals = snakemake.input.get("intervals", "")  # noqa: F821
if intervals:
    options += f" -L {intervals}"
memory = snakemake.resources.get("mem_mb")  # noqa: F821
if memory:
    options += f" --memory {int(memory * 0.8)}MB"
log = snakemake.log_fmt_shell(stdout=True, stderr=True)  # noqa: F821

shell(
    "genocloud joint --quiet {snakemake.input.gvcfs} -R {snakemake.input.ref} -o {snakemake.output.vcf}"
    " --threads {snakemake.threads} {options} {log}"
)
