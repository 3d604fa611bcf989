"""The closing summary: aligned, plain, and what was counted."""

from genocloud.report.statistics import Statistics
from genocloud.report.summary import summary_text


def test_the_summary_is_aligned_and_plain() -> None:
    counted = Statistics.empty(["ann", "bob"])
    counted.site_counts[:] = [1_234, 1_100, 120, 14, 0, 0, 20, 740, 370]
    counted.sample_counts[:, :2] = [[1, 999], [0, 1_000]]
    text = summary_text(counted, 123.4, {"VCF": "out/calls.vcf.gz", "callset": "gs://lab/callset"})
    assert text == (
        "\n"
        "  samples                  2\n"
        "  sites                1,234\n"
        "    SNPs               1,100\n"
        "    indels               120\n"
        "    mixed                 14\n"
        "    multi-allelic         20\n"
        "  Ti/Tv                 2.00\n"
        "  call rate           99.95%\n"
        "  time in steps    2 min 3 s\n"
        "\n"
        "  VCF      out/calls.vcf.gz\n"
        "  callset  gs://lab/callset\n"
    )


def test_an_empty_callset_has_a_summary() -> None:
    text = summary_text(Statistics.empty(), 0.0, {})
    assert "Ti/Tv            n/a\n" in text
    assert text.isascii()
