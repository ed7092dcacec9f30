"""A cell shows in the sandbox what it shows in a kernel that nbclient runs, to the colours of its tracebacks.

What is compared is what a graded notebook keeps: text, the pictures and mark-up that a page draws (no scripts, no
widget state, no metadata). Left out are addresses, random ids, the places where libraries lie, frames of ipykernel's
and of the grader's own code, and in which pieces a kernel happened to send its text.
"""

import json
import os
import re

import pytest

from grader.isolation import Cell, Ground, Job, Limits, Pool
from tests.grader.fixtures.output_cells import CELLS

KINDS = (
    "text/plain",
    "text/html",
    "text/markdown",
    "text/latex",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/svg+xml",
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OWN_FRAME = re.compile(r"File \S*(ipykernel/|practicum/grader/)")
SAME = (
    (re.compile(r"~?(/[^\s:'\"]*?)?/(site-packages[-\d]*|lib/python3\.11)/"), "LIB/"),
    (re.compile(r"LIB/site-packages/"), "LIB/"),
    (re.compile(r"/tmp/ipykernel_\d+/\d+\.py"), "CELL"),  # noqa: S108 - a name only
    (re.compile(r"\(\d+\.py, line"), "(CELL, line"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xADDRESS"),
    (re.compile(r"display_id=[0-9a-f]{32}"), "display_id=ID"),
    (re.compile(r"(/usr)?/bin/bash"), "bash"),
    (re.compile(r"\r\n"), "\n"),  # a kernel gives commands a terminal
)
CUT = {"recursion"}  # a thousand frames: the ends are kept
RACES = {"descriptor", "subprocess"}  # what other processes print reaches a kernel's notebook late, or not at all


def plain(text):
    for pattern, replacement in SAME:
        text = pattern.sub(replacement, text)
    return text


def kept(outputs):
    found = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            last = found[-1] if found else {}
            if last.get("name") == output["name"]:
                last["text"] = plain(last["text"] + output["text"])
            else:
                found.append({"output_type": kind, "name": output["name"], "text": plain(output["text"])})
        elif kind == "error":
            frames = [plain(frame) for frame in output["traceback"] if not OWN_FRAME.search(COLOUR.sub("", frame))]
            found.append({**output, "evalue": plain(output["evalue"]), "traceback": frames})
        else:
            data = {mime: "".join(body).strip() for mime, body in output["data"].items() if mime in KINDS}
            data = {mime: body if mime.startswith("image/p") else plain(body) for mime, body in data.items()}
            count = {"execution_count": output["execution_count"]} if kind == "execute_result" else {}
            found.append({"output_type": kind, "data": data, **count})
    return found


@pytest.fixture(scope="module")
def in_a_kernel(tmp_path_factory):
    nbformat = pytest.importorskip("nbformat")
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    place = {"metadata": {"path": str(tmp_path_factory.mktemp("kernel"))}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True, resources=place)
    environment = os.environ | {"PYTHONHASHSEED": "0", "SHELL": "/bin/bash"}
    environment.pop("PYTEST_CURRENT_TEST", None)  # a kernel that sees it does not look at what other processes print
    client.execute(env=environment)
    return {name: json.loads(json.dumps(cell.outputs)) for name, cell in zip(CELLS, notebook.cells, strict=True)}


@pytest.fixture(scope="module")
def in_the_sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sandbox")
    for name in ("lab", "datasets", "district", "bundle"):
        (folder / name).mkdir()
    (folder / "lab" / "key.py").write_text("checks = {}\n")
    ground = Ground(lab=folder / "lab", datasets=folder / "datasets", district=folder / "district")
    cells = [Cell(name, source) for name, source in CELLS.items()]
    with Pool(ground, Limits()) as pool:
        return pool.grade(Job(cells, b"{}", folder / "bundle", {})).outputs


@pytest.mark.filterwarnings("ignore")  # nbclient's and zmq's own
def test_every_cell_shows_what_a_kernel_shows(in_a_kernel, in_the_sandbox):
    different = [name for name in CELLS if name not in CUT and kept(in_a_kernel[name]) != kept(in_the_sandbox[name])]
    assert different == [], {name: (kept(in_a_kernel[name]), kept(in_the_sandbox[name])) for name in different[:3]}


@pytest.mark.filterwarnings("ignore")
def test_a_traceback_of_a_thousand_frames_keeps_its_ends(in_a_kernel, in_the_sandbox):
    whole, cut = kept(in_a_kernel["recursion"])[0], kept(in_the_sandbox["recursion"])[0]
    assert (cut["ename"], cut["evalue"]) == (whole["ename"], whole["evalue"])
    assert cut["traceback"][:20] == whole["traceback"][:20]
    assert cut["traceback"][-20:] == whole["traceback"][-20:]
    assert "frames left out]" in "".join(cut["traceback"])


def test_what_another_process_prints_is_shown_where_it_was_printed(in_the_sandbox):
    printed, value = in_the_sandbox["subprocess"]
    assert printed == {"output_type": "stream", "name": "stdout", "text": "from a subprocess\n"}
    assert value["data"] == {"text/plain": "0"}


def test_the_cells_exercise_every_kind_of_output(in_the_sandbox):
    outputs = [output for found in in_the_sandbox.values() for output in found]
    assert {output["output_type"] for output in outputs} == {"stream", "error", "display_data", "execute_result"}
    shown = {mime for output in outputs for mime in output.get("data", {})}
    assert shown >= {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml"}
