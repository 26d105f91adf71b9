"""Models of a board's own modules: 'import:package.module:factory'.

A job is data: it may name only what the board's settings list (WorkerDescription.model_modules).
"""

import re
from typing import NamedTuple, Optional, Sequence

_PREFIX = "import:"
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_PATH = re.compile(r"import:(%s(?:\.%s)*):(%s)\Z" % (_IDENTIFIER, _IDENTIFIER, _IDENTIFIER))


class ImportPath(NamedTuple):
    """A callable in a Python module."""

    module: str
    factory: str

    def is_within(self, modules: Sequence[str]) -> bool:
        """Whether the module, or a package that it is in, is among these."""
        return any(self.module == module or self.module.startswith(module + ".") for module in modules)


def read_import_path(model: str) -> Optional[ImportPath]:
    """The import path that a model's name is; None where it is a plain name.

    Raises:
        ValueError: it begins like an import path, and is none.
    """
    if not model.startswith(_PREFIX):
        return None
    match = _PATH.match(model)
    if match is None:
        raise ValueError(
            "model must be a plain name or 'import:package.module:factory' in Python's identifiers, got %r." % model
        )
    return ImportPath(*match.groups())
