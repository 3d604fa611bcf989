# Reads become gVCFs, one sample a job, by the caller that the config names. Haploid stretches come out haploid.
# The check of the inputs comes first, but a later check (of a longer sheet, say) calls no sample again: `ancient`.

if config["caller"] == "bcftools":

    rule call:
        input:
            lambda wildcards: local(study.call_inputs(wildcards)),
            checked=ancient(study.checked),
        output:
            gvcf="results/call/{sample}.g.vcf.gz",
            receipt="results/call/{sample}.json",
        log:
            "results/logs/call/{sample}.log",
        conda:
            "../envs/genocloud.yaml"
        threads: 1  # samples in parallel waste nothing; for few samples a profile may set more (set-threads)
        resources:
            mem_mb=2000,  # MB
            runtime=2880,  # minutes
        params:
            **study.content(study.call_inputs),
            reads=lambda wildcards: study.samples[wildcards.sample].reads,
            reference=config["reference"],
            par=["--par", *config["par"]] if config["par"] else [],
            sex=lambda wildcards: study.samples[wildcards.sample].sex,
        shell:
            "genocloud call {wildcards.sample:q} --reads {params.reads:q} --reference {params.reference:q}"
            " --sex {params.sex} {params.par:q} --threads {threads}"
            " -o {output.gvcf:q} --receipt {output.receipt:q} 2>&1 | tee {log:q} >&2"


if study.caller and study.caller.launch:

    launch = study.caller.launch

    # In the program's own container or environment, which have no genocloud; the next rule makes the receipt.
    rule call:
        input:
            lambda wildcards: local(study.call_inputs(wildcards)),
            local([study.dictionary] if study.caller.dictionary else []),
            checked=ancient(study.checked),
            beds=lambda wildcards: study.ploidy_beds(wildcards).values(),
        output:
            gvcf=temp("results/call/program/{sample}.g.vcf.gz"),
            run=temp("results/call/program/{sample}.txt"),
        log:
            "results/logs/call/{sample}.log",
        conda:
            launch.conda
        container:
            launch.container(config)
        threads: launch.threads
        resources:
            mem_mb=launch.memory_mb,
            runtime=launch.runtime_minutes,
        params:
            outcome=study.caller.outcome(config),
            script=lambda wildcards, output, threads, resources: caller_script(
                study, launch, wildcards=wildcards, output=output, threads=threads, resources=resources
            ),
        shell:
            "exec > {log:q} 2>&1; {params.script}"

    # The gVCF is read whole, and has its final name only if it is good.
    rule call_receipt:
        input:
            gvcf="results/call/program/{sample}.g.vcf.gz",
            run="results/call/program/{sample}.txt",
        output:
            gvcf="results/call/{sample}.g.vcf.gz",
            receipt="results/call/{sample}.json",
        log:
            "results/logs/call_receipt/{sample}.log",
        resources:
            mem_mb=2000,  # MB
            runtime=240,  # minutes
        run:
            # Here, not above: it loads what reads records, which other rules do not need.
            from genocloud.workflow.called_gvcf import take_called

            take_called(study, wildcards, input, output, log)

    rule stretches:
        """BED files of a sex: stretches with one copy, with two, and with two on a contig that is haploid elsewhere."""
        input:
            local(study.reference),
        output:
            haploid="results/call/{sex}.haploid.bed",
            diploid="results/call/{sex}.diploid.bed",
            par="results/call/{sex}.par.bed",
        log:
            "results/logs/stretches/{sex}.log",
        localrule: True
        params:
            par=config["par"],
        run:
            write_ploidy_beds(study.stretches(wildcards.sex), output)
