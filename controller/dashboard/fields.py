"""The fields of a form, made from what they stand for: a dataclass of the schema, or a method's options.

A field is named by its dotted path in the job, as the errors of the API name it: 'workload.batch_size'. An empty
field takes the default; a new field of the schema appears in the form by itself.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gradfilter.bench.schema import OptionDescription

YES_OR_NO = ("yes", "no")
_LISTED = ("List", "Dict")
_PARSED = ("int", "float", *_LISTED)
_TRUTHS = {"yes": True, "no": False}


@dataclass(frozen=True)
class FormField:
    """One input. written: its type as Python writes it. choices: what may be chosen, empty for free text.

    suggestions: what is usual, where anything may be typed. default: shown where nothing is given.
    """

    name: str
    label: str
    written: str
    default: str = ""
    help: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether a phone should show digits."""
        return self.written.removeprefix("Optional[").rstrip("]") in ("int", "float")


def dataclass_fields(kind: Any, prefix: str, leave_out: Sequence[str] = ()) -> Iterator[FormField]:
    """A field for every plain field of a dataclass, with those of dataclasses inside it; no lists of dataclasses."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint, name = hints[field.name], prefix + field.name
        if name in leave_out:
            continue
        if inside := [one for one in _possible(hint) if is_dataclass(one)]:
            yield from dataclass_fields(inside[0], f"{name}.", leave_out)
        else:
            yield _plain_field(field, hint, name)


def option_field(option: OptionDescription, prefix: str) -> FormField:
    """The field of a method's option, as the board describes it."""
    choices = YES_OR_NO if option.type == "bool" else ()
    return FormField(
        name=prefix + option.name,
        label=option.name.replace("_", " "),
        written=option.type,
        default=_shown(option.default),
        help=option.help,
        choices=choices,
    )


def read_value(field: FormField, text: str) -> Any:
    """What was typed as a value of the field's type; text that is none is handed on, for the API to refuse in words."""
    if field.choices == YES_OR_NO:
        return _TRUTHS.get(text, text)
    if field.choices or not any(word in field.written for word in _PARSED):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        is_list = any(word in field.written for word in _LISTED) and "," in text
        return [part.strip() for part in text.split(",")] if is_list else text


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at a dotted path of nested mappings."""
    *parents, last = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[last] = value


def read_fields(given: Mapping[str, str], wanted: Sequence[FormField]) -> dict[str, Any]:
    """The values of the fields that were filled in, by dotted path."""
    typed = {field: given.get(field.name, "").strip() for field in wanted}
    return {field.name: read_value(field, text) for field, text in typed.items() if text}


def _possible(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have."""
    return get_args(hint) if get_origin(hint) is Union else (hint,)


def _plain_field(field: Field[Any], hint: Any, name: str) -> FormField:
    default = "" if field.default is MISSING else _shown(field.default)
    required = field.default is MISSING and field.default_factory is MISSING
    label = name.replace("_", " ").replace(".", " ")
    choices = tuple(get_args(hint)) if get_origin(hint) is Literal else YES_OR_NO if hint is bool else ()
    return FormField(name, label, _written(hint), default, required=required, choices=choices)


def _written(hint: Any) -> str:
    """The type as a board writes that of an option: 'int', 'Optional[List[str]]'."""
    plain = isinstance(hint, type) and get_origin(hint) is None
    return hint.__name__ if plain else str(hint).replace("typing.", "")


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if default is None or isinstance(default, str):
        return default or ""
    return json.dumps(default)
