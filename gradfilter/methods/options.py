"""The options of a method: its dataclass's fields, described and checked.

Options arrive as JSON, so their types are few: int, float, bool, str, and Optional[...], List[...]
and Dict[str, ...] of these. Every option has a default, and its meaning stands in metadata["help"].
"""

from dataclasses import MISSING, fields
from typing import Any, Dict, List, Mapping, Tuple, Type, Union, get_type_hints

from gradfilter.bench.schema import OptionDescription

_WRITTEN = {list: "List", dict: "Dict"}
_PYTHON_36_ORIGINS: Dict[Any, Any] = {List: list, Dict: dict}


def describe_options(method: Type[Any]) -> List[OptionDescription]:
    """The options in the order in which the class lists them."""
    hints = get_type_hints(method)
    return [
        OptionDescription(
            name=option.name,
            type=type_name(hints[option.name]),
            default=option.default if option.default_factory is MISSING else option.default_factory(),
            help=option.metadata.get("help", ""),
        )
        for option in _options(method)
    ]


def check_names(method: Type[Any], options: Mapping[str, Any]) -> None:
    """Refuse options that the method does not have.

    Raises:
        ValueError: naming every unknown option and what there is.
    """
    offered = [option.name for option in _options(method)]
    unknown = [name for name in options if name not in offered]
    if unknown:
        raise ValueError(
            "%s has no option %s; it has %s."
            % (method.name, " and no option ".join(map(repr, unknown)), ", ".join(offered) or "none")
        )


def check_types(method: Any) -> None:
    """Refuse a method whose options are not of the types it declares.

    Raises:
        ValueError: naming the option, its type and the value.
    """
    hints = get_type_hints(type(method))
    for option in _options(type(method)):
        value = getattr(method, option.name)
        if not _fits(value, hints[option.name]):
            raise ValueError("%s must be %s, got %r." % (option.name, type_name(hints[option.name]), value))


def type_name(hint: Any) -> str:
    """A type as Python writes it, the same on every version: 'int', 'Optional[List[str]]'."""
    origin, arguments = _parts(hint)
    if origin is Union:
        names = [type_name(argument) for argument in arguments if argument is not type(None)]
        inner = names[0] if len(names) == 1 else "Union[%s]" % ", ".join(names)
        return "Optional[%s]" % inner if type(None) in arguments else inner
    if origin in _WRITTEN:
        return "%s[%s]" % (_WRITTEN[origin], ", ".join(map(type_name, arguments)))
    return str(hint.__name__)


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = _parts(hint)
    if origin is Union:
        return any(_fits(value, argument) for argument in arguments)
    if origin is list:
        return isinstance(value, list) and all(_fits(entry, arguments[0]) for entry in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            _fits(key, arguments[0]) and _fits(entry, arguments[1]) for key, entry in value.items()
        )
    if isinstance(value, bool):
        return hint is bool  # Python counts True as an int; an option does not
    return isinstance(value, (int, float)) if hint is float else isinstance(value, hint)


def _parts(hint: Any) -> Tuple[Any, Tuple[Any, ...]]:
    """A generic type's origin and arguments. Python 3.6 calls the origin of List[str] List, later ones list."""
    origin = getattr(hint, "__origin__", None)
    return _PYTHON_36_ORIGINS.get(origin, origin), getattr(hint, "__args__", None) or ()


def _options(method: Type[Any]) -> List[Any]:
    return [option for option in fields(method) if option.init]
