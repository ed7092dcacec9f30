"""The shape that the tree must keep: which way imports point, what is committed, what is documented."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("grader", "twin_sandbox")


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def importers(folder: str, package: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in modules(folder)
        if any(name == package or name.startswith(f"{package}.") for name in imported(path))
    }


def test_the_twin_never_imports_the_grader():
    assert importers("twin_sandbox", "grader") == set()


def test_only_the_command_line_joins_grader_and_twin():
    outside = {path for path in importers("grader", "twin_sandbox") if not path.startswith("grader/cli/")}
    assert outside == set()


def test_one_package_alone_imports_nbgrader():
    met = importers("grader", "nbgrader") | importers("twin_sandbox", "nbgrader")
    assert {path for path in met if not path.startswith("grader/gradebook/")} == set()
    assert met


def test_engines_never_import_each_other():
    """An engine is a module or a folder of `engines`; they share the protocol and what runs a library elsewhere."""
    root = ROOT / "twin_sandbox" / "engines"
    shared = {"protocol", "workers"}
    for path in modules("twin_sandbox/engines"):
        own = path.relative_to(root).parts[0].removesuffix(".py")
        met = {name.split(".")[2] for name in imported(path) if name.startswith("twin_sandbox.engines.")}
        assert met <= shared | {own}, f"{path.relative_to(ROOT)} meets another engine elsewhere than at the clock"
    assert {"workers", "drainage", "power"} <= {path.name for path in root.iterdir() if path.is_dir()}


def test_lessons_import_the_twin_and_the_check_client_alone():
    for path in sorted((ROOT / "labs").glob("*/*/lab*.py")):
        met = {name for name in imported(path) if name.split(".")[0] == "grader"}
        assert met <= {"grader", "grader.student", "grader.student.check", "grader.student.submit"}, path


def committed() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    if listing.returncode:
        pytest.fail("this test reads the list of committed files from git")
    return [name for name in listing.stdout.split("\0") if name]


def test_no_notebook_and_no_large_file_is_committed():
    names = committed()
    assert [name for name in names if name.endswith(".ipynb")] == []
    large = [name for name in names if (ROOT / name).is_file() and (ROOT / name).stat().st_size > 1_000_000]
    assert large == []


@pytest.mark.parametrize("mark", ["pypi" + ".org", "files.python" + "hosted", "registry.npm" + "js", "deb.deb" + "ian"])
def test_no_registry_host_is_committed(mark: str):
    texts = [ROOT / name for name in committed() if not name.endswith((".webp", ".png"))]
    assert [str(path) for path in texts if path.is_file() and mark in path.read_text(encoding="utf-8")] == []


def guides() -> str:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "curriculum").rglob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def test_every_command_is_documented():
    from grader.cli import practicum

    context = practicum.make_context("practicum", [], resilient_parsing=True)
    text = guides()
    for name in practicum.list_commands(context):
        command = practicum.get_command(context, name)
        assert command is not None
        assert f"practicum {name}" in text, f"`practicum {name}` is in no guide"
        for verb in getattr(command, "commands", {}):
            assert f"practicum {name} {verb}" in text, f"`practicum {name} {verb}` is in no guide"


def test_every_setting_is_documented():
    settings = set()
    for package in PACKAGES:
        for path in modules(package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and node.value.startswith("PRACTICUM_")
                ):
                    settings.add(node.value)
    missing = {name for name in settings if name not in guides()}
    assert missing == set()


def test_each_lint_rule_switched_off_has_a_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    start = lines.index("[tool.ruff.lint]")
    ignored = [
        line for line in lines[start:] if line.strip().startswith('"') and line.strip().split('"')[1][:1].isupper()
    ]
    assert ignored
    assert [line for line in ignored if "#" not in line] == []
