# Everybody is called at every site: first a part of the genome a job, then all parts become one callset at once. A small
# cohort is no more than one part, and its job ends with the callset.
# Like the cohort, the callset is no output of Snakemake's: what a killed job has finished stays finished.


rule genotype_part:
    input:
        lambda wildcards: f"results/discover/{'discover' if is_whole(wildcards.part) else wildcards.part}.json",
        local(filter(None, [config["dbsnp"]])),
    output:
        receipt="results/genotype/{part}.json",
    params:
        cohort=config["cohort"],
        callset=config["callset"],
        options=options(*MODEL, *WHERE, "dbsnp"),
        part=part_option,
        scatter=scatter_of,
        memory=memory_of, **content(lambda wildcards: [config["dbsnp"]]),
    log:
        "results/logs/genotype/{part}.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=1440,  # minutes
    shell:
        "genocloud genotype {params.cohort:q} {params.callset:q} {params.part} {params.options}"
        " --scatter {params.scatter:q} {params.memory} --receipt {output.receipt} 2>&1 | tee {log} >&2"


if not SMALL:

    ruleorder: genotype > genotype_part

    rule genotype:
        input:
            receipts_of("genotype"),
        output:
            receipt="results/genotype/genotype.json",
        params:
            cohort=config["cohort"],
            callset=config["callset"],
            options=options(*MODEL, *WHERE, "dbsnp"),
            memory=room_of,
        log:
            "results/logs/genotype.log",
        conda:
            "../envs/genocloud.yaml"
        resources:
            mem_mb=4000,  # MB
            runtime=240,  # minutes
        shell:
            "genocloud genotype {params.cohort:q} {params.callset:q} {params.options} --scatter inline"
            " --memory {params.memory}MB --receipt {output.receipt} 2>&1 | tee {log} >&2"
