"""The sample sheet: what it may hold, and how each mistake in it is told."""

import logging

import pytest

from genocloud import samples
from genocloud.samples import Sample

URL = "cohort/people.tsv"


def parse(text, url=URL):
    return samples.parse_sheet(text.replace(" ", "\t"), url)


def refused(error, text, **facts):
    with pytest.raises(error) as caught:
        parse(text)
    attributes = {name: getattr(caught.value, name) for name in facts}
    assert attributes == facts
    assert caught.value.exit_code == 3
    assert str(caught.value).startswith(f"{URL}, line {caught.value.line}: ")
    return str(caught.value)


def test_a_sheet_mixes_gvcfs_and_reads():
    header = "# made by hand\n\nsample gvcf reads sex batch site name_in_gvcf\n"
    assert parse(header + "ann a.g.vcf.gz  F b1 here ANN_1\nbob  b.cram 1\n") == (
        Sample(
            sample="ann",
            gvcf="cohort/a.g.vcf.gz",
            reads=None,
            sex="female",
            batch="b1",
            site="here",
            name_in_gvcf="ANN_1",
            line=4,
        ),
        Sample(sample="bob", gvcf=None, reads="cohort/b.cram", sex="male", line=5),
    )


@pytest.mark.parametrize(
    ("path", "sheet", "seen"),
    [
        ("a.g.vcf.gz", "people.tsv", "a.g.vcf.gz"),
        ("../a.g.vcf.gz", "x/people.tsv", "a.g.vcf.gz"),
        ("/data/a.g.vcf.gz", "x/people.tsv", "/data/a.g.vcf.gz"),
        ("gs://bucket/a.g.vcf.gz", "x/people.tsv", "gs://bucket/a.g.vcf.gz"),
        ("a.g.vcf.gz", "gs://bucket/x/people.tsv", "gs://bucket/x/a.g.vcf.gz"),
    ],
)
def test_relative_paths_start_at_the_sheets_folder(path, sheet, seen):
    assert parse(f"sample gvcf\nann {path}\n", sheet)[0].gvcf == seen


@pytest.mark.parametrize(
    ("text", "sex"), [("male", "male"), ("2", "female"), ("m", "male"), ("", "unknown"), ("Unknown", "unknown")]
)
def test_sexes_are_understood_in_several_spellings(text, sex):
    assert parse(f"sample sex reads\nann {text} a.bam\n")[0].sex == sex


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path):
    sheet = tmp_path / "people.tsv"
    sheet.write_bytes("\ufeffsample\tgvcf\r\nann\ta.g.vcf.gz\r\n".encode())
    assert samples.read_sheet(str(sheet))[0] == Sample(sample="ann", gvcf=str(tmp_path / "a.g.vcf.gz"), line=2)


def test_a_headerless_pair_of_columns_is_a_gatk_sample_map(caplog):
    with caplog.at_level(logging.INFO):
        people = parse("ann a.g.vcf.gz\nbob b.g.vcf.gz\n")
    assert [(person.sample, person.gvcf, person.renames) for person in people] == [
        ("ann", "cohort/a.g.vcf.gz", True),
        ("bob", "cohort/b.g.vcf.gz", True),
    ]
    assert "GATK sample map" in caplog.text


def test_what_is_written_reads_back_the_same_from_another_folder(tmp_path):
    people = parse("sample gvcf reads sex name_in_gvcf\nann a.g.vcf.gz  F A1\nbob  gs://b/b.cram\n")
    text = samples.sheet_text(people, "results/inputs")
    assert text.splitlines()[0] == "sample\tgvcf\treads\tsex\tname_in_gvcf"
    again = samples.parse_sheet(text, "results/inputs/samples.tsv")
    assert [(p.sample, p.gvcf, p.reads, p.sex, p.name_in_gvcf) for p in again] == [
        (p.sample, p.gvcf, p.reads, p.sex, p.name_in_gvcf) for p in people
    ]


@pytest.mark.parametrize("path", ["/data/a\nb/ann.g.vcf.gz", "/data/a\tb.g.vcf.gz"])
def test_a_path_that_no_row_can_hold_is_refused(path):
    with pytest.raises(samples.UnfitPath, match=r"sample ann: the path '/data/a.*rename it"):
        samples.sheet_text([samples.Sample(sample="ann", gvcf=path)], "results/inputs")


@pytest.mark.parametrize("text", ["", "\n# nobody\n", "sample gvcf\n", "sample gvcf\n# nobody\n"])
def test_an_empty_sheet_is_refused(text):
    refused(samples.EmptySheet, text)


