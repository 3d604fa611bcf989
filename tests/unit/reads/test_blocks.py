"""Reference blocks: bands, gaps, and no trace of where the work was cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from genocloud.reads.blocks import NO_DATA, Block, blocks
from genocloud.reads.pileup import Quiet

END = 60


@st.composite
def stretches(draw):
    """Quiet stretches in order, some with gaps between, of few depths so that neighbours share bands."""
    edges = sorted(draw(st.sets(st.integers(0, END), min_size=2)))
    depths = st.integers(1, 14)
    quiets = []
    for start, end in pairwise(edges):
        depth = draw(depths)
        if draw(st.booleans()):
            quiets.append(Quiet(start, end, depth, [0, 3 * depth, 30 * depth]))
    return quiets


@given(stretches(), st.integers(1, END - 1), st.sampled_from([1, 2]))
def test_blocks_of_two_tiles_join_to_those_of_one(quiets, cut, ploidy):
    whole = list(blocks(quiets, 0, END, ploidy))
    left, right = list(blocks(quiets, 0, cut, ploidy)), list(blocks(quiets, cut, END, ploidy))
    if left[-1].continues(right[0]):
        right[0] = left.pop().joined(right[0])
    assert left + right == whole


@given(stretches(), st.sampled_from([1, 2]))
def test_every_base_is_in_one_block_which_never_overstates_it(quiets, ploidy):
    made = list(blocks(quiets, 0, END, ploidy))
    assert [base for block in made for base in range(block.start, block.end)] == list(range(END))
    for block in made:
        inside = [q for q in quiets if q.start < block.end and q.end > block.start]
        assert (block.band == NO_DATA) == (not inside)
        assert block.min_depth == min((q.depth for q in inside), default=0)
        assert block.pl[-1] == min((q.pl[2] for q in inside), default=0)


def test_a_mean_depth_is_rounded_half_up():
    assert Block(start=0, end=2, band=1, bases_read=5, min_depth=2, pl=[0, 3, 30]).depth == 3


def test_where_hom_ref_is_not_the_likeliest_nothing_is_known():
    (block,) = blocks([Quiet(0, 1, 3, [5, 0, 40])], 0, 1, 2)
    assert (block.band, block.gq, block.pl) == (0, 0, [0, 0, 35])
