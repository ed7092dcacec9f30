"""A folder's files in one nameless file, so that a job gets them without seeing where they lay."""

import json
import os
import struct
from pathlib import Path

_LENGTH = struct.Struct("!I")
_BLOCK = 4096
_MOST_BYTES = 1 << 30


def pack(folder: Path) -> int:
    """A descriptor of all regular files below ``folder``; the caller closes it.

    Links are left out: they could lead out of the folder.
    """
    found = sorted(_files(folder, ""))
    index = json.dumps([[name, path.stat().st_size] for name, path in found]).encode()
    number = os.memfd_create("bundle", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(_LENGTH.pack(len(index)) + index)
        for _, path in found:
            file.write(path.read_bytes())
    return number


def room_bytes(number: int) -> int:
    """Size of a file system that has room for the packed files."""
    sizes = [size for _, size in _index(number)[0]]
    return sum(-(-size // _BLOCK) + 1 for size in sizes) * _BLOCK + 64 * _BLOCK


def unpack(number: int, folder: Path) -> None:
    """Write the packed files below ``folder``, readable by all."""
    index, at = _index(number)
    for name, size in index:
        path = folder / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(os.pread(number, size, at))
        path.chmod(0o644)
        at += size


def _index(number: int) -> tuple[list[tuple[str, int]], int]:
    (length,) = _LENGTH.unpack(os.pread(number, _LENGTH.size, 0))
    return json.loads(os.pread(number, length, _LENGTH.size)), _LENGTH.size + length


def _files(folder: Path, below: str) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            found += _files(Path(entry.path), f"{below}{entry.name}/")
        elif entry.is_file(follow_symlinks=False):
            found.append((below + entry.name, Path(entry.path)))
    return found
