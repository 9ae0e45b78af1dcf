"""The commands and options that can be typed after `ntksym`, with an example in every --help."""

import argparse
import math
import re
from collections.abc import Sequence
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn

import sympy as sp

from ntksym.cli.data import DATA_SETS
from ntksym.dual.derivation import METHODS
from ntksym.errors import InvalidInput
from ntksym.formula import parse as parse_formula

__all__ = ["Mistake", "parse"]

_SHORT_OPTIONS = ("-h", "-o", "-p")
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?|[+-]?\d{1,40}/\d{1,40}")

_FORMULA = "an expression in x, or a name from `ntksym catalogue`"


class Mistake(Exception):
    """Something on the command line that the parser refuses."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Mistake(f"{message} (see {self.prog} --help)")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options as a namespace; `command` names what to do.

    Raises
    ------
    Mistake
        With one line that says what is wrong.
    """
    return _parser().parse_args([_shield(argument) for argument in arguments])


def _shield(argument: str) -> str:
    """A formula may begin with a minus sign: a blank in front keeps argparse from taking `-x**2` for an option."""
    dashed = argument.startswith("-") and not argument.startswith("--") and len(argument) > 1
    return f" {argument}" if dashed and argument not in _SHORT_OPTIONS else argument


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ntksym",
        description="NNGP and NTK kernels of infinitely wide networks: closed forms, series with error bounds, Gram "
        "matrices.",
        epilog='Start with:  ntksym derive "max(x, 0)"',
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ntksym {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    _add_derive(commands)
    _add_verify(commands)
    _add_gram(commands)
    _add_positivity(commands)
    _add_spectrum(commands)
    _add_phases(commands)
    _add_precompile(commands)
    _add_catalogue(commands)
    return parser


def _add(
    commands: "argparse._SubParsersAction[_Parser]", name: str, summary: str, examples: Sequence[str]
) -> argparse.ArgumentParser:
    shown = "\n".join(f"  {example}" for example in examples)
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--traceback", action="store_true", help="show where an error arose, for a bug report")
    return parser


def _add_formula(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("formula", metavar="FORMULA", type=str.strip, help=_FORMULA)
    parser.add_argument(
        "-p",
        "--param",
        metavar="NAME=VALUE",
        dest="parameters",
        action="append",
        default=[],
        type=_parameter,
        help="value of a parameter of the formula, such as a=0.2 or a=1/3; may be repeated",
    )


def _add_method(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="auto",
        help="auto: a closed form where there is one, else a Hermite series (default); closed: that or nothing; series",
    )


def _add_certificate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--certify", action="store_true", help="prove the error bounds of a series by ball arithmetic (python-flint)"
    )


def _add_network(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    network = parser.add_argument_group("network")
    network.add_argument("--depth", type=_whole, default=1, help="hidden layers (default 1)")
    _add_deviations(network)
    return network


def _add_deviations(group: "argparse._ArgumentGroup | argparse.ArgumentParser") -> None:
    group.add_argument("--W-std", type=_positive, default=1.0, help="standard deviation of the weights (default 1)")
    group.add_argument("--b-std", type=_not_negative, help="standard deviation of the biases (default: no biases)")


def _add_data(parser: argparse.ArgumentParser, *, required: bool) -> "argparse._ArgumentGroup":
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        required=required,
        metavar="SOURCE",
        help=f".npy, .npz or .csv file with one row a data point, or one of {', '.join(DATA_SETS)} (scikit-learn)",
    )
    data.add_argument("--array", metavar="NAME", help="which array of an .npz file")
    data.add_argument("--limit", type=_count, metavar="N", help="use the first N rows")
    data.add_argument("--normalize", action="store_true", help="scale every row to |x|^2 = number of columns")
    return data


def _add_derive(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "derive",
        "derive an activation's dual, as a closed form or else as a series, and show how",
        [
            'ntksym derive "max(x, 0) + a*min(x, 0)" --param a=0.2',
            "ntksym derive gelu --format latex",
            "ntksym derive relu --code numpy",
            "ntksym derive tanh --certify",
        ],
    )
    _add_formula(parser)
    _add_method(parser)
    _add_certificate(parser)
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--format", choices=("text", "markdown", "latex"), help="of the explanation (default text)")
    shape.add_argument("--code", choices=("numpy", "jax", "torch", "c"), help="print code for a closed form instead")


def _add_verify(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "verify",
        "check a derived dual against independent numerical integration; exit status 1 if they differ",
        ["ntksym verify gelu", 'ntksym verify "x*exp(-x**2/2)" --dps 25', "ntksym verify softsign"],
    )
    _add_formula(parser)
    _add_method(parser)
    _add_certificate(parser)
    parser.add_argument(
        "--dps", type=_count, default=30, help="decimal digits (default 30; a series, being float64, takes at most 20)"
    )


def _add_gram(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "gram",
        "compute the NNGP or NTK Gram matrix of a fully connected network on data",
        [
            "ntksym gram gelu --depth 3 --data digits --out K.npy",
            'ntksym gram "erf(x)" --W-std 1.5 --b-std 0.1 --data rows.csv --get both --out K.npz',
            "ntksym gram tanh --tol 1e-8 --data digits --out K.npy",
        ],
    )
    _add_formula(parser)
    _add_method(parser)
    network = _add_network(parser)
    network.add_argument("--get", choices=("nngp", "ntk", "both"), default="ntk", help="which kernel (default ntk)")
    network.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="of the result")
    network.add_argument(
        "--tol",
        type=_positive,
        default=1e-12,
        help="error allowed to series, relative to sqrt(K(x, x) K(y, y)) (default 1e-12)",
    )
    data = _add_data(parser, required=True)
    data.add_argument(
        "-o", "--out", metavar="FILE", help=".npy, .npz or .csv; an older file is replaced once the new one is complete"
    )


