"""JSON values to the schema's dataclasses and back, with the standard library alone.

The services let pydantic do this; the worker runs where pydantic is not. Both refuse the same
things: unknown keys, missing fields, wrong types. What a type cannot say is checked by each
dataclass itself. An int is accepted for a float, as JSON does not tell them apart.
"""

import dataclasses
from math import isfinite
from typing import Any, Callable, Dict, List, Tuple, Type, TypeVar, Union, cast

from gradfilter.bench.errors import DecodingError

T = TypeVar("T")


def decode(cls: Type[T], value: Any, path: str = "") -> T:
    """Build a dataclass from a decoded JSON object.

    Raises:
        DecodingError: a key is unknown, a field is missing, or a value has the wrong type or range.
    """
    known = {field.name: field for field in dataclasses.fields(cast("Any", cls)) if field.init}
    if not isinstance(value, dict):
        raise _mismatch(path, "an object", value)
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise DecodingError(
            _join(path, unknown[0]),
            "%s is unknown; %s has the fields %s." % (_join(path, unknown[0]), cls.__name__, ", ".join(known)),
        )
    arguments = {name: _decode(known[name].type, item, _join(path, name)) for name, item in value.items()}
    missing = [field.name for field in known.values() if field.name not in arguments and _is_required(field)]
    if missing:
        raise DecodingError(_join(path, missing[0]), "%s is required." % _join(path, missing[0]))
    try:
        return cls(**arguments)
    except ValueError as error:
        raise DecodingError(path, str(error)) from error


def encode(value: Any) -> Any:
    """A value that strict JSON can carry: dataclasses become objects, non-finite numbers null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value


# --------------------------------------------------------------------------- one type at a time


def _decode(hint: Any, value: Any, path: str) -> Any:
    """Decode by the kind of type; the first kind that knows the hint decides."""
    if hint is Any:
        return value
    if getattr(hint, "__metadata__", ()):
        return _decode_tagged(hint.__metadata__[0], value, path)
    choices = _literal_choices(hint)
    if choices:
        return _decode_literal(choices, value, path)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return decode(hint, value, path)
    container = _CONTAINERS.get(getattr(hint, "__origin__", None))
    if container is not None:
        return container(hint.__args__, value, path)
    return _decode_scalar(hint, value, path)


def _decode_tagged(union: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _mismatch(path, "an object", value)
    tag = value.get(union.tag)
    if not isinstance(tag, str) or tag not in union.choices:
        field = _join(path, union.tag)
        raise DecodingError(field, "%s must be one of %s, got %r." % (field, ", ".join(union.choices), tag))
    return decode(union.choices[tag], value, path)


def _literal_choices(hint: Any) -> Tuple[Any, ...]:
    # typing_extensions on Python 3.6 keeps the values of a Literal elsewhere than typing does.
    if hasattr(hint, "__values__"):
        return tuple(hint.__values__)
    is_literal = str(getattr(hint, "__origin__", "")).endswith(".Literal")
    return tuple(hint.__args__) if is_literal else ()


def _decode_literal(choices: Tuple[Any, ...], value: Any, path: str) -> Any:
    # True == 1, so that the type must agree as well.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        raise DecodingError(path, "%s must be one of %s, got %r." % (path, ", ".join(map(str, choices)), value))
    return value


def _decode_list(arguments: Tuple[Any, ...], value: Any, path: str) -> List[Any]:
    if not isinstance(value, list):
        raise _mismatch(path, "a list", value)
    return [_decode(arguments[0], item, _join(path, str(index))) for index, item in enumerate(value)]


def _decode_dict(arguments: Tuple[Any, ...], value: Any, path: str) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(path, "an object", value)
    return {key: _decode(arguments[1], item, _join(path, key)) for key, item in value.items()}


def _decode_union(arguments: Tuple[Any, ...], value: Any, path: str) -> Any:
    """Optional and Union: the first member that fits. With one candidate its own error is the clearest."""
    if value is None and type(None) in arguments:
        return None
    candidates = [argument for argument in arguments if argument is not type(None)]
    attempts = [_attempt(candidate, value, path) for candidate in candidates]
    fitting = [attempt for attempt in attempts if not isinstance(attempt, DecodingError)]
    if fitting:
        return fitting[0]
    if len(attempts) == 1:
        raise attempts[0]
    raise DecodingError(path, " Or: ".join(map(str, attempts)))


def _attempt(hint: Any, value: Any, path: str) -> Any:
    """The decoded value, or the error as a value."""
    try:
        return _decode(hint, value, path)
    except DecodingError as error:
        return error


def _decode_scalar(hint: Any, value: Any, path: str) -> Any:
    # bool is an int to Python, not to JSON.
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise _mismatch(path, _SCALAR_NAMES.get(hint, str(hint)), value)
    return value


_CONTAINERS: Dict[Any, Callable[[Tuple[Any, ...], Any, str], Any]] = {
    List: _decode_list,
    list: _decode_list,
    Dict: _decode_dict,
    dict: _decode_dict,
    Union: _decode_union,
}

_SCALAR_NAMES = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}


def _is_required(field: Any) -> bool:
    return bool(field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING)


def _join(path: str, name: str) -> str:
    return "%s.%s" % (path, name) if path else name


def _mismatch(path: str, expected: str, value: Any) -> DecodingError:
    return DecodingError(path, "%s must be %s, got %s." % (path or "the value", expected, repr(value)[:120]))
