# Everything that the run reads is checked, and written down as one sheet in which everybody has a gVCF.


rule inputs:
    input:
        local([config["samples"], *REFERENCE_FILES, *WHERE_FILES]),
    output:
        sheet="results/inputs/samples.tsv",
        receipt="results/inputs/inputs.json",
    params:
        samples=lambda wildcards: config["samples"],
        reference=lambda wildcards: config["reference"],
        intervals=options(*INSIDE), **content(lambda wildcards: [config["samples"], *REFERENCE_FILES]),
    log:
        "results/logs/inputs.log",
    conda:
        "../envs/genocloud.yaml"
    priority: 1  # what is wrong with a file should be said before hours of calling
    resources:
        mem_mb=1000,  # MB
        runtime=60,  # minutes
    shell:
        "genocloud inputs {params.samples:q} --reference {params.reference:q} --called results/call"
        " {params.intervals}"
        " -o {output.sheet} --receipt {output.receipt} 2>&1 | tee {log} >&2"
