process GENOCLOUD_JOINT {
    tag "$meta.id"
    label 'process_high'

    conda "${moduleDir}/environment.yml"
    container "genocloud:0.1.0"

    input:
    tuple val(meta), path(gvcfs), path(indexes)
    tuple val(meta2), path(fasta), path(fai)

    output:
    tuple val(meta), path("*.vcf.gz")    , emit: vcf
    tuple val(meta), path("*.vcf.gz.tbi"), emit: tbi
    tuple val(meta), path("*.json")      , emit: receipt
    path "versions.yml"                  , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args   = task.ext.args ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    genocloud joint \\
        --quiet \\
        ${gvcfs} \\
        -R ${fasta} \\
        -o ${prefix}.vcf.gz \\
        --threads ${task.cpus} \\
        --memory ${(task.memory.toGiga() * 0.8) as int}GB \\
        --receipt ${prefix}.json \\
        ${args}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        genocloud: \$(genocloud --version | sed 's/genocloud //')
    END_VERSIONS
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo | gzip > ${prefix}.vcf.gz
    touch ${prefix}.vcf.gz.tbi ${prefix}.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        genocloud: \$(genocloud --version | sed 's/genocloud //')
    END_VERSIONS
    """
}
