"""SWMM's manholes read and fed through its own C functions, compiled by numba.

By way of Python a round of all manholes would take longer than the street surface. The functions of SWMM's library are
called at their addresses; numba has no form for that, so three intrinsics say it to the compiler. Only a worker imports
this module: it brings numba with it.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int32]

NODE_HEAD = 6
FLOODED = 4
"""Place of the flooded volume in SWMM's statistics of a node."""
STATISTICS = 32
"""Room for SWMM's statistics of a node: 15 numbers in version 5.2."""

_NUMBER, _DOUBLE = ir.IntType(32), ir.DoubleType()
_POINTER = _DOUBLE.as_pointer()


def _call(builder: Any, address: Any, kinds: list[Any], values: list[Any]) -> Any:  # noqa: ANN401 - llvmlite is untyped
    function = ir.FunctionType(_NUMBER, kinds).as_pointer()
    return builder.call(builder.inttoptr(address, function), values)


@intrinsic
def _get_value(_: Any, address: Any, node: Any, kind: Any, into: Any) -> Any:  # noqa: ANN401, ARG001 - numba's form
    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:  # noqa: ANN401 - likewise
        at, index, what, room = values
        return _call(builder, at, [_NUMBER, _NUMBER, _POINTER], [index, what, builder.inttoptr(room, _POINTER)])

    return types.int32(types.int64, types.int32, types.int32, types.int64), code


@intrinsic
def _get_statistics(_: Any, address: Any, node: Any, into: Any) -> Any:  # noqa: ANN401, ARG001 - likewise
    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:  # noqa: ANN401 - likewise
        at, index, room = values
        return _call(builder, at, [_NUMBER, _POINTER], [index, builder.inttoptr(room, _POINTER)])

    return types.int32(types.int64, types.int32, types.int64), code


@intrinsic
def _set_inflow(_: Any, address: Any, node: Any, flow: Any) -> Any:  # noqa: ANN401, ARG001 - likewise
    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:  # noqa: ANN401 - likewise
        at, index, value = values
        return _call(builder, at, [_NUMBER, _DOUBLE], [index, value])

    return types.int32(types.int64, types.int32, types.float64), code


READ_SIGNATURE = "int32(int64, int64, int32[::1], int64, float64[::1], float64[::1], float64[::1], float64[::1])"


def read(
    value_at: int,
    statistics_at: int,
    nodes: Numbers,
    room_at: int,
    room: Floats,
    flooded_m3: Floats,
    head: Floats,
    up_m3: Floats,
) -> np.int32:
    """Head of each manhole [m], and what it flooded since the last call [m³].

    Args:
        value_at: address of ``swmm_getNodeResult``.
        statistics_at: address of ``swmm_getNodeStats``.
        nodes: SWMM's number of each manhole.
        room_at: address of ``room``, `STATISTICS` numbers that SWMM writes to.
        room: see ``room_at``.
        flooded_m3: flooded volume of each since the start; updated.
        head: written.
        up_m3: written.

    Returns:
        0, or the bits of SWMM's error codes.
    """
    failed = np.int32(0)
    for n in range(nodes.size):
        failed |= _get_value(value_at, nodes[n], np.int32(NODE_HEAD), room_at)  # type: ignore[call-arg]
        head[n] = room[0]
        failed |= _get_statistics(statistics_at, nodes[n], room_at)
        up_m3[n] = max(0.0, room[FLOODED] - flooded_m3[n])
        flooded_m3[n] = room[FLOODED]
    return failed


POUR_SIGNATURE = "int32(int64, int32[::1], float64[::1])"


def pour(inflow_at: int, nodes: Numbers, taken_m3s: Floats) -> np.int32:
    """Give each manhole its inflow, held until the next call.

    Args:
        inflow_at: address of ``swmm_setNodeInflow``.
        nodes: SWMM's number of each manhole.
        taken_m3s: inflow of each [m³/s].

    Returns:
        0, or the bits of SWMM's error codes.
    """
    failed = np.int32(0)
    for n in range(nodes.size):
        failed |= _set_inflow(inflow_at, nodes[n], taken_m3s[n])  # type: ignore[call-arg]
    return failed


GATHER_SIGNATURE = "int32(int64, int32[::1], int32, int64, float64[::1], float64[::1])"


def gather(value_at: int, things: Numbers, what: np.int32, room_at: int, room: Floats, out: Floats) -> np.int32:
    """One quantity of many nodes or links.

    Args:
        value_at: address of ``swmm_getNodeResult`` or ``swmm_getLinkResult``.
        things: SWMM's number of each.
        what: SWMM's number of the quantity.
        room_at: address of ``room``.
        room: one number that SWMM writes to.
        out: written.

    Returns:
        0, or the bits of SWMM's error codes.
    """
    failed = np.int32(0)
    for n in range(things.size):
        failed |= _get_value(value_at, things[n], what, room_at)  # type: ignore[call-arg]
        out[n] = room[0]
    return failed