def test_a_duplicate_sample_names_both_lines():
    message = refused(samples.DuplicateSample, "sample gvcf\nann a\nbob b\nann c\n", sample="ann", line=4, first=2)
    assert "already on line 2" in message


@pytest.mark.parametrize("column", ["gvfc", "Sample", "ploidy"])
def test_an_unknown_column_is_refused(column):
    header = column if column == "Sample" else f"sample {column}"
    message = refused(samples.UnknownSheetColumn, f"{header} gvcf\nann x a\n", column=column, line=1)
    assert "name_in_gvcf" in message


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("ann  ", "neither a gvcf nor reads"),
        ("ann a.g.vcf.gz a.bam", "both a gvcf and reads"),
        (" a.g.vcf.gz ", "sample name is missing"),
        ("ann a.g.vcf.gz  x y", "5 cells under 4 columns"),
        ("ann a.g.vcf.gz  hermaphrodite", "has the sex 'hermaphrodite'"),
        ("an/n a.g.vcf.gz", "holds '/'"),
        ("an\u00a0n a.g.vcf.gz", "holds U+00A0 (NO-BREAK SPACE), which does not show"),
        ("-ann a.g.vcf.gz", "begins with '-'"),
        ("..  a.bam", "begins with '.'"),
        ("a{n} a.g.vcf.gz", "holds '{'"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(row, problem):
    assert problem in refused(samples.BadRow, f"sample gvcf reads sex\nbob b.g.vcf.gz\n{row}\n", line=3)


def test_a_space_inside_a_name_is_taken_as_gatk_takes_it_but_not_where_a_gvcf_is_to_be_named_after_it():
    assert samples.parse_sheet("sample\tgvcf\nann lee\ta.g.vcf.gz\n", URL)[0].sample == "ann lee"
    with pytest.raises(samples.BadRow, match="holds a space, and is to be called from reads"):
        samples.parse_sheet("sample\treads\nann lee\ta.bam\n", URL)


def test_a_name_in_gvcf_makes_no_sense_for_reads():
    refused(samples.BadRow, "sample reads name_in_gvcf\nann a.bam A1\n", sample="ann", line=2)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("sample\n", "start the sheet with a header line"),
        ("gvcf reads\na b\n", "start the sheet with a header line"),
        ("ann a.g.vcf.gz male\n", "start the sheet with a header line"),
        ("sample gvcf gvcf\nann a b\n", "remove one of them"),
    ],
)
def test_a_header_that_cannot_serve_is_refused(text, remedy):
    assert remedy in refused(samples.BadHeader, text, line=1)


def test_columns_parted_by_spaces_are_reported_as_such():
    with pytest.raises(samples.BadHeader, match="by tabs, not by spaces"):
        samples.parse_sheet("sample gvcf\nann a.g.vcf.gz\n", URL)


def test_a_map_row_with_a_third_cell_is_refused():
    refused(samples.BadRow, "ann a.g.vcf.gz\nbob b.g.vcf.gz male\n", sample="bob", line=2)


def test_a_sheet_that_is_no_text_is_refused(tmp_path):
    sheet = tmp_path / "people.tsv"
    sheet.write_bytes(b"sample\tgvcf\n\xff\xfe\n")
    with pytest.raises(samples.SheetError, match="UTF-8") as caught:
        samples.read_sheet(str(sheet))
    assert caught.value.line == 2


GATK_TAKES = {
    "a\ta.g.vcf.gz\ta.g.vcf.gz.tbi\nb\tb.g.vcf.gz\n": ("a", "b"),  # the third column is an index
    "a s\ta.g.vcf.gz\nb\tb.g.vcf.gz\n": ("a s", "b"),
}
"""Sample maps, and the samples that GATK 4.6.2.0 GenomicsDBImport writes into its callset.json for them."""

GATK_REFUSES = {
    "a\t a.g.vcf.gz \nb\tb.g.vcf.gz\t\n": ("a", "b"),  # "an empty or all-whitespace value for the index"
    " a \ta.g.vcf.gz\nb\tb.g.vcf.gz\n": ("a", "b"),
    "a\ta.g.vcf.gz\n\nb\tb.g.vcf.gz\n": ("a", "b"),
}
"""Those that it refuses for white space which means nothing."""


@pytest.mark.parametrize(("text", "names"), (GATK_TAKES | GATK_REFUSES).items())
def test_gatks_sample_maps_are_taken_with_an_index_column_and_with_spaces_and_tabs_that_mean_nothing(text, names):
    people = samples.parse_sheet(text, URL)
    assert tuple(person.sample for person in people) == names
    assert [person.gvcf for person in people] == ["cohort/a.g.vcf.gz", "cohort/b.g.vcf.gz"]


