# The callset's samples: metrics, sex, kinship, trios; results/qc/tables/flags.tsv says who fails what.


rule qc:
    input:
        study.filtered,
        local(study.sample_tables),
        sheet="results/inputs/samples.tsv",
    output:
        receipt="results/qc/qc.json",
    log:
        "results/logs/qc.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=720,  # minutes
    params:
        **study.content(lambda wildcards: study.sample_tables),
        callset=config["callset"],
        options=options.of("pedigree", "ancestry", "par"),
        scatter=options.scatter,
    shell:
        "genocloud qc {params.callset:q} results/qc/tables --samples {input.sheet:q} {params.options}"
        " --scatter {params.scatter:q} --receipt {output.receipt} 2>&1 | tee {log} >&2"
