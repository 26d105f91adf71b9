"""The house rules: who imports whom, on which Python, and how large a file may grow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gradfilter", "agent", "controller", "migrations", "deploy")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "build" not in path.parts)
LONGEST_FILE = 400  # lines; 80 to 300 is the aim, beyond this a file holds two rooms
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}

# What each package may import from the project; `gradfilter.bench.schema` is the one thing that crosses.
ALLOWED = {
    "gradfilter": ("gradfilter",),
    "agent": ("agent", "gradfilter.bench.schema"),
    "controller": ("controller", "migrations", "gradfilter.bench.schema"),
    "migrations": ("controller.tables",),
    "deploy": ("deploy", "controller.client", "controller.jobs", "gradfilter.bench.schema"),
}
FORBIDDEN = {
    "gradfilter": ("fastapi", "pydantic", "psutil", "pandas", "sqlalchemy"),
    "agent": ("torch", "jtop", "pandas", "pyarrow", "sqlalchemy"),
    "controller": ("torch", "timm", "jtop"),
}
# The library is of use without the benchmark: it shares the words of records with it, and nothing else.
# Each room imports from those before it.
ROOMS = ("filtering", "lean", "compression", "virtual", "methods", "inspection", "systolic")
LIBRARY = [path for room in ROOMS for path in (ROOT / "gradfilter" / room).rglob("*.py")]
# A program for another Python, which the agent starts and never imports: it alone talks to jtop.
JTOP_READER = ROOT / "agent" / "jtop_reader.py"
# Programs that travel in a bundle, for whichever Python a board has.
ON_BOARD = sorted((ROOT / "deploy" / "bundling" / "on_board").glob("*.py"))
ANALYSIS_MAY_IMPORT = {"controller", "gradfilter", "numpy", "scipy", "pandas", *sys.stdlib_module_names}


def imports(path: Path) -> set[str]:
    """Every module a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_stay_in_their_rooms(path):
    """A file imports only what its package may: the schema crosses, nothing else does."""
    package = path.relative_to(ROOT).parts[0]
    ours = {module for module in imports(path) if is_within(module, PACKAGES)}
    # `from a.b import c` is seen as both a.b and a.b.c: the parents of an allowed name are allowed too.
    allowed = ALLOWED[package]
    strangers = {
        module
        for module in ours
        if not is_within(module, allowed) and not any(name.startswith(module + ".") for name in allowed)
    }
    assert set() == strangers
    forbidden = () if path == JTOP_READER else FORBIDDEN.get(package, ())
    assert set() == {module for module in imports(path) if is_within(module, forbidden)}


@pytest.mark.parametrize("path", sorted(LIBRARY), ids=lambda path: str(path.relative_to(ROOT)))
def test_library_does_without_the_benchmark(path):
    """The library's rooms import nothing from the bench but its schema."""
    of_bench = {module for module in imports(path) if is_within(module, ("gradfilter.bench",))}
    assert set() == {module for module in of_bench if not is_within(module, ("gradfilter.bench.schema",))}


@pytest.mark.parametrize("path", sorted(LIBRARY), ids=lambda path: str(path.relative_to(ROOT)))
def test_library_rooms_do_not_import_in_a_circle(path):
    """A room of the library imports itself and the rooms before it."""
    room = path.relative_to(ROOT / "gradfilter").parts[0]
    later = tuple("gradfilter." + name for name in ROOMS[ROOMS.index(room) + 1 :])
    assert set() == {module for module in imports(path) if is_within(module, later)}


@pytest.mark.parametrize("path", sorted((ROOT / "controller" / "analysis").rglob("*.py")), ids=lambda path: path.name)
def test_analysis_is_pure(path):
    """Analysis knows no database, no HTTP and no service: numbers in, numbers out."""
    modules = imports(path)
    assert set() == {module.split(".")[0] for module in modules} - ANALYSIS_MAY_IMPORT
    assert set() == {m for m in modules if m.startswith("controller.") and not m.startswith("controller.analysis")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_readable(path):
    """No file grows into two rooms, and none is named after nothing."""
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    assert path.stem not in VAGUE


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if "gradfilter" in p.relative_to(ROOT).parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_library_keeps_python_36_syntax(path):
    """The library parses as Python 3.6; tests/python36.py also runs it there."""
    tree = ast.parse(path.read_text(), feature_version=(3, 6))
    assert [] == [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "__future__"]


def test_jtop_reader_stands_alone():
    """What talks to jtop parses as Python 3.6, needs only jtop and the standard library, and is never imported."""
    ast.parse(JTOP_READER.read_text(), feature_version=(3, 6))
    assert {"jtop"} == {module.split(".")[0] for module in imports(JTOP_READER)} - sys.stdlib_module_names
    assert [] == [path for path in FILES if "agent.jtop_reader" in imports(path)]


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: path.name)
def test_programs_of_a_bundle_stand_alone(path):
    """What checks and installs a bundle parses as Python 3.6 and needs only the standard library."""
    ast.parse(path.read_text(), feature_version=(3, 6))
    assert set() == {module.split(".")[0] for module in imports(path)} - sys.stdlib_module_names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_the_services_entry_points(path):
    """`app` and `cli` are leaves: only the command that starts a service imports its app."""
    leaves = {"agent.app", "agent.cli", "controller.app", "controller.cli"}
    starters = {ROOT / "agent" / "cli.py", ROOT / "agent" / "service.py", ROOT / "controller" / "service.py"}
    assert path in starters or set() == imports(path) & leaves


@pytest.mark.parametrize("package", ["agent.app", "controller.app", "controller.cli", "gradfilter.bench.schema"])
def test_services_load_no_torch(package):
    """Importing a service or the schema leaves torch unloaded; the agent leaves pandas unloaded too."""
    heavy = ["torch", "jtop"] + (["pandas", "pyarrow", "controller"] if package.startswith("agent") else [])
    code = f"import sys, {package}; sys.exit(','.join(set({heavy!r}) & set(sys.modules)) or 0)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (0, "") == (result.returncode, result.stderr)
