# What the samples' records show becomes one list of alleles for each site: a part of the genome a job, or
# all of it where the cohort is small.


rule discover:
    input:
        "results/ingest/ingest.json",
        local(WHERE_FILES),
    output:
        receipt="results/discover/{part}.json",
    params:
        cohort=config["cohort"],
        reference=config["reference"],
        options=options(*WHERE),
        part=part_option,
        scatter=scatter_of,
        memory=memory_of, **content(lambda wildcards: WHERE_FILES),
    log:
        "results/logs/discover/{part}.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=720,  # minutes
    shell:
        "genocloud discover {params.cohort:q} {params.part} {params.options} --reference {params.reference:q}"
        " --scatter {params.scatter:q} {params.memory} --receipt {output.receipt} 2>&1 | tee {log} >&2"
