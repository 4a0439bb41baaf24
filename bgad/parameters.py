"""Typed parameters, checked when an object is made."""

import functools
from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, ValidationError, WrapValidator
from pydantic.dataclasses import dataclass
from typing_extensions import dataclass_transform

from bgad.errors import InputError

__all__ = ["Count", "Natural", "Part", "Positive", "Proportion", "Share", "Weight", "parameters"]


def _as_given(value: Any, check: Callable[[Any], float]) -> Any:
    check(value)
    return value  # 4 stays 4: parameters are compared and hashed as they were written


_AsGiven = WrapValidator(_as_given)
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1), _AsGiven]
Part = Annotated[float, Field(gt=0, le=1), _AsGiven]
Proportion = Annotated[float, Field(gt=0, lt=1), _AsGiven]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False), _AsGiven]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), _AsGiven]

_T = TypeVar("_T")
_CONFIG = ConfigDict(strict=True, extra="forbid")


@dataclass_transform(kw_only_default=True, field_specifiers=(Field,))
def parameters(cls: type[_T]) -> type[_T]:
    """Make a class's annotated fields its keyword arguments, checked by type and range.

    Raises
    ------
    InputError
        When an object is made with an unknown parameter, or a value of another type or outside its
        range; all faults are named.
    """
    cls = dataclass(kw_only=True, eq=False, repr=False, config=_CONFIG)(cls)
    cls.__init__ = _with_messages(cls, cls.__init__)
    return cls


def _with_messages(cls: type, init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def checked(self: Any, **values: Any) -> None:
        try:
            init(self, **values)
        except ValidationError as error:
            raise InputError("; ".join(_message(cls, fault) for fault in error.errors())) from None

    return checked


def _message(cls: type, fault: dict[str, Any]) -> str:
    if fault["type"] == "value_error":  # raised by the class itself
        return str(fault["ctx"]["error"])
    name, *within = fault["loc"]
    if fault["type"] == "unexpected_keyword_argument":
        close = get_close_matches(str(name), [field.name for field in fields(cls)], 1)
        hint = f": did you mean {close[0]}?" if close else ""
        return f"{cls.__name__} knows no parameter {name}{hint}"
    place = "".join(f"[{part}]" for part in within if isinstance(part, int))
    return f"{name}{place}: {fault['msg']}, got {fault['input']!r}"
