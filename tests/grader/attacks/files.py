"""Hostile files in the place of a notebook, a time or a folder; the cohort around each is graded as ever."""

import copy
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Hostile:
    """One student's folder.

    Args:
        name: a few words, as the guide lists it.
        lay: puts it there: takes where the notebook belongs and a right notebook to change.
        finds: kinds of finding that the student is told, exactly.
        score: points of 5.
    """

    name: str
    lay: Callable[[Path, Notebook], None]
    finds: tuple[str, ...] = ()
    score: float = 0.0


def content(name: str, data: bytes | str, *finds: str, score: float = 0.0) -> Hostile:
    """A file of these bytes."""
    raw = data if isinstance(data, bytes) else data.encode()
    return Hostile(name, lambda path, _: _write(path, raw), finds, score)


def _write(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)


def changed(name: str, change: Callable[[Notebook], object], *finds: str, score: float = 5.0) -> Hostile:
    """A right notebook with one change."""

    def lay(path: Path, notebook: Notebook) -> None:
        own = copy.deepcopy(notebook)
        change(own)
        path.write_text(json.dumps(own))

    return Hostile(name, lay, finds, score)


def beside(name: str, file: str, data: bytes) -> Hostile:
    """A right notebook with another file beside it."""

    def lay(path: Path, notebook: Notebook) -> None:
        path.write_text(json.dumps(notebook))
        path.with_name(file).write_bytes(data)

    return Hostile(name, lay, (), 5.0)


def cell(notebook: Notebook, name: str) -> Notebook:
    """The cell of that id."""
    return next(one for one in notebook["cells"] if one["id"] == name)


def _link(target: str) -> Callable[[Path, Notebook], None]:
    return lambda path, _: path.symlink_to(target)


def _socket(path: Path, _: Notebook) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def _device(path: Path, _: Notebook) -> None:
    try:
        os.mknod(path, 0o20644, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        os.mkfifo(path)


def _linked_folder(path: Path, notebook: Notebook) -> None:
    elsewhere = path.parents[3] / f"elsewhere-{path.parents[1].name}"
    elsewhere.mkdir()
    (elsewhere / path.name).write_text(json.dumps(notebook))
    path.parent.rmdir()
    path.parent.symlink_to(elsewhere)


def _holes(path: Path, _: Notebook) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _twice(notebook: Notebook) -> None:
    notebook["cells"].append(copy.deepcopy(cell(notebook, "total")))


def _split(notebook: Notebook) -> None:
    first = cell(notebook, "total")
    lines = "".join(first["source"]).splitlines(keepends=True)
    second = copy.deepcopy(first) | {"id": "second", "source": "".join(lines[1:])}
    first["source"] = lines[0]
    notebook["cells"].insert(notebook["cells"].index(first) + 1, second)


def _marks(field: str, value: object) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        for one in notebook["cells"]:
            one.get("metadata", {}).get("nbgrader", {})[field] = value

    return change


def _tests_replaced(notebook: Notebook) -> None:
    for one in notebook["cells"]:
        if one["id"].startswith("check"):
            one |= {"source": "5.0", "outputs": [{"output_type": "execute_result", "data": {"text/plain": "5.0"}}]}


def _skipped(notebook: Notebook) -> None:
    for one in notebook["cells"]:
        one["metadata"].setdefault("tags", []).extend(["skip-execution", "raises-exception", "remove-cell"])


def _deep_json(depth: int) -> str:
    return '{"cells": [], "metadata": ' + '{"a": ' * depth + "1" + "}" * (depth + 1)


def _total(source: object) -> Callable[[Notebook], None]:
    return lambda notebook: cell(notebook, "total").update(source=source)


def _metadata(**metadata: object) -> Callable[[Notebook], None]:
    return lambda notebook: notebook.update(metadata=metadata)


def _two_others(path: Path, _: Notebook) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        path.with_name(name).write_text("{}")


def _renamed(path: Path, notebook: Notebook) -> None:
    path.with_name("tiny_lab (1).ipynb").write_text(json.dumps(notebook))


OWN = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "while True: pass"}

