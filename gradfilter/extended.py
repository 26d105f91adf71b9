"""Modules whose class is extended in place: the same object, parameters, hooks and state dict, and another forward.

The extended class is made when it is first needed, so that a copy or a pickle names what it was made of.
"""

from typing import Any, Dict, Tuple, Type, cast

from torch import nn

Extensions = Tuple[Type["Extension"], ...]


class Extension(nn.Module):
    """Base of what is put in front of a module's class; super().forward is the module's own."""

    extended: Type[nn.Module]
    extensions: Extensions = ()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _blank, (self.extended, self.extensions), self.__dict__


_CLASSES: Dict[Tuple[Type[nn.Module], Extensions], Type[nn.Module]] = {}  # so that equal modules have equal classes


def extend(module: nn.Module, extension: Type[Extension]) -> None:
    """Put an extension in front of a module's class."""
    plain, extensions = _parts(type(module))
    _become(module, _class(plain, (extension, *extensions)))


def unextend(module: nn.Module, extension: Type[Extension]) -> None:
    """Take an extension away; nothing where the module does not have it."""
    _become(module, class_without(module, extension))


def as_it_was(module: nn.Module) -> nn.Module:
    """Another view of a module, with the same parts and without its extensions: to look at, not to keep."""
    plain, _ = _parts(type(module))
    view = plain.__new__(plain)
    vars(view).update(vars(module))
    return view


def class_without(module: nn.Module, extension: Type[Extension]) -> Type[nn.Module]:
    """What a module's class is but for an extension."""
    plain, extensions = _parts(type(module))
    left = tuple(one for one in extensions if one is not extension)
    return _class(plain, left) if left else plain


def _parts(kind: Type[nn.Module]) -> Tuple[Type[nn.Module], Extensions]:
    return (kind.extended, kind.extensions) if issubclass(kind, Extension) else (kind, ())


def _class(plain: Type[nn.Module], extensions: Extensions) -> Type[nn.Module]:
    key = plain, extensions
    if key not in _CLASSES:
        name = "".join(one.__name__ for one in extensions) + plain.__name__
        made: Any = type(name, (*extensions, plain), {"extended": plain, "extensions": extensions})
        _CLASSES[key] = made
    return _CLASSES[key]


def _blank(plain: Type[nn.Module], extensions: Extensions) -> nn.Module:
    kind = _class(plain, extensions)
    return kind.__new__(kind)


def _become(module: nn.Module, kind: Type[nn.Module]) -> None:
    cast("Any", module).__class__ = kind
