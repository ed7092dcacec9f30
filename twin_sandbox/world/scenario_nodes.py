"""Reading a small YAML file for people: every mistake at once, each with its line, what is allowed and the fix.

Only plain YAML: mappings, lists, scalars. Tags, anchors and aliases are refused (a file needs none, and they are how a
short text becomes a huge one), so are long files and deep nests. Scalars are read by what is asked for at their place,
never by YAML's guess: ``18:00`` is no number of minutes here, ``no`` no truth value.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twin_sandbox.errors import TwinError

LARGEST_BYTES, DEEPEST = 262_144, 8
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_WITH_UNIT = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))\s*([^\d\s.].{0,20})", re.ASCII)
_MINUTES = {"s": 1 / 60, "min": 1.0, "h": 60.0, "d": 1440.0}
_METRES = {"mm": 1e-3, "cm": 1e-2, "m": 1.0}
_FLOWS = {"m³/s": 1.0, "m3/s": 1.0, "L/s": 1e-3, "l/s": 1e-3, "m³/h": 1 / 3600, "m3/h": 1 / 3600}


class Mistake(NamedTuple):
    """One mistake in a file.

    Attributes:
        line: from 1 on; 0: the file as a whole.
        where: the key, e.g. ``"storm.duration_min"``.
        found: what stands there.
        allowed: what may stand there.
        fix: what to write or do; empty if ``allowed`` says it.
    """

    line: int
    where: str
    found: str
    allowed: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "the file"
        parts = [f"{place}, {self.where}: found {self.found}" if self.where else f"{place}: {self.found}"]
        parts += [f"allowed: {self.allowed.rstrip('.')}"] if self.allowed else []
        parts += [f"fix: {self.fix.rstrip('.')}"] if self.fix else []
        return "; ".join(parts)


class ScenarioFileError(TwinError):
    """A scenario file with mistakes.

    Attributes:
        mistakes: all of them, by line.
    """

    def __init__(self, name: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda one: one.line))
        count = len(self.mistakes)
        lines = "".join(f"\n  {one}" for one in self.mistakes)
        super().__init__(name, f"{count} mistake{'s' * (count > 1)}{lines}")


@dataclass
class Reading:
    """The mistakes found so far, while a file is read."""

    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, node: Any, where: str, found: str, allowed: str, fix: str = "") -> None:  # noqa: ANN401 - a node
        """Note a mistake at a node."""
        self.mistakes.append(Mistake(line_of(node), where, found, allowed, fix))

    def refused(self, node: Any, where: str, reason: TwinError) -> None:  # noqa: ANN401 - a node
        """Note what another part of the twin refused."""
        self.wrong(node, where, reason.found, reason.allowed, reason.then)

    def mapping(self, node: Any, where: str, keys: Iterable[str], needed: Iterable[str] = ()) -> dict[str, Any]:  # noqa: ANN401 - a node
        """A mapping's nodes by key; unknown, double and missing keys are noted."""
        import yaml

        allowed = tuple(keys)
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, where, _kind(node), f"keys and values: {', '.join(allowed)}")
            return {}
        found: dict[str, Any] = {}
        inside = f"{where}." if where else ""
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in found:
                self.wrong(key, f"{inside}{name}", "the key a second time", "each key once", "Remove one of the two.")
            elif name not in allowed:
                told = f"the key {name[:40]!r}" if name else _kind(key)
                self.wrong(key, where or "the file", told, ", ".join(allowed), _nearest(name, allowed))
            else:
                found[name] = value
        for name in needed:
            if name not in found:
                self.wrong(node, f"{inside}{name}", "nothing", "a value", f"Add a line {name}: …")
        return found

    def items(self, node: Any, where: str, most: int) -> list[Any]:  # noqa: ANN401 - a node
        """The nodes of a list."""
        import yaml

        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, where, _kind(node), "a list", "Begin each item with “- ”, or write [ … ].")
            return []
        if len(node.value) > most:
            self.wrong(node, where, f"{len(node.value)} items", f"at most {most}")
            return []
        return list(node.value)

    def text(self, node: Any, where: str, longest: int = 200) -> str | None:  # noqa: ANN401 - a node
        """A text; None and a mistake if it is none."""
        import yaml

        if not isinstance(node, yaml.ScalarNode) or (not node.value and not node.style):
            self.wrong(node, where, _kind(node), "a text")
            return None
        if len(node.value) > longest:
            self.wrong(node, where, f"{len(node.value)} characters", f"at most {longest}")
            return None
        return str(node.value)

    def choice(self, node: Any, where: str, options: Iterable[str]) -> str | None:  # noqa: ANN401 - a node
        """One of some words."""
        word, known = self.text(node, where), tuple(options)
        if word is None or word in known:
            return word
        self.wrong(node, where, repr(word), f"one of {', '.join(known)}", _nearest(word, known))
        return None

    def number(self, node: Any, where: str, low: float, high: float, unit: str = "") -> float | None:  # noqa: ANN401 - a node
        """A number within limits, in a unit that is not written."""
        unit = "" if unit == "1" else unit
        allowed = f"{low:g} to {high:g} {unit}".strip()
        text = self.text(node, where)
        if text is None:
            return None
        if node.style in ("'", '"'):
            self.wrong(node, where, f"the text {text!r}", f"a number, {allowed}", "Remove the quotes.")
            return None
        if not _NUMBER.fullmatch(text):
            self.wrong(node, where, repr(text), f"a number, {allowed}", _without_unit(text, unit))
            return None
        number = float(text)
        if not low <= number <= high:
            self.wrong(node, where, text, allowed)
            return None
        return number

    def numbers(self, node: Any, where: str, count: tuple[int, int], limits: tuple[float, float], unit: str) -> Any:  # noqa: ANN401 - a list, or None
        """A list of so many numbers, or None."""
        before = len(self.mistakes)
        found = [
            self.number(item, f"{where}[{k}]", *limits, unit)
            for k, item in enumerate(self.items(node, where, count[1]))
        ]
        if len(self.mistakes) == before and len(found) < count[0]:
            self.wrong(node, where, f"{len(found)} numbers", f"{count[0]} to {count[1]}")
        return found if len(self.mistakes) == before else None


