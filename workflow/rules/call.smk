# Reads become gVCFs, one sample a job, by the caller that the config names. Haploid stretches come out haploid.

if config["caller"] == "bcftools":

    rule call:
        input:
            lambda wildcards: local([PEOPLE[wildcards.sample].reads, *REFERENCE_FILES]),
        output:
            gvcf="results/call/{sample}.g.vcf.gz",
            receipt="results/call/{sample}.json",
        params:
            reads=lambda wildcards: PEOPLE[wildcards.sample].reads,
            reference=config["reference"],
            sex=lambda wildcards: PEOPLE[wildcards.sample].sex,
            par=["--par", *config["par"]] if config["par"] else [],
        log:
            "results/logs/call/{sample}.log",
        conda:
            "../envs/genocloud.yaml"
        threads: 2
        resources:
            mem_mb=2000,  # MB
            runtime=2880,  # minutes
        shell:
            "genocloud call {wildcards.sample:q} --reads {params.reads:q} --reference {params.reference:q}"
            " --sex {params.sex} {params.par} --threads {threads}"
            " -o {output.gvcf:q} --receipt {output.receipt:q} 2>&1 | tee {log:q} >&2"


# The two below write under another name first: neither tool promises that what it left when killed is not taken for whole.

if config["caller"] == "gatk":

    rule call:
        input:
            lambda wildcards: local([PEOPLE[wildcards.sample].reads, *REFERENCE_FILES, DICTIONARY]),
            covered=lambda wildcards: f"results/call/{PEOPLE[wildcards.sample].sex}.covered.bed",
            haploid=lambda wildcards: f"results/call/{PEOPLE[wildcards.sample].sex}.haploid.bed",
        output:
            gvcf="results/call/{sample}.g.vcf.gz",
        params:
            reads=lambda wildcards: PEOPLE[wildcards.sample].reads,
            reference=config["reference"],
            partial="results/call/partial/{sample}.g.vcf.gz",
            heap_mb=lambda wildcards, resources: resources.mem_mb * 3 // 4,
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
        shell:
            "mkdir -p $(dirname {params.partial:q}) &&"
            " JAVA_TOOL_OPTIONS=-Xmx{params.heap_mb}m gatk HaplotypeCaller --emit-ref-confidence GVCF"
            " --reference {params.reference:q} --input {params.reads:q} --sample-name {wildcards.sample:q}"
            " --intervals {input.covered} --ploidy-regions {input.haploid} --native-pair-hmm-threads {threads}"
            " --output {params.partial:q} > {log:q} 2>&1 &&"
            " mv {params.partial:q} {output.gvcf:q}"


if config["caller"] == "deepvariant":

    rule call:
        input:
            lambda wildcards: local([PEOPLE[wildcards.sample].reads, *REFERENCE_FILES]),
            covered=lambda wildcards: f"results/call/{PEOPLE[wildcards.sample].sex}.covered.bed",
            par=lambda wildcards: f"results/call/{PEOPLE[wildcards.sample].sex}.par.bed",
        output:
            gvcf="results/call/{sample}.g.vcf.gz",
        params:
            reads=lambda wildcards: PEOPLE[wildcards.sample].reads,
            reference=config["reference"],
            model=config["deepvariant_model"],
            haploid=lambda wildcards: ",".join(haploid_contigs(PEOPLE[wildcards.sample].sex)),
            partial="results/call/partial/{sample}",
        log:
            "results/logs/call/{sample}.log",
        container:
            f"docker://google/deepvariant:{config['deepvariant_version']}"
        threads: 16
        resources:
            mem_mb=32000,  # MB
            runtime=1440,  # minutes
        shell:
            "mkdir -p {params.partial:q} &&"
            " /opt/deepvariant/bin/run_deepvariant --model_type={params.model} --num_shards={threads}"
            " --ref={params.reference:q} --reads={params.reads:q} --sample_name={wildcards.sample:q}"
            " --regions={input.covered} --haploid_contigs={params.haploid:q} --par_regions_bed={input.par}"
            " --intermediate_results_dir={params.partial:q}"
            " --output_vcf={params.partial:q}/calls.vcf.gz --output_gvcf={params.partial:q}/calls.g.vcf.gz"
            " > {log:q} 2>&1 &&"
            " mv {params.partial:q}/calls.g.vcf.gz {output.gvcf:q} && rm -r {params.partial:q}"


if config["caller"] in ("gatk", "deepvariant"):

    rule stretches:
        """Where a person of this sex has copies at all, where one, and where two on a contig that is haploid elsewhere."""
        input:
            local(REFERENCE_FILES),
        output:
            covered="results/call/{sex}.covered.bed",
            haploid="results/call/{sex}.haploid.bed",
            par="results/call/{sex}.par.bed",
        params:
            par=config["par"],
        localrule: True
        run:
            write_stretches(wildcards.sex, output)
