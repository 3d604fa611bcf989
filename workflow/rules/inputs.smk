# Check every file that the run reads, and write the sheet in which each sample has a gVCF.


rule inputs:
    input:
        local([config["samples"], *study.reference, *study.interval_files, *study.alleles]),
    output:
        sheet="results/inputs/samples.tsv",
        receipt="results/inputs/inputs.json",
    log:
        "results/logs/inputs.log",
    priority: 1  # a bad file is reported before hours of calling
    conda:
        "../envs/genocloud.yaml"
    resources:
        mem_mb=1000,  # MB
        runtime=60,  # minutes
    params:
        **study.content(lambda wildcards: [config["samples"], *study.reference]),
        samples=lambda wildcards: config["samples"],
        reference=lambda wildcards: config["reference"],
        intervals=options.of(*INTERVALS),
    shell:
        "genocloud inputs {params.samples:q} --reference {params.reference:q} --called results/call"
        " {params.intervals}"
        " -o {output.sheet} --receipt {output.receipt} 2>&1 | tee {log} >&2"
