"""Values of parameters, checked where they enter: whole numbers, numbers, switches, choices and texts.

Python itself would take `True` for 1, an array for a condition, and a text for a list of its letters.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial, wraps
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeGuard, TypeVar, Union, get_args, get_origin

import numpy as np

from clinometer.errors import UsageError, shown
from clinometer.suggestions import did_you_mean

__all__ = [
    "MOST_THREADS",
    "checked",
    "choice",
    "is_real",
    "number",
    "refuse_unknown_options",
    "switch",
    "texts",
    "thread_number",
    "whole",
]

P = ParamSpec("P")
R = TypeVar("R")
_Check = Callable[[object, str], object]

MOST_THREADS = 4096
"""Threads of one call; no machine has more cores."""


def whole(value: object, name: str, *, least: int | None = None, most: int | None = None) -> int:
    """A whole number, not a truth value, of Python or NumPy.

    Args:
        value: The value.
        name: Name of the parameter, for the message.
        least: Smallest valid value.
        most: Greatest valid value.

    Raises:
        UsageError: It is something else, or outside these bounds.

    Example:
        >>> whole(3, "k", least=0)
        3
        >>> whole(1.5, "k", least=0)
        Traceback (most recent call last):
        clinometer.errors.UsageError: k is 1.5, but must be a whole number
    """
    try:
        if isinstance(value, (bool, np.bool_, np.ndarray)):
            raise TypeError
        integer = operator.index(value)  # type: ignore[arg-type]
    except Exception:
        raise UsageError(f"{name} is {shown(value)}, but must be a whole number") from None
    _refuse_outside(integer, name, least, most)
    return integer


def thread_number(value: object, name: str = "threads") -> int | None:
    """A number of threads, None for the default.

    Raises:
        UsageError: It is neither.
    """
    return None if value is None else whole(value, name, least=1, most=MOST_THREADS)


def number(value: object, name: str, *, least: float | None = None, most: float | None = None) -> float:
    """A finite real number, not a truth value, of Python or NumPy; arguments and errors are those of `whole`.

    Example:
        >>> number(1, "smoothing")
        1.0
    """
    try:
        if isinstance(value, (bool, np.bool_, np.ndarray, str, bytes, complex, np.complexfloating)):
            raise TypeError
        real = float(value)  # type: ignore[arg-type]
    except Exception:
        raise UsageError(f"{name} is {shown(value)}, but must be a number") from None
    if not np.isfinite(real):
        raise UsageError(f"{name} is {shown(value)}, but must be a finite number")
    _refuse_outside(real, name, least, most)
    return real


def is_real(value: object) -> TypeGuard[float]:
    """Whether a value is a real number of Python or NumPy, not a truth value; it may be infinite or NaN.

    Example:
        >>> is_real(1), is_real(True), is_real("1")
        (True, False, False)
    """
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def refuse_unknown_options(options: Iterable[str], known: Collection[str], owner: str) -> None:
    """Refuse names of options that their owner does not know.

    Raises:
        UsageError: The message gives those that it knows.

    Example:
        >>> refuse_unknown_options(["unitt"], ["unit"], "xquad")
        Traceback (most recent call last):
        clinometer.errors.UsageError: unknown option unitt of xquad; expected unit; did you mean unit?
    """
    if unknown := [name for name in options if name not in known]:
        expected = ", ".join(known) or "none"
        meant = did_you_mean(unknown, known)
        raise UsageError(f"unknown option {', '.join(unknown)} of {owner}; expected {expected}{meant}")


def switch(value: object, name: str) -> bool:
    """A truth value of Python or NumPy.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise UsageError(f"{name} is {shown(value)}, but must be True or False")
    return bool(value)


def choice(value: object, name: str, choices: Collection[str]) -> str:
    """One of some names.

    Raises:
        UsageError: It is none of them; the message gives them.

    Example:
        >>> choice("euclidean", "similarity", ("cosine", "dot"))
        Traceback (most recent call last):
        clinometer.errors.UsageError: unknown similarity 'euclidean'; expected cosine or dot
    """
    if not isinstance(value, str) or value not in choices:
        *others, last = choices
        expected = f"one of {', '.join((*others, last))}" if len(others) > 1 else " or ".join((*others, last))
        raise UsageError(f"unknown {name} {shown(value)}; expected {expected}{did_you_mean(value, choices)}")
    return value


