"""What the design says of the shape of the code, as tests. The import directions are import-linter's (`make check`)."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import media.ports

ROOT = Path(__file__).resolve().parent.parent
ROOMS = [
    "media",
    "drm",
    "manifests",
    "ingest",
    "packager",
    "origin",
    "edge_sim",
    "control_api",
    "commands",
    "web",
]
MODULES = [*(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))), ROOT / "pipeline.py"]


@pytest.mark.parametrize("name", [*ROOMS, "cli", "pipeline"])
def test_no_installed_distribution_owns_our_top_level_names(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"tonearm"}


def is_front(path: Path) -> bool:
    return path.name == "commands.py" or path.parent.name == "commands"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if not is_front(path)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_rooms_neither_print_nor_read_the_environment(path: Path) -> None:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id="click"), attr="echo" | "secho" | "prompt" as attribute):
                found.append(f"click.{attribute}")
            case ast.Call(func=ast.Name(id="Console")):
                found.append("rich.console.Console")
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv" as attribute):
                found.append(f"os.{attribute}")
            case ast.Call(func=ast.Name(id="print")):
                found.append("print")
    assert not found


def test_the_pipeline_looks_downward_only() -> None:
    modules = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse((ROOT / "pipeline.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not {module.split(".")[0] for module in modules} & {
        "cli",
        "commands",
        "control_api",
        "edge_sim",
        "web",
    }


def test_a_port_has_at_most_six_methods() -> None:
    ports = [
        value
        for value in vars(media.ports).values()
        if inspect.isclass(value)
        and getattr(value, "_is_protocol", False)
        and value.__module__ == "media.ports"
    ]
    assert ports
    for port in ports:
        methods = [
            name
            for name, value in vars(port).items()
            if inspect.isfunction(value) and not name.startswith("_")
        ]
        assert len(methods) <= 6, port


def test_help_imports_nothing_heavy() -> None:
    """`tonearm --help` answers in under 0.3 s because it loads none of these; the time itself is no test."""
    code = (
        "import sys, cli\n"
        "sys.argv = ['tonearm', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'av', 'aiohttp', 'boto3', 'rich', 'sqlalchemy', 'pydantic', 'asyncio', 'Crypto'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "heavy: []"
