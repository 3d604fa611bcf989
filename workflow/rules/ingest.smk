# gVCFs are stored in the cohort, in batches; a batch that is stored already is not written again.
# The store is no output for Snakemake, which would delete it when a job fails, with the cohort that new samples join.


rule ingest:
    input:
        sheet="results/inputs/samples.tsv",
        called=study.called_gvcfs,
        gvcfs=local(study.gvcfs),
        intervals=local(study.interval_files),
    output:
        receipt="results/ingest/ingest.json",
    log:
        "results/logs/ingest.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=1440,  # minutes
    params:
        **study.content(lambda wildcards: study.gvcfs),
        cohort=config["cohort"],
        reference=config["reference"],
        options=options.of("batch_size", "part_bp", "window_bp", *INTERVALS, "on_bad_record"),
        scatter=options.scatter,
    shell:
        "genocloud ingest {params.cohort:q} {input.sheet} --reference {params.reference:q} --complete"
        " {params.options} --scatter {params.scatter:q} --receipt {output.receipt} 2>&1 | tee {log} >&2"
