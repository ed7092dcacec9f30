"""What both ends of the value codec agree on: limits, refusals, and the stand-in for things without a value."""

from typing import NoReturn

from grader.isolation.failures import Unreadable

MAX_DEPTH = 32
MAX_NODES = 1_000_000
MAX_BLOBS = 4_096
MAX_TABLES = 8_192  # columns and indexes
MAX_BYTES = 64 << 20
MAX_INT_BITS = 4_096

ADVICE = {
    "function": "is a function. Give the value it returns: call it, and keep the result under this name",
    "generator": "is a generator, which can be read only once. Make it a list",
    "class": "is a class. Give a value: a number, a list, a dict or a table",
    "module": "is a module. Give a value: a number, a list, a dict or a table",
    "object": "is an object that only your notebook knows. Give a number, a list, a dict or a table",
    "too deep": "is nested too deeply, or holds itself. Give a plain list, dict or table",
    "too large": f"is too large to be checked (more than {MAX_BYTES >> 20} MiB). Give what the task asks for, no more",
    "uncallable": "should be a function. Define it with def, under this very name",
    "damaged": "could not be read. Give a number, a list, a dict or a table",
}


class NoValue(Exception):  # noqa: N818 - it is the finding, not a fault
    """A thing that has no value to hand over; only its kind (a key of ``ADVICE``) is told."""

    def __init__(self, kind: str) -> None:
        self.kind = kind if kind in ADVICE else "object"
        super().__init__(self.kind)

    def advice(self, name: str) -> str:
        """The sentence for the student whose answer ``name`` it is."""
        return f"{name} {ADVICE[self.kind]}."


class Damaged(Exception):  # noqa: N818 - it is the finding, not a fault
    """Bytes or a tree that no encoder makes."""


class Opaque:
    """Something inside a student's container that has no value: any use of it is refused."""

    __slots__ = ("_kind",)
    __hash__ = None  # type: ignore[assignment]  # it must not become a key

    def __init__(self, kind: str) -> None:
        self._kind = kind if kind in ADVICE else "object"

    @property
    def kind(self) -> str:
        """What it is, a key of ``ADVICE``."""
        return self._kind

    def __repr__(self) -> str:
        return f"<{self._kind}>"

    def _refuse(self, *_: object) -> NoReturn:
        raise Unreadable(f"A part of the answer {ADVICE[self._kind]}.")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __call__ = _refuse
    __int__ = __float__ = __complex__ = __index__ = __array__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __neg__ = __abs__ = __round__ = _refuse
