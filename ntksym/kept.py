"""Values that an object computes once and keeps: `functools.cached_property` without its lock.

Before Python 3.12 that holds one lock for all instances of a class while it computes. Derivations and translations
take up to a second: threads that derive different duals would wait for each other, and a child that is forked meanwhile
would wait for ever, since nobody releases the lock in it. Here two threads may compute the same value twice, which is
harmless: the values are equal, and the last one is kept.
"""

from functools import cached_property
from typing import TypeVar, overload

__all__ = ["kept"]

Value = TypeVar("Value", covariant=True)


class kept(cached_property[Value]):
    """A property that is computed when it is first asked for, and kept in the instance under its own name."""

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> "kept[Value]": ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Value: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> "kept[Value] | Value":
        if instance is None:
            return self
        assert self.attrname is not None
        values = vars(instance)
        if self.attrname not in values:
            values[self.attrname] = self.func(instance)
        value: Value = values[self.attrname]
        return value
