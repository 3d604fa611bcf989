# gVCFs become the cohort store. Batches are inside the step: one that is there already is not written again.
# The store is no output here: Snakemake would delete it when a job fails, and with it what an N+1 run builds upon.


rule ingest:
    input:
        sheet="results/inputs/samples.tsv",
        called=[f"results/call/{sample}.g.vcf.gz" for sample in CALLED],
        given=local(GIVEN),
        intervals=local(WHERE_FILES),
    output:
        receipt="results/ingest/ingest.json",
    params:
        cohort=config["cohort"],
        reference=config["reference"],
        options=options("batch_size", "part_bp", "window_bp", *INSIDE, "on_bad_record"),
        scatter=scatter_of, **content(lambda wildcards: GIVEN),
    log:
        "results/logs/ingest.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=1440,  # minutes
    shell:
        "genocloud ingest {params.cohort:q} {input.sheet} --reference {params.reference:q} --complete"
        " {params.options} --scatter {params.scatter:q} --receipt {output.receipt} 2>&1 | tee {log} >&2"
