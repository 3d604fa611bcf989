# What the samples' records show becomes one list of alleles for each site, a part of the genome a job.


rule discover:
    input:
        "results/ingest/ingest.json",
    output:
        receipt="results/discover/{part}.json",
    params:
        cohort=config["cohort"],
        scatter=scatter_of,
    log:
        "results/logs/discover/{part}.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=720,  # minutes
    shell:
        "genocloud discover {params.cohort:q} --part {wildcards.part} --scatter {params.scatter:q}"
        " --receipt {output.receipt} 2>&1 | tee {log} >&2"
