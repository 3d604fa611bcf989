"""A wire between a coordinator and another site that keeps every byte, and what may be on it, said a second time.

What is allowed stands here column by column, apart from genocloud's own tables of kinds and policies: a change of
those that lets more cross is seen.
"""

import pickle
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import cloudpickle
import pyarrow as pa

from genocloud.federation import Message, pack, unpack
from genocloud.genotypes import summary_of
from genocloud.scatter.executors import Inline

_RUNS = ("lengths", "counts", "values")
_SHARES = ("quiet", "totals", "ac", *(f"run_{name}" for name in _RUNS), "ids")
_ALLELE_SUMS = ("sums", "samples", "records", *(f"bin_{name}_{n}" for n in range(3) for name in _RUNS))
OUT_OF_A_SITE = {
    "people": ("batch", "row", "rank"),
    "local": ("start", "ref", "alts", "observed"),
    "spans": ("start", "stop"),
    "covered": ("start", "stop"),
    "starts": ("known", "chromosomes", "copies", "gains"),
    "answers": ("copies", "high", "low"),
    "maxima": ("known", "qualities", "copies"),
    "evidence": ("start", "ref", "alt", "filtered", "copies", "quality", "sure"),
    "called alts": ("called",),
    "called counts": ("called", "counts"),
    "shares": _SHARES,
    "allele shares": (*_SHARES, *_ALLELE_SUMS),
    "squares": ("cell", "square"),
    "totals": ("kind", "bin", "count"),
}
"""What may leave a site whose policy is `stays`: the columns of each kind."""
GNOMAD_TABLE = {
    "gnomad groups": ("gen_anc", "sex", "age", "people"),
    "gnomad counts": ("places", "values", "balance", *(f"ranks_{name}" for name in _RUNS)),
}
"""What may leave besides for gnomAD's table, where the site's policy file signs it."""
INTO_A_SITE = {
    "sheet",
    "united",
    "questions",
    "emitted sites",
    "sites",
    "squares",
    "evidence",
    "called alts",
    "merged sites",
}
"""The kinds that the coordinator may send; `sheet` to the site whose people it names."""
SUMMARY = {
    "summary": ("key_lengths", "key_values", "whole", "numbers", "steps", "lengths", "values", "counts", "totals")
}
"""What may leave besides under `summaries`."""

LONGEST_CONTROL = 20_000
"""Bytes of a frame besides its messages: dataclasses of plain values, with an entry of files by batch at most."""


@dataclass
class WireFrame:
    """What crossed at once: whither, its bytes as Dask pickles it, and what they stand for."""

    site: str
    outward: bool
    data: bytes
    value: Any


@dataclass
class Wire:
    """Everything that went to and from the sites, in any thread."""

    frames: list[WireFrame] = field(default_factory=list)

    def carry(self, site: str, outward: bool, value: Any) -> Any:
        """Pickle a value, keep it, and give what comes out at the other end."""
        data = cloudpickle.dumps(value)
        there = pickle.loads(data)
        self.frames.append(WireFrame(site, outward, data, there))
        return there

    @contextmanager
    def scatter(self, site: str) -> Iterator["Recording"]:
        """Workers of a site, at the other end of the wire."""
        yield Recording(self, site)


@dataclass(frozen=True)
class Recording:
    """A scatter whose functions, tasks, reports of bytes and results all cross the wire."""

    wire: Wire
    site: str
    threads = 1
    spread = False
    memory = 2_000_000_000

    def run(
        self,
        function: Callable[[Any], Any],
        tasks: Sequence[Any],
        done: Callable[[Any], None],
        heard: Callable[[Any], None] | None = None,
    ) -> list[Any]:
        """Run the tasks as if far away."""
        results = []
        for task in tasks:
            there, sent = self.wire.carry(self.site, False, (function, task))
            listener = (lambda size: heard(self.wire.carry(self.site, True, size))) if heard else None
            try:
                (result,) = Inline(self.memory).run(there, [sent], lambda _: None, listener)
            except Exception as error:
                self.wire.carry(self.site, True, (error, "".join(traceback.format_exception(error))))
                raise
            results.append(self.wire.carry(self.site, True, result))
            done(results[-1])
        return results