def texts(values: object, name: str) -> list[str]:
    """A list of texts, in order.

    Raises:
        UsageError: It is one text, something without order, or holds other values; the message names the first.

    Example:
        >>> texts(np.array(["en", "de"]), "languages")
        ['en', 'de']
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        fix = f"; write {shown(values.split(','))}" if isinstance(values, str) else ""
        raise UsageError(f"{name} must be a list of texts, not {shown(values)}{fix}")
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise UsageError(f"{name} must be a list of texts, not an array of shape {values.shape}")
    if isinstance(values, (set, frozenset)):
        raise UsageError(f"{name} must be a list of texts; a set has no order")
    try:
        items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    except Exception:
        raise UsageError(f"{name} must be a list of texts, not {shown(values)}") from None
    if set(map(type, items)) <= {str}:
        return items
    for place, item in enumerate(items):
        if not isinstance(item, str):
            raise UsageError(f"{name} must be a list of texts, but item {place} is {shown(item)}")
    return [str(item) for item in items]


def _refuse_outside(value: float, name: str, least: float | None, most: float | None) -> None:
    if least is not None and value < least:
        rule = "cannot be negative" if least == 0 else f"must be {least:,} or more"
        raise UsageError(f"{name} is {shown(value)}, but {rule}")
    if most is not None and value > most:
        raise UsageError(f"{name} is {shown(value)}, but can be at most {most:,}")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """A public function that refuses arguments of types other than it declares, before it does anything.

    What cannot be told from a type, such as the values of an array, is for the function itself. Iterators are not
    consumed, and arguments are passed on as they are.

    Example:
        >>> @checked
        ... def repeat(text: str, times: int = 2) -> str:
        ...     return text * times
        >>> repeat("a", times=3)
        'aaa'
        >>> repeat("a", times="3")
        Traceback (most recent call last):
        clinometer.errors.UsageError: times is '3', but must be a whole number
    """
    signature = inspect.signature(function)
    values_of = _binding(signature)
    checks: dict[str, _Check | None] = {}

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        for name, value in values_of(arguments, options):
            if name not in checks:
                checks[name] = _check_of(function, signature.parameters[name])
            if (check := checks[name]) is not None:
                check(value, name)
        return function(*arguments, **options)

    return run


def _binding(
    signature: inspect.Signature,
) -> Callable[[tuple[Any, ...], dict[str, Any]], Iterable[tuple[str, Any]]]:
    """A function from the arguments of a call to the parameters that they are for, as `Signature.bind`, and faster."""
    parameters = signature.parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    plain = kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    by_place = [name for name, parameter in parameters.items() if parameter.kind is not parameter.KEYWORD_ONLY]
    required = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}

    def values_of(arguments: tuple[Any, ...], options: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        values = dict(zip(by_place, arguments, strict=False)) | options
        fits = len(values) == len(arguments) + len(options) and required <= values.keys() <= parameters.keys()
        if not plain or not fits:
            return signature.bind(*arguments, **options).arguments.items()  # refused, where it does not fit
        return [(name, values[name]) for name in parameters if name in values]

    return values_of


def _check_of(function: Callable[..., Any], parameter: inspect.Parameter) -> _Check | None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.annotation is parameter.empty:
        return None
    if parameter.name == "seed":
        return partial(whole, least=0)
    annotation = parameter.annotation
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, getattr(function, "__globals__", {}))  # noqa: S307 - the function's own text
        except NameError:
            return None  # known to type checkers only
    return _check(annotation)


def _check(annotation: Any) -> _Check | None:
    """A check for values of a type; None for a type that only its user can check."""
    kind, inner = get_origin(annotation), get_args(annotation)
    if annotation in _CHECKS:
        return _CHECKS[annotation]
    if kind is Literal:
        return _text if all(isinstance(value, str) for value in inner) else None
    if kind in (Union, UnionType):
        return _either([(part, None if part is NoneType else _check(part)) for part in inner])
    if kind in (Iterable, Collection) and inner[:1] == (str,):
        return _unread_texts
    if kind in (Sequence, list, tuple) and inner[:1] == (str,):
        return _ordered_texts
    if kind in (Iterable, Sequence, list, tuple):
        return partial(_items, sized=kind is not Iterable)
    if kind in (Mapping, dict):
        return partial(_instance, Mapping, "a mapping")
    if annotation is Any or annotation is object or getattr(annotation, "_is_protocol", False):
        return None
    if isinstance(annotation, type):
        return partial(_instance, annotation, annotation.__name__)
    return None


def _either(parts: list[tuple[Any, _Check | None]]) -> _Check | None:
    checks = [check for part, check in parts if part is not NoneType]
    if None in checks:
        return None

    def check(value: object, name: str) -> None:
        if value is None and len(checks) < len(parts):
            return
        problems = []
        for alternative in filter(None, checks):
            try:
                alternative(value, name)
            except UsageError as error:
                problems.append(error)
            else:
                return
        raise problems[0]

    return check


def _text(value: object, name: str) -> None:
    if not isinstance(value, str):
        raise UsageError(f"{name} is {shown(value)}, but must be a text")


def _ordered_texts(values: object, name: str) -> None:
    # The names of a mapping, such as `SCENARIOS`, are a list in its order.
    texts(list(values) if isinstance(values, Mapping) else values, name)


def _unread_texts(values: object, name: str) -> None:
    if not isinstance(values, Iterator):
        _ordered_texts(list(values) if isinstance(values, (set, frozenset)) else values, name)


def _items(values: object, name: str, *, sized: bool) -> None:
    """Refuse what has no items; whether a text will do, and which items, is for the function to say."""
    if not isinstance(values, Iterable) or (sized and not isinstance(values, Sized)) or getattr(values, "ndim", 1) != 1:
        raise UsageError(f"{name} must be a list, not {shown(values)}")


def _instance(kind: type, noun: str, value: object, name: str) -> None:
    if not isinstance(value, kind):
        raise UsageError(f"{name} is {shown(value)}, but must be {noun}")


_CHECKS: dict[Any, _Check] = {int: whole, float: number, bool: switch, str: _text}
