"""Expressions over sites in bcftools' syntax, such as `QD < 2 || FS > 60`, evaluated for every allele at once."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import SettingError, did_you_mean

Values = npt.NDArray[Any]
"""One value for each allele: float64 (NaN: missing), or str objects (empty: missing)."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"]*"|'[^']*')
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    | (?P<name>(?:INFO/)?[A-Za-z_]\w*)
    | (?P<operator>&&|\|\||[<>=!]=|[-+*/()<>=!&|])
    )""",
    re.VERBOSE,
)
_PYTHON = {"&&": " and ", "&": " and ", "||": " or ", "|": " or ", "!": " not ", "=": "=="}

_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_COMPUTED: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_MISSING = "."


class BadExpression(SettingError):
    """An expression that cannot be read, or that names what sites do not have."""

    def __init__(self, text: str, problem: str) -> None:
        self.text, self.problem = text, problem
        super().__init__(f"expression {text!r}: {problem} (an example: 'TYPE=\"snp\" && (QD<2 || FS>60)')")


@dataclass(frozen=True)
class Expression:
    """A condition on alleles; compare two with `==` by their text.

    text  names of columns (also INFO/NAME), numbers, "texts", < <= > >= = == !=, && ||, !, + - * /, parentheses

    As in bcftools, a missing value is unequal to all others (`!=`), and any other comparison with it is false;
    `NAME="."` is true of it. Raises BadExpression.
    """

    text: str

    def __post_init__(self) -> None:
        self.names  # noqa: B018 (reads the text)

    @property
    def names(self) -> frozenset[str]:
        """The columns that the expression names."""
        return frozenset(node.id for node in ast.walk(self._tree()) if isinstance(node, ast.Name))

    def holds(self, columns: Mapping[str, Values]) -> npt.NDArray[np.bool_]:
        """Whether it is true of each allele: (alleles,).

        columns  values by name, all of one length. Raises BadExpression where a name is not among them.
        """
        for name in sorted(self.names - columns.keys()):
            raise BadExpression(self.text, f"sites have no {name}{did_you_mean(name, columns)}")
        length = len(next(iter(columns.values())))
        with np.errstate(all="ignore"):
            return np.broadcast_to(self._truth(self._tree(), columns), (length,))

    def _tree(self) -> ast.expr:
        try:
            tree = ast.parse(self._as_python().strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise BadExpression(self.text, "it cannot be read") from None
        self._check(tree, is_condition=True)
        return tree

    def _as_python(self) -> str:
        at, words = 0, []
        while self.text[at:].strip():
            token = _TOKEN.match(self.text, at)
            if not token:
                raise BadExpression(self.text, f"it cannot be read from {self.text[at:].strip()[:20]!r} on")
            at, word = token.end(), token.group().strip()
            if token["operator"]:
                word = _PYTHON.get(word, word)
            elif token["text"]:
                word = repr(word[1:-1])
            elif token["number"]:
                word = repr(float(word))
            words.append(word.removeprefix("INFO/"))
        return " ".join(words)

    def _check(self, node: ast.expr, *, is_condition: bool) -> None:
        """Raise BadExpression for what is no condition, or no value, in its place."""
        match node:
            case ast.BoolOp(values=parts) if is_condition:
                for part in parts:
                    self._check(part, is_condition=True)
            case ast.UnaryOp(op=ast.Not(), operand=part) if is_condition:
                self._check(part, is_condition=True)
            case ast.Compare(left=left, comparators=[right]) if is_condition:
                self._check(left, is_condition=False)
                self._check(right, is_condition=False)
            case ast.BinOp(left=left, right=right) if not is_condition:
                self._check(left, is_condition=False)
                self._check(right, is_condition=False)
            case ast.UnaryOp(op=ast.USub(), operand=part) if not is_condition:
                self._check(part, is_condition=False)
            case ast.Name():
                pass  # a column of flags is a condition, too
            case ast.Constant() if not is_condition:
                pass
            case ast.Compare():
                raise BadExpression(self.text, "a comparison has two sides; join several with &&")
            case _:
                raise BadExpression(self.text, "a condition compares values, as in QD < 2")

    def _truth(self, node: ast.expr, columns: Mapping[str, Values]) -> npt.NDArray[np.bool_]:
        match node:
            case ast.BoolOp(op=joined, values=parts):
                truths = [self._truth(part, columns) for part in parts]
                both = np.logical_and if isinstance(joined, ast.And) else np.logical_or
                return np.asarray(both.reduce(truths))
            case ast.UnaryOp(operand=part):
                return ~self._truth(part, columns)
            case ast.Compare(left=left, ops=[compared], comparators=[right]):
                return self._compared(compared, self._value(left, columns), self._value(right, columns))
        return np.asarray(self._value(node, columns) == 1.0)

    def _compared(self, compared: ast.cmpop, left: Any, right: Any) -> npt.NDArray[np.bool_]:
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str) and one == _MISSING:
                return _is_missing(other) if isinstance(compared, ast.Eq) else ~_is_missing(other)
        if _is_text(left) != _is_text(right):
            raise BadExpression(self.text, "it compares a text with a number")
        truth, missing = _COMPARED[type(compared)](left, right), _is_missing(left) | _is_missing(right)
        return np.asarray(np.where(missing, isinstance(compared, ast.NotEq), truth), bool)

    def _value(self, node: ast.expr, columns: Mapping[str, Values]) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return columns[name]
            case ast.UnaryOp(operand=part):
                return -self._number(part, columns)
            case ast.BinOp(left=left, op=computed, right=right):
                return _COMPUTED[type(computed)](self._number(left, columns), self._number(right, columns))
        raise AssertionError(ast.dump(node))

    def _number(self, node: ast.expr, columns: Mapping[str, Values]) -> Any:
        value = self._value(node, columns)
        if _is_text(value):
            raise BadExpression(self.text, "it computes with a text")
        return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.hasobject)


def _is_missing(value: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(value == "" if _is_text(value) else np.isnan(value))
