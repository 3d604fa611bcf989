# The callset as VCF, for the tools of today.


rule export:
    input:
        "results/genotype/genotype.json",
    output:
        vcf="results/callset.vcf.gz",
        index=f"results/callset.vcf.gz.{INDEX}",
        receipt="results/export/export.json",
    params:
        callset=lambda wildcards: config["callset"],
    log:
        "results/logs/export.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 2
    resources:
        mem_mb=4000,  # MB
        runtime=1440,  # minutes
    shell:
        "genocloud export {params.callset:q} {output.vcf} --scatter threads:{threads}"
        " --receipt {output.receipt} 2>&1 | tee {log} >&2"
