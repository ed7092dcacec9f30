"""The filter program, run by a small interpreter of the BPF that the kernel runs, for both processors."""

import struct
from errno import EAFNOSUPPORT, ENOSYS, EPERM

import pytest

from grader.isolation.seccomp import DENIED, MACHINES, program

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
ORDINARY = {"x86_64": (0, 1, 9, 57, 59, 202, 257), "aarch64": (63, 64, 222, 221, 98, 56)}  # read, write, mmap, ...


def verdict(machine, number, *arguments, audit=None):
    """What the kernel would do with the call."""
    data = struct.pack(
        "=IIQ6Q", number, MACHINES[machine].audit if audit is None else audit, 0, *(arguments + (0,) * 6)[:6]
    )
    lines = list(struct.iter_unpack("=HBBI", program(machine)))
    at = accumulator = 0
    while True:
        code, yes, no, value = lines[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return value
        else:
            held = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += yes if held else no


@pytest.fixture(params=MACHINES)
def machine(request):
    return request.param


def test_every_denied_call_is_refused(machine):
    for name, numbers in DENIED.items():
        number = numbers[MACHINES[machine].column]
        assert number is None or verdict(machine, number) == ERRNO | EPERM, name


def test_ordinary_calls_go_through(machine):
    assert {verdict(machine, number) for number in ORDINARY[machine]} == {ALLOW}


def test_clone_may_start_threads_but_no_namespaces(machine):
    clone = MACHINES[machine].clone
    assert verdict(machine, clone, 0x3D0F00) == ALLOW
    for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine, clone, flag | 17) == ERRNO | EPERM
    assert verdict(machine, MACHINES[machine].clone3) == ERRNO | ENOSYS


def test_sockets_of_the_own_network_only(machine):
    number = MACHINES[machine].socket
    assert {verdict(machine, number, family) for family in (1, 2, 10, 16)} == {ALLOW}
    assert {verdict(machine, number, family) for family in (0, 3, 17, 38, 40, 44)} == {ERRNO | EAFNOSUPPORT}


def test_nobody_types_into_a_terminal(machine):
    number = MACHINES[machine].ioctl
    assert verdict(machine, number, 0, 0x5412) == ERRNO | EPERM
    assert verdict(machine, number, 0, 0x541C) == ERRNO | EPERM
    assert verdict(machine, number, 0, 0x5413) == ALLOW
    assert verdict(machine, number, 0, 0x5412 | 1 << 32) == ERRNO | EPERM  # the kernel looks at 32 bits


def test_another_processor_mode_is_no_way_round(machine):
    assert verdict(machine, 0, audit=0x40000003) == KILL
    assert verdict("x86_64", 0x40000000 | 101) == ERRNO | ENOSYS


def test_an_unknown_processor_is_named():
    with pytest.raises(OSError, match="no system call table for vax"):
        program("vax")