def line_of(node: Any) -> int:  # noqa: ANN401 - a node
    """Line of a node, from 1 on."""
    return 0 if node is None else int(node.start_mark.line) + 1


def compose(text: str, name: str) -> Any:  # noqa: ANN401 - a node
    """The one document of a text as nodes.

    Raises:
        ScenarioFileError: no YAML, or YAML that this file needs not: tags, anchors, several documents, deep nests.
    """
    import yaml

    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST_BYTES:
        raise ScenarioFileError(name, [Mistake(0, "", f"{size} bytes", f"at most {LARGEST_BYTES} bytes")])
    try:
        wrong = _refused(yaml.parse(text, Loader=yaml.SafeLoader))
        if wrong:
            raise ScenarioFileError(name, wrong)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as reason:
        raise ScenarioFileError(name, [_no_yaml(reason, text)]) from None
    except yaml.YAMLError:
        told = "a character that no text file has"
        raise ScenarioFileError(name, [Mistake(0, "", told, "text in UTF-8", "Save it as UTF-8.")]) from None
    if node is None:
        raise ScenarioFileError(name, [Mistake(0, "", "nothing in it", "a scenario", "Begin with name: and start:.")])
    return node


def _refused(events: Iterable[Any]) -> list[Mistake]:
    import yaml

    wrong, depth, documents = [], 0, 0
    for event in events:
        line = int(event.start_mark.line) + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            wrong.append(
                Mistake(line, "", "an anchor or alias (& or *)", "values written out", "Write the value again.")
            )
        if getattr(event, "tag", None):
            told = "a tag (!)"
            wrong.append(Mistake(line, "", told, "plain values", "Remove the tag; quote a text that begins with “!”."))
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > DEEPEST:
            return [Mistake(line, "", f"more than {DEEPEST} levels", f"at most {DEEPEST}", "Close a bracket.")]
        if documents > 1:
            return [Mistake(line, "", "a second document (---)", "one scenario a file", "Split the file.")]
        if len(wrong) >= 20:
            return wrong
    return wrong


def _no_yaml(reason: Any, text: str) -> Mistake:  # noqa: ANN401 - an error of yaml
    mark = reason.problem_mark or reason.context_mark
    line = int(mark.line) + 1 if mark else 0
    shown = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
    if "\t" in shown:
        return Mistake(line, "", "a tab", "spaces", "Replace the tab by spaces.")
    fix = "Check the indentation and the colon on this line and the one before; quote a text that holds “: ” or “#”."
    return Mistake(line, "", str(reason.problem or reason.context), "YAML", fix)


def _kind(node: Any) -> str:  # noqa: ANN401 - a node
    """A node in a reader's words."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        return "keys and values"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    text = str(getattr(node, "value", ""))
    return repr(text[:60]) if text else "nothing"


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word[:60], list(known), 1, 0.5)
    return f"Did you mean {near[0]}?" if near else ""


def _without_unit(text: str, unit: str) -> str:
    """What to write instead of a number with its unit."""
    matched = _WITH_UNIT.fullmatch(text.strip())
    if not matched:
        return ""
    number, given = float(matched[1]), matched[2].strip()
    if given == unit:
        return f"Write {matched[1]} alone: the unit is {unit}."
    families: tuple[Mapping[str, float], ...] = (_MINUTES, _METRES, _FLOWS)
    for family in families:
        if given in family and unit in family:
            return f"Write {number * family[given] / family[unit]:g}: the unit is {unit}."
    if given == "mm" and unit == "mm/h":
        return "mm is a depth, mm/h an intensity: divide the depth by its hours, and write the number alone."
    return f"Write the number alone, in {unit}." if unit else "Write the number alone."


Reader = Callable[[Reading, Any, str], Any]
"""Reads a node at a place: its value, or None and a mistake noted."""
