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


# The two below write in a folder of their own first: a killed run must leave no partial file under a final name.

if config["caller"] == "gatk":

    # Two runs: in one (with --ploidy-regions) a block of one ploidy may extend into the region of the other.
    rule call:
        input:
            lambda wildcards: local([*study.call_inputs(wildcards), study.dictionary]),
            checked=ancient(study.checked),
            haploid=lambda wildcards: f"results/call/{study.samples[wildcards.sample].sex}.haploid.bed",
            diploid=lambda wildcards: f"results/call/{study.samples[wildcards.sample].sex}.diploid.bed",
        output:
            gvcf="results/call/{sample}.g.vcf.gz",
            receipt="results/call/{sample}.json",
        log:
            "results/logs/call/{sample}.log",
        conda:
            "../envs/gatk.yaml"
        container:
            "docker://broadinstitute/gatk:4.6.2.0"
        threads: 2
        resources:
            mem_mb=4000,  # MB; three quarters of it become Java's heap
            runtime=2880,  # minutes
        params:
            reads=lambda wildcards: study.samples[wildcards.sample].reads,
            reference=config["reference"],
            partial="results/call/partial/{sample}",
            heap_mb=lambda wildcards, resources: resources.mem_mb * 3 // 4,
        shell:
            """
            exec > {log:q} 2>&1
            export JAVA_TOOL_OPTIONS=-Xmx{params.heap_mb}m
            rm -rf {params.partial:q} && mkdir -p {params.partial:q}
            call() {{
                if [ -s "$2" ]; then
                    gatk HaplotypeCaller --emit-ref-confidence GVCF --reference {params.reference:q} \\
                        --input {params.reads:q} --sample-name {wildcards.sample:q} --sample-ploidy "$1" \\
                        --intervals "$2" --native-pair-hmm-threads {threads} --output {params.partial:q}/"$1".g.vcf.gz
                    called+=(--INPUT {params.partial:q}/"$1".g.vcf.gz)
                fi
            }}
            called=()
            call 1 {input.haploid}
            call 2 {input.diploid}
            gatk MergeVcfs "${{called[@]}}" --OUTPUT {params.partial:q}/all.g.vcf.gz
            mv {params.partial:q}/all.g.vcf.gz {output.gvcf:q}
            rm -r {params.partial:q}
            echo '{{"step": "call", "seconds": '$SECONDS'}}' > {output.receipt:q}
            """


if config["caller"] == "deepvariant":

    rule call:
        input:
            lambda wildcards: local(study.call_inputs(wildcards)),
            checked=ancient(study.checked),
            haploid=lambda wildcards: f"results/call/{study.samples[wildcards.sample].sex}.haploid.bed",
            diploid=lambda wildcards: f"results/call/{study.samples[wildcards.sample].sex}.diploid.bed",
            par=lambda wildcards: f"results/call/{study.samples[wildcards.sample].sex}.par.bed",
        output:
            gvcf="results/call/{sample}.g.vcf.gz",
            receipt="results/call/{sample}.json",
        log:
            "results/logs/call/{sample}.log",
        container:
            f"docker://google/deepvariant:{config['deepvariant_version']}"
        threads: 16
        resources:
            mem_mb=32000,  # MB
            runtime=1440,  # minutes
        params:
            reads=lambda wildcards: study.samples[wildcards.sample].reads,
            reference=config["reference"],
            model=config["deepvariant_model"],
            haploid_contigs=lambda wildcards: ",".join(
                haploid_contigs(study.stretches(study.samples[wildcards.sample].sex))
            ),
            partial="results/call/partial/{sample}",
        shell:
            """
            exec > {log:q} 2>&1
            rm -rf {params.partial:q} && mkdir -p {params.partial:q}
            /opt/deepvariant/bin/run_deepvariant --model_type={params.model} --num_shards={threads} \\
                --ref={params.reference:q} --reads={params.reads:q} --sample_name={wildcards.sample:q} \\
                --regions="{input.diploid} {input.haploid}" \\
                --haploid_contigs={params.haploid_contigs:q} --par_regions_bed={input.par} \\
                --intermediate_results_dir={params.partial:q} \\
                --output_vcf={params.partial:q}/all.vcf.gz --output_gvcf={params.partial:q}/all.g.vcf.gz
            mv {params.partial:q}/all.g.vcf.gz {output.gvcf:q}
            rm -r {params.partial:q}
            echo '{{"step": "call", "seconds": '$SECONDS'}}' > {output.receipt:q}
            """


if study.caller and study.caller.ploidy_beds:

    rule stretches:
        """BED files of a sex: stretches with one copy, with two, and with two on a contig that is haploid elsewhere."""
        input:
            local(study.reference),
        output:
            haploid="results/call/{sex}.haploid.bed",
            diploid="results/call/{sex}.diploid.bed",
            par="results/call/{sex}.par.bed",
        localrule: True
        params:
            par=config["par"],
        run:
            write_ploidy_beds(study.stretches(wildcards.sex), output)
