"""The names of a test cell: its own, the instructor's, and the student's fetched by value when they are needed.

Works like the ``user_ns`` of a notebook. A name that no test cell has set is looked for in this order: imports and
definitions of the instructor's own cells (made here, so that no student's stand-in is used), Python's built-ins, the
student's process. A student's function becomes a stub that calls it there; after a call, what was fetched is fetched
anew, because the call may have changed it.
"""

import builtins
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from grader.isolation import values
from grader.isolation.answers import Answers, Branch
from grader.isolation.failures import AnswerFailure, CallFailed, Gone, Missing, Unreadable
from grader.isolation.kinds import ADVICE, NoValue, Opaque

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

ASK = "_practicum_ask"
_MOST_NAME = 80


class StudentRaised(Exception):  # noqa: N818 - the finding
    """Mixed into an error that a student's function raised: its text is theirs, and shown to nobody else."""


class StudentFunction:
    """A student's function: calls it in the student's process, with values, and gives the value it returns.

    Args:
        name: its name in the notebook.
        names: the namespace that fetched it.
    """

    def __init__(self, name: str, names: "LazyNames") -> None:
        self.__name__ = self.__qualname__ = name
        self._names = names

    def __call__(self, *args: object, **kwargs: object) -> object:
        """What the student's function returns, as a value; an error it raises is raised here as a built-in one."""
        return self._names.call(self.__name__, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class LazyNames(dict[str, Any]):
    """The globals of one submission's test cells.

    Args:
        answers: the student's answers.
        imports: import statements of the instructor's cells, by the name they bring.
        definitions: functions and classes that the instructor's own cells define, by name.
        asked: names that the student is to define; these are always fetched.
    """

    def __init__(
        self,
        answers: Answers,
        imports: Mapping[str, str] | None = None,
        definitions: Mapping[str, str] | None = None,
        asked: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._answers, self._asked = answers, asked
        self._imports, self._definitions = dict(imports or {}), dict(definitions or {})
        self._opened: AbstractContextManager[Branch] | None = None
        self._branch: Branch | None = None
        self._fetched: set[str] = set()
        self.opaque = ""
        """Why something of the student's could not be looked at; empty if nothing was met."""

    def begin(self, answers: Answers, changed: frozenset[str] = frozenset()) -> None:
        """Start a test cell at a place in the notebook.

        Args:
            answers: the student's answers at that place.
            changed: names that the student's cells have set since the last test cell.
        """
        self.end()
        self._answers, self.opaque = answers, ""
        for name in changed:
            super().pop(name, None)

    def end(self) -> None:
        """Forget what was fetched, and what the calls of this test cell have changed."""
        self._drop()
        if self._opened is not None:
            self._opened.__exit__(None, None, None)
            self._opened = self._branch = None

    def __missing__(self, name: str) -> object:
        if name not in self._asked:
            if name in self._imports and self._run(name, self._imports):
                return self[name]
            if name in self._definitions and self._run(name, self._definitions):
                return self[name]
            if hasattr(builtins, name):
                raise KeyError(name)
        found = self._ask("value", name)
        if found[0] == "missing":
            raise KeyError(name)
        value = StudentFunction(name, self) if found[0] == "function" else found[1]
        if isinstance(value, Opaque):
            self.opaque = f"{name} {ADVICE[value.kind]}."
        self[name] = value
        self._fetched.add(name)
        return value

    def __setitem__(self, name: str, value: object) -> None:
        self._fetched.discard(name)
        super().__setitem__(name, value)

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name):
            return True
        return isinstance(name, str) and (name in self._imports or self._ask("names", name)[1] is True)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - a dict's
        """The value of ``name`` wherever it is, or ``default``."""
        try:
            return self[name]
        except KeyError:
            return default

    def call(self, name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
        """Call the student's function ``name``; errors of their code arrive as built-in exceptions.

        Raises:
            Unreadable: an argument or the result has no value.
            CallFailed: it did not return in time, or ended its process.
        """
        try:
            _refuse_opaque((args, dict(kwargs)))
            found = self._ask("call", name, args, kwargs)
        except NoValue as no_value:
            self.opaque = f"The test gives {name[:_MOST_NAME]} something that {ADVICE[no_value.kind]}."
            raise Unreadable(self.opaque) from None
        finally:
            self._drop()
        if found[0] == "raised":
            raise _error(found[1], found[2])
        if found[0] == "missing":
            raise NameError(f"name {name!r} is not defined")
        if found[0] == "items":  # a generator's, which the test may go through once, as it could beside the student
            return iter(found[1]) if type(found[1]) is list else found[1]
        if isinstance(found[1], Opaque):
            self.opaque = f"{name[:_MOST_NAME]} was called, and what it returned {ADVICE[found[1].kind]}."
        return found[1]

    def _ask(
        self, what: str, name: str, args: tuple[object, ...] = (), kwargs: Mapping[str, object] | None = None
    ) -> Any:  # noqa: ANN401
        if self._branch is None:
            opened = self._answers.branch()
            self._branch = opened.__enter__()
            self._opened = opened
        try:
            found = self._branch.call(ASK, what, name, args, dict(kwargs or {}))
        except CallFailed as failed:
            if failed.kind == "unreadable":
                return ["value", Opaque("damaged")]
            raise CallFailed(name, failed.kind) from None
        except Missing:
            raise Gone(f"{name} could not be looked up: the notebook removes what the grader needs.") from None
        known = {"value": 2, "items": 2, "function": 1, "missing": 1, "raised": 3}
        if type(found) is not list or not found or known.get(found[0]) != len(found):
            raise Unreadable(f"{name[:_MOST_NAME]} {ADVICE['damaged']}.")
        return found

    def _drop(self) -> None:
        for name in self._fetched:
            super().pop(name, None)
        self._fetched.clear()

    def _run(self, name: str, texts: dict[str, str]) -> bool:
        text = texts.pop(name)
        try:
            exec(compile(text, f"<{name}>", "exec"), self)  # noqa: S102 - the instructor's own text
        except AnswerFailure:
            raise
        except Exception:  # noqa: BLE001 - then the student's own has to do
            return False
        return super().__contains__(name)


def _refuse_opaque(arguments: object) -> None:
    # within a container a thing without a value would arrive as a stand-in: a student's function must not meet it
    tree, _ = values.encode(arguments)
    found = re.search(r'"t": "opaque", "v": "([^"]*)"', json.dumps(tree))
    if found:
        raise NoValue(found[1])


def _error(kinds: object, words: object) -> BaseException:
    """A built-in error of the nearest kind to a student's; nothing of theirs but its text."""
    names = [kind for kind in kinds if isinstance(kind, str)] if isinstance(kinds, list) else []
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            return _student_kind(kind)(str(words))
    return _student_kind(RuntimeError)(str(words))


def _student_kind(kind: type[Exception]) -> type[Exception]:
    return type(kind.__name__, (StudentRaised, kind), {"__init__": _keep_words, "__str__": lambda self: self.words})


def _keep_words(self: Any, words: str) -> None:  # noqa: ANN401 - any exception
    # built-in errors differ in what they are made of (UnicodeDecodeError takes five): the text is kept apart
    self.words = words
    self.args = (words,)