def test_trailing_tabs_of_a_sheet_mean_nothing():
    people = samples.parse_sheet("sample\tgvcf\t\nann\ta.g.vcf.gz\t\t\n", URL)
    assert [(person.sample, person.gvcf) for person in people] == [("ann", "cohort/a.g.vcf.gz")]


def test_a_bad_name_is_refused_with_the_rule():
    with pytest.raises(samples.BadRow, match="holds letters, digits, signs and single spaces inside, but not /"):
        samples.parse_sheet("a/x\ta.g.vcf.gz\nb\tb.g.vcf.gz\n", URL)


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_rows_end_at_line_feeds_only(sign):
    text = f"sample\tgvcf\nann\tdir{sign}x\tnobody\n"
    with pytest.raises(samples.BadRow, match="line 2: 3 cells under 2 columns"):
        samples.parse_sheet(text, URL)
    assert samples.parse_sheet(f"sample\tgvcf\nann\tdir{sign}x\n", URL)[0].gvcf == f"cohort/dir{sign}x"
    with pytest.raises(samples.BadRow, match="which does not show"):
        samples.parse_sheet(f"sample\tgvcf\nann{sign}\ta.g.vcf.gz\n", URL)


def test_a_carriage_return_ends_no_row():
    with pytest.raises(samples.SheetError, match="line 1: a carriage return within a line"):
        samples.parse_sheet("sample\tgvcf\rann\ta.g.vcf.gz\r", URL)


@pytest.mark.parametrize("text", ["sample\tgvcf\n{}\ta.g.vcf.gz\n", "ann\tx.g.vcf.gz\n{}\ta.g.vcf.gz\n"])
def test_a_row_whose_sample_begins_with_a_hash_does_not_vanish(text):
    """GATK takes `#a` for a name: a row left out would be a person lost."""
    with pytest.raises(samples.BadRow, match="line 2: the row begins with #: '#bob'"):
        samples.parse_sheet(text.format("#bob"), URL)
    assert len(samples.parse_sheet(text.format("# bob") + "cal\tc.g.vcf.gz\n# no tab\n#neither\n", URL)) >= 1


def test_a_header_behind_a_hash_is_no_comment():
    with pytest.raises(samples.BadRow, match="line 1: the row begins with #"):
        samples.parse_sheet("#sample\tgvcf\nann\ta.g.vcf.gz\n", URL)


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("ann\u202ebob", "U\\+202E .RIGHT-TO-LEFT OVERRIDE"),
        ("ann\u2066", "U\\+2066"),
        ("an\u200bn", "U\\+200B .ZERO WIDTH SPACE"),
        ("\ufeffann", "U\\+FEFF"),
        ("an\u00adn", "U\\+00AD .SOFT HYPHEN"),
        ("an\u3164n", "U\\+3164"),
        ("an\ufe0fn", "U\\+FE0F"),
        ("an\U000e0101n", "U\\+E0101"),
        ("an\x1bn", "U\\+001B"),
    ],
)
def test_characters_that_do_not_show_are_refused_by_name(name, sign):
    with pytest.raises(samples.BadRow, match=f"holds {sign}.*which does not show") as caught:
        samples.parse_sheet(f"sample\tgvcf\n{name}\ta.g.vcf.gz\n", URL)
    assert str(caught.value).isascii()


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("Ann", "ann"),
        ("Jos\u00e9", "Jose\u0301"),
        ("\ufb01ve", "five"),
        ("stra\u00dfe", "STRASSE"),
        ("\u212bke", "\u00e5ke"),
    ],
)
def test_twins_by_case_or_by_encoding_are_refused_by_name(name, twin):
    with pytest.raises(samples.TwinNames) as caught:
        samples.parse_sheet(f"sample\tgvcf\n{name}\ta.g.vcf.gz\n{twin}\tb.g.vcf.gz\n", URL)
    assert (caught.value.sample, caught.value.twin, caught.value.line, caught.value.first) == (twin, name, 3, 2)


def test_letters_of_any_language_make_names():
    text = "sample\tgvcf\nJos\u00e9\ta.g.vcf.gz\n\u5f20\u4e09\tb.g.vcf.gz\nO'Neil #2 (x=1):\u03b1\tc.g.vcf.gz\n"
    assert len(samples.parse_sheet(text, URL)) == 3
