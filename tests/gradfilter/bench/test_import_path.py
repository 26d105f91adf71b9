"""Models named by the module and factory that make them."""

import pytest

from gradfilter.bench.schema import TrainingWorkload
from gradfilter.bench.schema.import_path import ImportPath, read_import_path


def test_plain_name_is_no_import_path():
    """
    Only names that begin with import: are paths.
    """
    assert None is read_import_path("resnet18")


def test_path_is_a_module_and_a_factory():
    """
    The last part is the factory, all between the colons the module.
    """
    assert ImportPath("zoo.nets", "small") == read_import_path("import:zoo.nets:small")


@pytest.mark.parametrize(
    "model", ["import:", "import:zoo", "import:zoo:", "import:zoo/nets:a", "import:1:a", "import:a:b:c"]
)
def test_broken_path_is_refused_by_the_schema(model):
    """
    A job with half a path is refused before any board sees it.
    """
    with pytest.raises(ValueError, match=r"model must be a plain name or 'import:package.module:factory'"):
        TrainingWorkload(kind="training", model=model)


@pytest.mark.parametrize(
    ("allowed", "modules"),
    [(True, ["zoo.nets"]), (True, ["other", "zoo"]), (False, []), (False, ["zoo.nets.small"]), (False, ["zo"])],
)
def test_a_package_allows_the_modules_in_it(allowed, modules):
    """
    The module itself or a package around it must be listed; a name that merely begins alike is none.
    """
    assert allowed is ImportPath("zoo.nets", "small").is_within(modules)
