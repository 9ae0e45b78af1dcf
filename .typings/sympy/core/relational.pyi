from typing import TypeAlias

from sympy import Expr
from sympy.logic.boolalg import Boolean

_Number: TypeAlias = Expr | int | float

class Relational(Boolean):
    lhs: Expr
    rhs: Expr
    lts: Expr
    gts: Expr
    rel_op: str
    reversed: Relational
    negated: Relational
    strict: Relational
    @property
    def args(self) -> tuple[Expr, ...]: ...
    @property
    def func(self) -> type[Relational]: ...
    def __new__(cls, left: _Number, right: _Number, *arguments: object, evaluate: bool = ...) -> Boolean: ...  # type: ignore[misc]

class Eq(Relational): ...
class Ne(Relational): ...
class Lt(Relational): ...
class Le(Relational): ...
class Gt(Relational): ...
class Ge(Relational): ...