def check(wire: Wire, site: str, policy: str, names: Sequence[str], own: Sequence[str], secrets: Sequence[str],
          table: bool = False) -> None:  # fmt: skip
    """Raise AssertionError where more crossed than a site's policy (not `may_leave`) allows.

    names    of everybody at any site; own: of those at this site
    table    whether gnomAD's table was made, too
    secrets  texts of the site's records and files, which stand nowhere in what it lets out
    """
    allowed = OUT_OF_A_SITE | (SUMMARY if policy == "summaries" else {}) | (GNOMAD_TABLE if table else {})
    frames = [frame for frame in wire.frames if frame.site == site]
    assert frames, f"nothing crossed to or from {site}"
    for frame in frames:
        messages = list(messages_in(frame.value))
        control = len(frame.data) - sum(len(message.data) for message in messages)
        words = sorted(set(_words(frame, messages)))
        if frame.outward:
            assert frame.value is None or not isinstance(frame.value, int), f"{site} tells how far a file is read"
            for message in messages:
                assert message.kind in allowed, f"{site} lets out {message.kind}"
                columns = tuple(decoded(message).column_names)
                assert columns == allowed[message.kind], f"{site}: {message.kind} has {columns}"
            assert control < LONGEST_CONTROL, f"{site}: {control} bytes of control"
            _check_plain(frame.value)
            _check_absent(site, words, [*names, *secrets])
        else:
            assert {message.kind for message in messages} <= INTO_A_SITE
            others = [name for name in names if name not in own]
            _check_absent(site, words, others if _has_sheet(messages) else names)


def _has_sheet(messages: Sequence[Message]) -> bool:
    return any(message.kind == "sheet" for message in messages)


def _check_absent(site: str, words: Sequence[bytes], secrets: Sequence[str]) -> None:
    whole = b"\n".join(words)
    for secret in secrets:
        assert secret.encode() not in whole, f"{site}: {secret!r} crosses"


def _words(frame: WireFrame, messages: Sequence[Message]) -> Iterator[bytes]:
    """The frame as it is, and its messages unpacked: their texts and numbers."""
    yield frame.data
    for message in messages:
        for column in decoded(message).columns:
            yield repr(column.to_pylist()).encode()


def runs_let_out(wire: Wire, site: str, vectors: Collection[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """Which vectors stand, number by number, in a list of integers in the tables that a site let out."""
    messages = [message for each in wire.frames if (each.site, each.outward) == (site, True)
               for message in messages_in(each.value)]  # fmt: skip
    lists = {_text(value) for message in messages for column in decoded(message).columns for value in column.to_pylist()
             if isinstance(value, list)}  # fmt: skip
    for message in messages:
        if message.kind == "summary":  # whose keys are stored as differences
            summary = summary_of(decoded(message))
            lists |= {_text(keys.values.tolist()) for keys in (summary.track, summary.site_keys)}
    whole = "\n".join(sorted(lists))
    return {vector for vector in vectors if _text(vector) in whole}


def _text(numbers: Collection[Any]) -> str:
    return "".join(f" {number} " for number in numbers)


_PLAIN = (type(None), bool, int, float, str)


def _check_plain(value: Any) -> None:
    """Raise AssertionError for what is neither a plain value, a message, an error nor made of these."""
    if isinstance(value, (*_PLAIN, Message, BaseException)):
        return
    if isinstance(value, (list, tuple, set, frozenset)):
        children = list(value)
    elif isinstance(value, dict):
        children = [*value, *value.values()]
    else:
        assert is_dataclass(value), f"{type(value)} crosses"
        children = [getattr(value, each.name) for each in fields(value)]
    for child in children:
        _check_plain(child)


def messages_in(value: Any) -> Iterator[Message]:
    """Every message in a value that crosses."""
    if isinstance(value, Message):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from messages_in(each)
    elif isinstance(value, dict):
        yield from messages_in(list(value.values()))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from messages_in([getattr(value, each.name) for each in fields(value)])
    elif hasattr(value, "func"):  # a partial
        yield from messages_in([value.func, value.args, value.keywords])


def decoded(message: Message) -> pa.Table:
    """A message's table; raises AssertionError where its bytes hold more than that."""
    table = unpack(message, message.kind)
    assert pack(message.kind, table).data == message.data, f"{message.kind} holds more than its table"
    return table