CONTENT = [
    content("an empty file", b"", "not JSON"),
    content("a program", b"\x7fELF\x02\x01\x01" + bytes(500), "not JSON"),
    content("a zip", b"PK\x03\x04 not a notebook", "not JSON"),
    content("invalid UTF-8", b'{"cells": ["\xff\xfe"]}', "not JSON"),
    content("UTF-16", '{"cells": []}'.encode("utf-16"), "not JSON"),
    content("brackets nested 200,000 deep", "[" * 200_000, "not JSON"),
    content("metadata nested 100,000 deep", _deep_json(100_000), "not JSON"),
    content("a list", "[1, 2]", "no notebook"),
    content("cells that are a text", '{"cells": "none"}', "no notebook"),
    content("a notebook of long ago", '{"worksheets": []}', "no notebook"),
    content("half a million empty cells", '{"cells": [' + "{}," * 500_000 + "{}]}", "another lab"),
    content("cells without a field", '{"cells": [{}, {"cell_type": 7, "id": []}, null, [], "x"]}', "another lab"),
    content("numbers beyond JSON", '{"cells": [], "nbformat": NaN, "x": ' + "9" * 10_000 + "}", "not JSON"),
    content("millions of lists", '{"cells": [' + "[]," * 5_000_000 + "[]]}", "not JSON"),
]

NOTEBOOKS = [
    changed("an answer cell copied", _twice, "cell twice"),
    changed("an answer cell split", _split, "cell twice"),
    changed("a foreign schema version", _marks("schema_version", 99), "foreign schema version"),
    changed("a schema version that is a list", _marks("schema_version", [3]), "foreign schema version"),
    changed("points of one's own", _marks("points", 1e308)),
    changed("all cells marked as answers", _marks("solution", True)),
    changed("tests replaced by their points", _tests_replaced),
    changed("skip-execution tags on every cell", _skipped),
    changed("cells in reverse", lambda notebook: notebook["cells"].reverse()),
    changed(
        "an answer removed",
        lambda notebook: notebook["cells"].remove(cell(notebook, "total")),
        "cell missing",
        score=3.0,
    ),
    changed("an answer of a million characters", _total("#" * 1_000_000), "answer too long", score=3.0),
    changed("an answer that is a dict", _total({"a": 1}), score=3.0),
    changed("lone surrogates and nulls in an answer", _total("total_mm = '\ud800\x00'"), score=3.0),
    changed("metadata that is a list", lambda notebook: notebook.update(metadata=[])),
    changed("the lab of another", _metadata(practicum={"lab": "storm_night"}), "another lab", score=0.0),
    changed(
        "kernels, languages and widgets of one's own",
        _metadata(kernelspec={"name": "../../bin/sh"}, language_info={"name": "bash"}, widgets={"x": "<script>"}),
    ),
    changed(
        "ids and marks that are no texts",
        lambda notebook: notebook["cells"].append(OWN | {"id": {}, "metadata": {"nbgrader": {"grade_id": ["total"]}}}),
    ),
    changed(
        "a thousand cells of one's own",
        lambda notebook: notebook["cells"].extend(OWN | {"id": f"own{number}"} for number in range(1_000)),
    ),
]

PLACES = [
    Hostile("a link to the instructor's solution", _link("../../../source/tiny_lab/tiny_lab.ipynb"), ("not a file",)),
    Hostile("a link to a neighbour's notebook", _link("../../honest0/tiny_lab/tiny_lab.ipynb"), ("not a file",)),
    Hostile("a link to /dev/zero", _link("/dev/zero"), ("not a file",)),
    Hostile("a link to itself", _link("tiny_lab.ipynb"), ("not a file",)),
    Hostile("a linked folder", _linked_folder, ("not a file",)),
    Hostile("a FIFO", lambda path, _: os.mkfifo(path), ("not a file",)),
    Hostile("a socket", _socket, ("not a file",)),
    Hostile("a device", _device, ("not a file",)),
    Hostile("a folder", lambda path, _: path.mkdir(), ("not a file",)),
    Hostile("a terabyte of nothing", _holes, ("too large",)),
    Hostile("nothing at all", lambda _path, _: None, ("nothing there",)),
    Hostile("two notebooks with other names", _two_others, ("nothing there",)),
    Hostile("a renamed notebook", _renamed, ("renamed",), 5.0),
    beside("a time that is none", "timestamp.txt", b"the day after tomorrow"),
    beside("a time before all time", "timestamp.txt", b"0001-01-01 00:00:00 Asia/Shanghai"),
    beside("a time after all time", "timestamp.txt", b"9999-12-31 23:59:59-14:00"),
    beside("a zone with a path", "timestamp.txt", b"2026-11-21 18:00:00 ../../etc/passwd"),
    beside("a time of 10 MB", "timestamp.txt", b"9" * 10_000_000),
    beside("a key, a gradebook and modules beside the notebook", "key.py", b"raise SystemExit"),
]

FILES = {"contents": CONTENT, "notebooks": NOTEBOOKS, "places": PLACES}
