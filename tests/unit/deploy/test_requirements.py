"""A fresh machine gets every package that the code imports, at one version everywhere."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICE = ("agents", "adapters", "journal", "runtime", "tasks", "api", "alembic")
EVERYTHING = (*SERVICE, "replay", "sandbox", "tests")


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    parsed = (re.match(r"([\w.-]+)(?:\[\w+\])?==([^ ;]+)", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", pin[1]).lower(): pin[2] for pin in parsed if pin}


def imported(folders: tuple[str, ...]) -> set[str]:
    """Names of the packages from elsewhere that these folders import."""
    modules: set[str] = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.split(".")[0])
    return modules - sys.stdlib_module_names - set(EVERYTHING) - {"bench"}


@pytest.mark.parametrize(
    ("folders", "requirements"), [(SERVICE, "requirements.txt"), (EVERYTHING, "requirements-dev.txt")]
)
def test_every_imported_package_is_installed_by_the_requirements(folders: tuple[str, ...], requirements: str) -> None:
    distributions = packages_distributions()
    pinned = pins(requirements)
    missing = {
        module
        for module in imported(folders)
        if not any(re.sub(r"[-_.]+", "-", name).lower() in pinned for name in distributions.get(module, []))
    }
    assert missing == set()


def test_the_image_and_the_tests_use_the_same_versions() -> None:
    service, everything = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: everything.get(name) for name in service} == service


def test_requirements_name_no_registry() -> None:
    for path in ROOT.glob("requirements*"):
        assert not re.search(r"https?:|--index|--find-links", path.read_text())
