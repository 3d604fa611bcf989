"""FLAGS from flags, in order, and an empty table of the same columns where nothing is wrong."""

from genocloud import schema
from genocloud.qc import Flag, flag_table


def test_flags_become_rows_in_their_order():
    flags = [
        Flag(sample="bob", check="contamination", value="0.081", limit="<= 0.03", advice="sequence it again"),
        Flag(sample="ann", check="sex", value="XXY", limit="male", advice="compare with the sheet"),
    ]
    table = flag_table(flags)
    assert table.schema == schema.FLAGS
    assert [Flag(**row) for row in table.to_pylist()] == flags


def test_no_flags_are_an_empty_table():
    assert flag_table([]).equals(schema.FLAGS.empty_table())
