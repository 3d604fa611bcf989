# What was done and what came of it, as one self-contained page.


rule report:
    input:
        "results/genotype/genotype.json",
        "results/export/export.json",
    output:
        page="results/report.html",
        summary="results/report.txt",
        receipt="results/report/report.json",
    params:
        callset=config["callset"],
    log:
        "results/logs/report.log",
    conda:
        "../envs/genocloud.yaml"
    resources:
        mem_mb=4000,  # MB
        runtime=120,  # minutes
    shell:
        "genocloud report {params.callset:q} --receipts results -o {output.page}"
        " --receipt {output.receipt} 2>&1 | tee {log} >&2"
