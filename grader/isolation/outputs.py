"""A student's outputs rebuilt as plain nbformat, whatever their process sent."""

from collections.abc import Iterable
from typing import Any

from grader.isolation import json_text

# what a browser may be asked to draw; scripts and widgets are not among them
_KINDS = (
    "text/plain",
    "text/html",
    "text/markdown",
    "text/latex",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/svg+xml",
)
_MAX_OUTPUTS = 500
_MAX_PARTS = 200_000
_MAX_MARK = 200


def rebuild(body: bytes) -> list[dict[str, Any]]:
    """The outputs in ``body``; what is no output is left out. Their HTML and SVG are still the student's own."""
    try:
        found = json_text.load(body, _MAX_PARTS)
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    rebuilt = (_output(each) for each in found[:_MAX_OUTPUTS] if isinstance(each, dict))
    return [output for output in rebuilt if output is not None]


def settle(cells: Iterable[list[dict[str, Any]]]) -> None:
    """Let displays that a later cell has given a new content show it, as a notebook does; cells in order."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for outputs in cells:
        for output in list(outputs):
            mark = output.pop("display_id", "")
            if output["output_type"] == "update_display_data":
                outputs.remove(output)
                for earlier in shown.get(mark, ()):
                    earlier["data"] = output["data"]
            elif mark:
                shown.setdefault(mark, []).append(output)


def stopped(name: str, words: str) -> list[dict[str, Any]]:
    """What stands in the place of a cell's outputs when the run had to end it."""
    return [{"output_type": "error", "ename": name, "evalue": words, "traceback": [f"{name}: {words}"]}]


def _output(found: dict[str, Any]) -> dict[str, Any] | None:
    kind = found.get("output_type")
    if kind == "stream":
        name = "stderr" if found.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": _text(found.get("text"))}
    if kind == "error":
        trace = found.get("traceback")
        return {
            "output_type": "error",
            "ename": _text(found.get("ename")),
            "evalue": _text(found.get("evalue")),
            "traceback": [_text(line) for line in trace[:100]] if isinstance(trace, list) else [],
        }
    if kind in ("display_data", "update_display_data", "execute_result") and isinstance(found.get("data"), dict):
        output: dict[str, Any] = {"output_type": kind, "data": _bundle(found["data"]), "metadata": {}}
        if kind == "execute_result":
            count = found.get("execution_count")
            output["execution_count"] = count if type(count) is int else None
        elif isinstance(found.get("display_id"), str):
            output["display_id"] = found["display_id"][:_MAX_MARK]
        return output
    return None


def _bundle(data: dict[str, Any]) -> dict[str, str]:
    return {kind: _text(data[kind]) for kind in _KINDS if kind in data}


def _text(value: object) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode()  # lone surrogates cannot be written to a file
