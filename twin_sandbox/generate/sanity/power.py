"""Medium and low voltage."""

from collections.abc import Iterator

from twin_sandbox.entities import District
from twin_sandbox.generate.sanity.value import Value


def values(_: District) -> Iterator[Value]:
    """Figures of the layer."""
    yield from ()
