"""Kernels compiled once, kept in the practicum's cache folder beside the districts, and only loaded from then on.

The folder is named by the kernels' sources, numba's version and the processor: whoever changes one of them gets a
folder of its own, and a sandbox can be shown it read-only.
"""

import functools
import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from twin_sandbox.data import cache_folder
from twin_sandbox.errors import TwinError

KERNELS = "kernels"
_SOURCES = ("surface_kernel.py", "exchange.py", "exchange_swmm.py")
_COUNT = 7


def kernels_folder() -> Path:
    """Where the compiled kernels of this version of the practicum and of numba lie on this processor."""
    from llvmlite.binding import get_host_cpu_name  # type: ignore[import-untyped]

    text = b"".join(Path(__file__).with_name(name).read_bytes() for name in _SOURCES)
    libraries = f"numba {version('numba')}, llvmlite {version('llvmlite')}"
    for_whom = f"{__package__}, {libraries}, {get_host_cpu_name()}\n".encode()
    return cache_folder() / KERNELS / hashlib.sha256(for_whom + text).hexdigest()[:16]


def compile_kernels() -> Path:
    """Compile the kernels unless they are there; then every later process loads them in a fraction of a second.

    Returns:
        The folder where they lie.

    Raises:
        TwinError: the folder cannot be written.
    """
    folder = kernels_folder()
    if len(list(folder.glob("*.nbi"))) < _COUNT:
        surface_ready()
        surface_advance()
        exchange()
    return folder


@functools.cache
def surface_ready() -> Callable[..., int]:
    """`surface_kernel.ready`, compiled.

    Raises:
        TwinError: as for `surface_advance`.
    """
    from twin_sandbox.engines.drainage import surface_kernel

    return _compiled(surface_kernel.ready, surface_kernel.READY_SIGNATURE, kernels_folder())


@functools.cache
def surface_advance() -> Callable[..., int]:
    """`surface_kernel.advance`, compiled.

    Raises:
        TwinError: nobody compiled it before, and its folder is read-only, as it is in a sandbox.
    """
    from twin_sandbox.engines.drainage import surface_kernel

    return _compiled(surface_kernel.advance, surface_kernel.SIGNATURE, kernels_folder())


@functools.cache
def exchange() -> tuple[Callable[..., Any], ...]:
    """``offer``, ``settle``, ``read``, ``pour`` and ``gather`` of the exchange between streets and sewers, compiled.

    Raises:
        TwinError: as for `surface_advance`.
    """
    from twin_sandbox.engines.drainage import exchange, exchange_swmm

    folder = kernels_folder()
    return (
        _compiled(exchange.offer, exchange.OFFER_SIGNATURE, folder),
        _compiled(exchange.settle, exchange.SETTLE_SIGNATURE, folder),
        _compiled(exchange_swmm.read, exchange_swmm.READ_SIGNATURE, folder),
        _compiled(exchange_swmm.pour, exchange_swmm.POUR_SIGNATURE, folder),
        _compiled(exchange_swmm.gather, exchange_swmm.GATHER_SIGNATURE, folder),
    )


def _compiled(function: Callable[..., Any], signature: str, folder: Path) -> Callable[..., Any]:
    import numba
    from numba.core import caching

    class Locator(caching._CacheLocator):  # noqa: SLF001 - numba has no public way to name a folder
        def get_cache_path(self) -> str:
            return str(folder)

        def get_source_stamp(self) -> str:
            return folder.name

        def get_disambiguator(self) -> str:
            return "1"

        @classmethod
        def from_function(cls, py_func: object, py_file: str) -> "Locator":  # noqa: ARG003 - numba's interface
            return cls()

    class Implementation(caching.CompileResultCacheImpl):
        _locator_classes = [Locator]  # type: ignore[list-item]  # noqa: RUF012 - as in its base

    class Cache(caching.FunctionCache):
        _impl_class = Implementation

    compiled: Any = numba.njit(error_model="numpy")(function)
    compiled._cache = Cache(function)  # type: ignore[no-untyped-call]  # noqa: SLF001 - likewise
    if not _writable(folder) and compiled._cache.load_overload(signature, compiled.targetctx) is None:  # noqa: SLF001
        raise TwinError(
            f"street surface, folder {folder}",
            "holds no kernel compiled for this processor, and cannot be written",
            then="Make the folder writable, or start again outside the sandbox: practicum up, or practicum grade.",
        )
    compiled.compile(signature)
    compiled.disable_compile()
    return compiled  # type: ignore[no-any-return]


def _writable(folder: Path) -> bool:
    if "PRACTICUM_SANDBOX" in os.environ:
        return False
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return os.access(there, os.W_OK)