def _add_positivity(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "positivity",
        "prove whether a kernel is strictly positive definite; exit status 1 if it is not, 3 if that is not known",
        [
            "ntksym positivity relu --depth 2",
            "ntksym positivity tanh --depth 3 --b-std 0.1 --get nngp",
            "ntksym positivity relu --witness --dim 2",
            "ntksym positivity gelu --depth 2 --data rows.npy --normalize",
        ],
    )
    _add_formula(parser)
    network = _add_network(parser)
    network.add_argument("--get", choices=("nngp", "ntk"), default="ntk", help="which kernel (default ntk)")
    network.add_argument(
        "--trained-zero-bias", action="store_true", help="without --b-std: biases that are zero at first, and trained"
    )
    points = parser.add_argument_group("points")
    points.add_argument("--dim", type=_count, help="number of coordinates (default: every one from 2 on)")
    points.add_argument(
        "--domain", choices=("sphere", "euclidean"), default="sphere", help="points of one norm (default), or of any"
    )
    points.add_argument("--witness", action="store_true", help="print points whose Gram matrix is singular, if any")
    _add_data(parser, required=False)


def _add_spectrum(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "spectrum",
        "compute the eigenvalues of a kernel on the sphere, with their law of decay",
        [
            "ntksym spectrum relu --depth 3 --dim 10 --degree 50",
            "ntksym spectrum tanh --b-std 0.1 --get nngp --dim 3",
        ],
    )
    _add_formula(parser)
    network = _add_network(parser)
    network.add_argument("--get", choices=("nngp", "ntk"), default="ntk", help="which kernel (default ntk)")
    points = parser.add_argument_group("points")
    points.add_argument("--dim", type=_count, default=3, help="number of coordinates d of the sphere (default 3)")
    points.add_argument("--degree", type=_whole, default=20, help="largest degree (default 20)")
    points.add_argument("--mean-square", type=_positive, default=1.0, help="|x|^2/d of the points (default 1)")


def _add_phases(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "phases",
        "find the fixed points and depth scales of deep networks: ordered, chaotic or critical",
        ["ntksym phases tanh --W-std 1.5 --b-std 0.1", "ntksym phases relu --W-std 1.4142135623730951"],
    )
    _add_formula(parser)
    _add_deviations(parser)
    parser.add_argument("--critical", action="store_true", help="the W_std of the edge of chaos at this b_std instead")


def _add_precompile(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "precompile",
        "compile kernels ahead of time, so that the first Gram matrix of later programs starts at once",
        ["ntksym precompile relu gelu", 'ntksym precompile "x*exp(-x**2/2)" --get ntk', "ntksym precompile"],
    )
    parser.add_argument("formulas", nargs="*", metavar="FORMULA", type=str.strip, help=f"{_FORMULA} (default: all)")
    parser.add_argument("--get", choices=("nngp", "ntk", "both"), default="both", help="which kernels (default both)")
    parser.add_argument(
        "--dtype", choices=("float64", "float32", "both"), default="both", help="of the results (default both)"
    )


def _add_catalogue(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "catalogue",
        "list the activations known by name",
        ["ntksym catalogue", "ntksym catalogue relu"],
    )
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table, with sources")
    parser.add_argument("pattern", nargs="?", metavar="WORD", help="only names, formulas or tags that contain WORD")


def _parameter(text: str) -> tuple[str, Fraction | sp.Expr]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (equals and name.isidentifier()):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value, such as a=0.2")
    if _NUMBER.fullmatch(value):
        return name, _number(value)
    try:
        number = parse_formula(value)
    except InvalidInput:
        number = sp.nan
    if not number.is_number or not number.is_finite:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number such as 0.2, 1e-3, 1/3 or sqrt(2)")
    return name, number


def _number(text: str) -> Fraction:
    # The bounded pattern also keeps 1e999999999 from becoming an integer of a billion digits.
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(float(text.partition("/")[0])):
        raise argparse.ArgumentTypeError(f"{text.strip()!r} is not a number such as 0.2, 1e-3 or 1/3")
    try:
        return Fraction(text.strip())
    except ZeroDivisionError as error:
        raise argparse.ArgumentTypeError(f"{text.strip()!r} divides by zero") from error


def _count(text: str) -> int:
    return _whole(text, least=1)


def _whole(text: str, least: int = 0) -> int:
    if not re.fullmatch(r"\s*\d{1,9}\s*", text) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text.strip()!r} is not a whole number from {least} on")
    return int(text)


def _not_negative(text: str) -> float:
    number = float(_number(text))
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _positive(text: str) -> float:
    number = float(_number(text))
    if number <= 0:
        raise argparse.ArgumentTypeError("must be larger than 0")
    return number


def _version() -> str:
    try:
        return version("ntksym")
    except PackageNotFoundError:
        return "(not installed)"
