"""A union of dataclasses told apart by one field, understood by pydantic without importing it."""

from typing import Any, Dict


class TaggedUnion:
    """Annotation for ``Annotated[Union[A, B], TaggedUnion("kind", {"a": A, "b": B})]``.

    The worker's own decoder reads `tag` and `choices`. Pydantic calls the hook below and so
    reports errors of the one type that was meant, not of every member of the union.
    """

    def __init__(self, tag: str, choices: Dict[str, Any]) -> None:
        self.tag = tag
        self.choices = choices

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Dict[str, Any]:
        """A pydantic-core tagged-union schema, which is a plain dict."""
        return {
            "type": "tagged-union",
            "discriminator": self.tag,
            "choices": {name: handler.generate_schema(cls) for name, cls in self.choices.items()},
        }
