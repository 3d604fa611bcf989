# The callset as VCF or BCF, and the further files that the config's `exports` name.


rule export:
    input:
        study.filtered,
        local(study.refining_files),
    output:
        local(study.vcf_files),  # of those in a bucket the receipt knows the size
        receipt="results/export/export.json",
    log:
        "results/logs/export.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 2
    resources:
        mem_mb=4000,  # MB
        runtime=1440,  # minutes
    params:
        **study.content(lambda wildcards: study.refining_files),
        callset=lambda wildcards: config["callset"],
        vcf=lambda wildcards, output: config["vcf"] if remote(study.vcf_files) else output[0],
        scatter=lambda wildcards, threads, resources: resources.get("scatter", f"threads:{threads}"),
        sites=lambda wildcards: study.export_sites,
        fields=study.options.of("fields", "local_alleles", "vcf_version", "genotype_filters"),
        refinement=study.refinement,
    shell:
        "genocloud export {params.callset:q} {params.vcf:q} {params.sites} {params.fields} {params.refinement} --scatter {params.scatter:q}"
        " --receipt {output.receipt} 2>&1 | tee {log} >&2"


rule export_further:
    input:
        study.filtered,
        lambda wildcards: local(study.exports[wildcards.export].files),
    output:
        receipt="results/export/{export}.json",  # it knows the size of the files, which may be in a bucket
    log:
        "results/logs/export.{export}.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 2
    resources:
        mem_mb=4000,  # MB
        runtime=1440,  # minutes
    params:
        **study.content(lambda wildcards: study.exports[wildcards.export].files),
        callset=lambda wildcards: config["callset"],
        path=lambda wildcards: study.exports[wildcards.export].path,
        options=lambda wildcards: study.exports[wildcards.export].options,
        scatter=lambda wildcards, threads, resources: resources.get("scatter", f"threads:{threads}"),
        sites=lambda wildcards: study.export_sites,
    shell:
        "genocloud export {params.callset:q} {params.path:q} {params.sites} {params.options} --scatter {params.scatter:q}"
        " --receipt {output.receipt} 2>&1 | tee {log} >&2"
