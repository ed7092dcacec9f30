"""What a cell's text binds, needs and brings in, read from its syntax; nothing is run."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_IPYTHON = re.compile(r"^\s*(?:[%!?]|\S.*[?]\s*$|\w[\w, ]*=\s*[%!])", re.MULTILINE)

# What a test can do only in the process of the code that it tests, by the name it does it with.
BESIDE = {
    "getsource": "reads the source text of an answer",
    "getsourcelines": "reads the source text of an answer",
    "signature": "looks at the parameters of a function",
    "getfullargspec": "looks at the parameters of a function",
    "__code__": "looks into a function",
    "patch": "replaces something within the student's process",
    "mock": "replaces something within the student's process",
    "monkeypatch": "replaces something within the student's process",
    "Mock": "gives a function an object that watches it",
    "MagicMock": "gives a function an object that watches it",
    "redirect_stdout": "reads what an answer prints",
    "redirect_stderr": "reads what an answer prints",
    "capture_output": "reads what an answer prints",
    "capsys": "reads what an answer prints",
    "get_ipython": "uses IPython's own commands",
    "gca": "looks at the current plot",
    "gcf": "looks at the current plot",
    "get_fignums": "looks at the current plot",
    "_": "uses IPython's last result",
    "Out": "uses IPython's results",
    "In": "reads the text of cells",
    "modules": "looks at what the student has imported",
    "setrecursionlimit": "changes the interpreter that runs the answer",
}


@dataclass(frozen=True)
class Reading:
    """What the syntax of a cell says.

    Args:
        bound: names that running it may set at the top level.
        loaded: names that it, or a function in it, looks up.
        imports: name to the import statement that brings it, at the top level.
        definitions: name to the text of its ``def`` or ``class``, at the top level.
        beside: why it can only run beside the student's code; empty if nothing says so.
        valid: whether it is Python at all.
    """

    bound: frozenset[str] = frozenset()
    loaded: frozenset[str] = frozenset()
    imports: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    beside: str = ""
    valid: bool = True


@lru_cache(maxsize=4096)
def read(source: str) -> Reading:
    """The reading of a cell as IPython understands it; never raises, whatever the text is."""
    try:
        text = as_python(source)
        return _read(ast.parse(text), text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Reading(valid=False)


def _read(tree: ast.Module, text: str) -> Reading:
    everywhere = list(ast.walk(tree))
    top = list(_top_level(tree.body))
    imports = {
        alias.asname or alias.name.partition(".")[0]: ast.unparse(_alone(node, alias))
        for node in top
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    definitions = {
        node.name: ast.unparse(node)
        for node in top
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    bound = imports.keys() | definitions.keys() | {name for node in top for name in _set_by(node)}
    bound |= {name for node in everywhere if isinstance(node, ast.Global) for name in node.names}
    loaded = {node.id for node in everywhere if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    loaded |= {node.target.id for node in top if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)}
    return Reading(frozenset(bound), frozenset(loaded), imports, definitions, _beside(tree, text))


def as_python(source: str) -> str:
    """A cell's text with IPython's magics and commands as the calls they stand for."""
    if not _IPYTHON.search(source):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]  # IPython types some of itself
    except Exception:  # noqa: BLE001 - a student's text may be anything
        return source


def _top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt | ast.ExceptHandler]:
    """Statements that run in the cell's own scope, those within ``if``, ``for``, ``with`` and ``try`` included."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from _top_level(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            yield handler
            yield from _top_level(handler.body)


def _set_by(node: ast.stmt | ast.ExceptHandler) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    if isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    for part in _own_expressions(node):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            yield part.id


def _own_expressions(node: ast.AST) -> Iterator[ast.AST]:
    """A statement's expressions, without the statements within it and the scopes of their own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        yield child
        yield from _own_expressions(child)


def _alone(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(names=[alias])
    return ast.ImportFrom(module=node.module, names=[alias], level=node.level)


def _beside(tree: ast.Module, text: str) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in BESIDE and not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)):
                return BESIDE[name]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                found = [part for part in alias.name.split(".") if part in BESIDE]
                if found:
                    return BESIDE[found[0]]
    if re.search(r"^\s*(await|async\s+(for|with))\b", text, re.MULTILINE) and not _compiles(tree):
        return "waits for something at the top level"
    return ""


def _compiles(tree: ast.Module) -> bool:
    try:
        compile(tree, "<cell>", "exec")
    except SyntaxError:
        return False
    return True
