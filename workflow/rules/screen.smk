# Each sample's own records, looked at before genotyping; who fails a rule of `quarantine` is taken out of the cohort.


rule screen:
    input:
        "results/ingest/ingest.json",
        local(study.frequencies),
        local(study.interval_files),
        sheet="results/inputs/samples.tsv",
    output:
        receipt="results/screen/screen.json",
    log:
        "results/logs/screen.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=720,  # minutes
    params:
        **study.content(lambda wildcards: [*study.frequencies, *study.interval_files]),
        cohort=config["cohort"],
        options=options.of("frequencies", "flag", "quarantine", *INTERVALS),
        scatter=options.scatter,
    shell:
        "genocloud screen {params.cohort:q} results/screen --samples {input.sheet} {params.options}"
        " --scatter {params.scatter:q} --receipt {output.receipt} 2>&1 | tee {log} >&2"
