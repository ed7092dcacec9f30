"""What a check sees of a student's answers: values and calls, never the student's process.

The failures a check may meet are those of :mod:`grader.isolation.failures`.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from grader.isolation import values
from grader.isolation.failures import AnswerFailure, CallFailed, Gone, Missing, Unreadable

__all__ = ["AnswerFailure", "Answers", "Branch", "CallFailed", "Gone", "LocalAnswers", "Missing", "Unreadable"]


class Branch(Protocol):
    """One fork of the frozen answers: what a call changes is forgotten when the branch ends."""

    def call(self, name: str, *args: object, timeout_s: float | None = None) -> object:
        """The value that the student's function ``name`` returns.

        Args:
            name: the function's name in the notebook.
            args: values as :mod:`grader.isolation.values` carries them.
            timeout_s: seconds the call may take; the run's own limit if it is shorter or none is given.

        Raises:
            Missing: there is no such name.
            CallFailed: the call raised, timed out, ended the process, or returned no value.
            Gone: the student's process is no longer there.
        """
        ...


class Answers(Protocol):
    """A student's answers, as checks ask for them."""

    def value(self, name: str) -> object:
        """The value of ``name``, rebuilt from exact built-in, numpy, pandas and shapely types.

        Raises:
            Missing: there is no such name.
            Unreadable: it is a function, a generator, or another thing without a value.
            Gone: the student's process is no longer there.
        """
        ...

    def branch(self) -> AbstractContextManager[Branch]:
        """A fork of the frozen answers for one hidden input or one hidden run."""
        ...


class LocalAnswers:
    """Answers of a trusted notebook in this very process, for a lab's own bank.

    Values cross the same codec as in grading, so a check sees the same types; calls run here, so a
    function that keeps state keeps it.

    Args:
        namespace: the notebook's variables.
    """

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace

    def value(self, name: str) -> object:
        """See :class:`Answers`."""
        if name not in self._namespace:
            raise Missing(name)
        try:
            return values.copy(self._namespace[name])
        except values.NoValue as no_value:
            raise Unreadable(no_value.advice(name)) from None

    @contextmanager
    def branch(self) -> Iterator[Branch]:
        """See :class:`Answers`; here calls share one process."""
        yield _LocalBranch(self._namespace)


class _LocalBranch:
    def __init__(self, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace

    def call(self, name: str, *args: object, timeout_s: float | None = None) -> object:  # noqa: ARG002 - trusted code needs no clock
        if name not in self._namespace:
            raise Missing(name)
        function = self._namespace[name]
        if not callable(function):
            raise Unreadable(f"{name} should be a function.")
        try:
            returned = function(*(values.copy(argument) for argument in args))
        except Exception:  # noqa: BLE001 - whatever it raised, a check hears only that it did
            raise CallFailed(name, "raised") from None
        try:
            return values.copy(returned)
        except values.NoValue:
            raise CallFailed(name, "unreadable") from None
