# The callset as VCF, for the tools of today.


rule export:
    input:
        GENOTYPED,
    output:
        local(VCF_FILES),  # those in a bucket are vouched for by the receipt
        receipt="results/export/export.json",
    params:
        callset=lambda wildcards: config["callset"],
        vcf=lambda wildcards, output: config["vcf"] if remote(VCF_FILES) else output[0],
        scatter=lambda wildcards, threads, resources: resources.get("scatter", f"threads:{threads}"),
        sites=lambda wildcards: sites_to_export(),
    log:
        "results/logs/export.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 2
    resources:
        mem_mb=4000,  # MB
        runtime=1440,  # minutes
    shell:
        "genocloud export {params.callset:q} {params.vcf:q} {params.sites} --scatter {params.scatter:q}"
        " --receipt {output.receipt} 2>&1 | tee {log} >&2"
