# Every sample is genotyped at every site: a job for each part of the genome, then one that joins the parts to a callset.
# A small cohort is one part, whose job writes the callset.
# Like the cohort, the callset is no output for Snakemake, which would delete it: what a killed job has finished is kept.


rule genotype_part:
    input:
        lambda wildcards: f"results/discover/{'discover' if is_whole(wildcards.part) else wildcards.part}.json",
        local([*study.dbsnp, *study.model_files]),
    output:
        receipt="results/genotype/{part}.json",
    log:
        "results/logs/genotype/{part}.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=1440,  # minutes
    params:
        **study.content(lambda wildcards: [*study.dbsnp, *study.model_files]),
        cohort=config["cohort"],
        callset=config["callset"],
        options=options.of(*MODEL, *SITES, "dbsnp"),
        part=options.part,
        scatter=options.scatter,
        memory=options.memory,
    shell:
        "genocloud genotype {params.cohort:q} {params.callset:q} {params.part} {params.options}"
        " --scatter {params.scatter:q} {params.memory} --receipt {output.receipt} 2>&1 | tee {log} >&2"


if not study.is_small:

    ruleorder: genotype > genotype_part

    rule genotype:
        input:
            study.receipts("genotype"),
        output:
            receipt="results/genotype/genotype.json",
        log:
            "results/logs/genotype.log",
        conda:
            "../envs/genocloud.yaml"
        resources:
            mem_mb=4000,  # MB
            runtime=240,  # minutes
        params:
            cohort=config["cohort"],
            callset=config["callset"],
            options=options.of(*MODEL, *SITES, "dbsnp"),
            memory=options.memory_mb,
        shell:
            "genocloud genotype {params.cohort:q} {params.callset:q} {params.options} --scatter inline"
            " --memory {params.memory}MB --receipt {output.receipt} 2>&1 | tee {log} >&2"
