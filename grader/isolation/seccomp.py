"""A deny list of system calls as a BPF program, assembled here so that no system library is needed.

What namespaces leave open is closed here: memory outside the address-space limit, tracing, kernel keyrings,
new namespaces and mounts, old and rarely tested kernel doors. The network is closed by its namespace; of
socket families only those stay that live inside it (vsock, for one, does not).
"""

import ctypes
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EAFNOSUPPORT, ENOSYS, EPERM

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_TERMINAL_REQUESTS = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: they type into another's terminal
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

# name: (x86-64, aarch64); None where the architecture never had it
DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree_attr": (467, 467),
    "chroot": (161, 51),
    "setns": (308, 268),
    "unshare": (272, 97),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "personality": (135, 92),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "vserver": (236, None),
}


@dataclass(frozen=True)
class Machine:
    """What the filter must know of a processor architecture."""

    audit: int
    column: int
    clone: int
    clone3: int
    socket: int
    ioctl: int


MACHINES = {
    "x86_64": Machine(audit=0xC000003E, column=0, clone=56, clone3=435, socket=41, ioctl=16),
    "aarch64": Machine(audit=0xC00000B7, column=1, clone=220, clone3=435, socket=198, ioctl=29),
}


def program(machine: str = "") -> bytes:
    """The filter for ``machine`` (as ``platform.machine()`` names it; this one by default).

    Raises:
        OSError: there is no table for that architecture.
    """
    name = machine or platform.machine()
    if name not in MACHINES:
        raise OSError(ENOSYS, f"no system call table for {name}; there are tables for {', '.join(MACHINES)}")
    return b"".join(struct.pack("=HBBI", *line) for line in _lines(MACHINES[name]))


def load(filter_program: bytes) -> None:
    """Put the calling thread, and all it starts from now on, under the filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(filter_program, len(filter_program))
    header = struct.pack("@HxxxxxxP", len(filter_program) // 8, ctypes.addressof(buffer))
    set_no_new_privs, set_seccomp, mode_filter = 38, 22, 2
    for arguments in ((set_no_new_privs, 1, 0, 0, 0), (set_seccomp, mode_filter, header, 0, 0)):
        if libc.prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, "the kernel refuses the system call filter")


def _lines(machine: Machine) -> Iterator[tuple[int, int, int, int]]:
    yield _LOAD, 0, 0, _ARCH
    yield _EQUAL, 1, 0, machine.audit
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, _X32
    yield _RETURN, 0, 0, _ERRNO | ENOSYS
    yield from _deny(machine.clone3, ENOSYS)  # the C library then falls back to clone, whose flags can be seen
    for numbers in DENIED.values():
        number = numbers[machine.column]
        if number is not None:
            yield from _deny(number, EPERM)
    yield _EQUAL, 0, 4, machine.clone
    yield _LOAD, 0, 0, _ARGUMENTS
    yield _ANY_BIT, 0, 1, _NEW_NAMESPACES
    yield _RETURN, 0, 0, _ERRNO | EPERM
    yield _RETURN, 0, 0, _ALLOW
    yield _EQUAL, 0, 3 + len(_FAMILIES), machine.socket
    yield _LOAD, 0, 0, _ARGUMENTS
    for at, family in enumerate(_FAMILIES):
        yield _EQUAL, len(_FAMILIES) - at, 0, family
    yield _RETURN, 0, 0, _ERRNO | EAFNOSUPPORT
    yield _RETURN, 0, 0, _ALLOW
    yield _EQUAL, 0, 4, machine.ioctl
    yield _LOAD, 0, 0, _ARGUMENTS + 8
    yield _EQUAL, 1, 0, _TERMINAL_REQUESTS[0]
    yield _EQUAL, 0, 1, _TERMINAL_REQUESTS[1]
    yield _RETURN, 0, 0, _ERRNO | EPERM
    yield _RETURN, 0, 0, _ALLOW


def _deny(number: int, error: int) -> Iterator[tuple[int, int, int, int]]:
    yield _EQUAL, 0, 1, number
    yield _RETURN, 0, 0, _ERRNO | error
