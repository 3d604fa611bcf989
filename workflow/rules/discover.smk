# Variant alleles of all samples, merged into one list for each site; a job for each part of the genome, or one for
# all of it where the cohort is small.


rule discover:
    input:
        study.screened,
        local([*study.interval_files, *study.alleles]),
    output:
        receipt="results/discover/{part}.json",
    log:
        "results/logs/discover/{part}.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=720,  # minutes
    params:
        **study.content(lambda wildcards: [*study.interval_files, *study.alleles]),
        cohort=config["cohort"],
        reference=config["reference"],
        options=options.of(*SITES),
        part=options.part,
        scatter=options.scatter,
        memory=options.memory,
    shell:
        "genocloud discover {params.cohort:q} {params.part} {params.options} --reference {params.reference:q}"
        " --scatter {params.scatter:q} {params.memory} --receipt {output.receipt} 2>&1 | tee {log} >&2"
