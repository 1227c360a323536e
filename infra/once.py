"""What is worked out when it is first asked for, and kept."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Once(Generic[T]):
    """`functools.cached_property` without the lock that it takes before Python 3.12.

    For objects of one thread that are made by the ten thousand.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "Once[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        """The value; from now on it is an attribute of the instance, and nobody comes here."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._make(instance)
        return value
