"""The rules of the house that a linter does not know, read off the syntax tree."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("agents", "adapters", "journal", "tasks", "api", "runtime", "replay", "sandbox")
STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)

MAY_IMPORT = MappingProxyType(
    {
        "agents": {"agents"},
        "adapters": {
            "adapters",
            "agents",
            "apprise",
            "ccxt",
            "celery",
            "kombu",
            "prometheus_client",
            "redbeat",
            "redis",
            "requests",
            "urllib3",
        },
        "journal": {"journal", "agents", "psycopg2", "sqlalchemy"},
        "runtime": {"runtime", "adapters", "journal", "agents"},
        "replay": {"replay", "agents"},
        "tasks": {"tasks", "runtime", "adapters", "journal", "agents", "celery"},
    }
)
"""What a room may import beside the standard library; api and sandbox may use any library."""

TYPES = MappingProxyType({"tasks": {"sqlalchemy.orm.Session"}})
"""Names a room needs for its annotations alone: tasks hand a unit of work on to the journal and never query it."""

COMMANDS = MappingProxyType({"journal/audit/__main__.py": {"runtime"}, "replay/__main__.py": {"runtime", "click"}})
"""A command is where something starts, so it reads its settings itself; what it may import besides its room."""

MAX_LINES = 250
LONGER: dict[str, str] = {}
"""Modules that may be longer, with the reason."""

EXACT = ("agents", "journal", "tasks", "adapters/exchange", "replay")
FLOATS = {
    "journal/queries.py": "a tick's interval in seconds becomes a timedelta, which takes no Decimal",
    "replay/generator.py": "made-up prices are drawn by chance, and read back as Decimal",
    "replay/momentum.py": "statistics; what leaves is a confidence, as Decimal",
}
"""Modules on the way of money that may use float, with the reason."""

ENVIRONMENT_PASSED_ON = frozenset({"tasks/celery.py", "alembic/env.py", "journal/audit/__main__.py", "api/tokens.py"})
"""They hand the whole environment to runtime.settings before all settings can be there, and read nothing themselves."""


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file, in full; no file imports relatively."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(module: str) -> str:
    return module.partition(".")[0]


def offenders(found: Iterator[tuple[Path, str]]) -> list[str]:
    return sorted(f"{name_of(path)}: {what}" for path, what in found)


def test_the_rules_look_at_real_files() -> None:
    for room in ROOMS:
        assert modules(room), room


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    def allowed(path: Path, module: str) -> bool:
        rooms = MAY_IMPORT[room] | STANDARD_LIBRARY | COMMANDS.get(name_of(path), set())
        return top(module) in rooms or module in TYPES.get(room, set())

    assert offenders((p, m) for p in modules(room) for m in imports(p) if not allowed(p, m)) == []


def test_the_api_imports_neither_the_tasks_nor_the_exchange() -> None:
    def forbidden(module: str) -> bool:
        return top(module) in {"tasks", "ccxt", "celery"} or module.startswith("adapters.exchange")

    assert offenders((p, m) for p in modules("api") for m in imports(p) if forbidden(m)) == []


def test_only_the_exchange_adapter_imports_ccxt() -> None:
    users = {name_of(p) for p in modules(*ROOMS) for m in imports(p) if top(m) == "ccxt"}

    assert users
    assert all(user.startswith("adapters/exchange") for user in users), users


def test_nothing_outside_the_sandbox_imports_the_sandbox() -> None:
    rooms = [room for room in ROOMS if room != "sandbox"]

    assert offenders((p, m) for p in modules(*rooms, "alembic") for m in imports(p) if top(m) == "sandbox") == []


def test_nothing_of_ours_imports_the_tests() -> None:
    assert offenders((p, m) for p in modules(*ROOMS, "alembic") for m in imports(p) if top(m) == "tests") == []


def test_the_running_api_never_loads_ccxt() -> None:
    program = """
import importlib, pkgutil, sys
import api
for module in pkgutil.walk_packages(api.__path__, "api."):
    importlib.import_module(module.name)
assert "runtime.bootstrap" in sys.modules
print([name for name in sys.modules if name.partition(".")[0] == "ccxt" or name.startswith("adapters.exchange")])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def environment_uses(path: Path) -> Iterator[tuple[ast.AST, bool]]:
    """Every mention of the environment, and whether it only hands it to another function as it is."""
    tree = tree_of(path)
    handed_on = {id(argument) for node in ast.walk(tree) if isinstance(node, ast.Call) for argument in node.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}:
            yield node, id(node) in handed_on
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            for alias in node.names:
                if alias.name in {"environ", "environb", "getenv", "putenv"}:
                    yield node, False


def test_only_the_settings_read_the_environment() -> None:
    rooms = [room for room in ROOMS if room != "sandbox"]
    for path in modules(*rooms, "alembic"):
        name = name_of(path)
        if name == "runtime/settings.py":
            continue
        for node, handed_on in environment_uses(path):
            assert handed_on, f"{name}:{node.lineno} reads the environment"  # type: ignore[attr-defined]  # these nodes have lines
            assert name in ENVIRONMENT_PASSED_ON, f"{name} passes the environment on"


def test_modules_are_short() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*ROOMS)}

    assert {name: length for name, length in lengths.items() if length > MAX_LINES and name not in LONGER} == {}
    assert {name for name in LONGER if lengths.get(name, 0) <= MAX_LINES} == set(), "these need no exception"


def uses_float(path: Path) -> Iterator[int]:
    for node in ast.walk(tree_of(path)):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
        if literal or (isinstance(node, ast.Name) and node.id == "float"):
            yield node.lineno  # type: ignore[attr-defined]  # both kinds have lines


def test_no_float_lies_on_the_way_of_money() -> None:
    on_the_way = [
        path for path in modules("agents", "journal", "tasks", "adapters", "replay") if name_of(path).startswith(EXACT)
    ]
    found = {name_of(path): lines for path in on_the_way if (lines := list(uses_float(path)))}

    assert {name: lines for name, lines in found.items() if name not in FLOATS} == {}
    assert set(FLOATS) <= set(found), "these need no exception"


def test_a_rule_can_fail(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import os\nfrom sandbox.exchange import app\nprice = float(os.environ['PRICE']) * 0.5\n")

    assert list(imports(bad)) == ["os", "sandbox.exchange.app"]
    assert sorted(uses_float(bad)) == [3, 3]
    assert [handed_on for _, handed_on in environment_uses(bad)] == [False]
