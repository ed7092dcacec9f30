"""Folders of a ground made readable for the sandbox's user, without touching the originals."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from grader.isolation.job import Ground
from grader.isolation.plan import has_real_users

_PREFIX = "practicum-ground-"


class Staging:
    """A temporary folder for copies of what only root can read; nothing is copied where that is not needed.

    Whoever holds one holds its lock, which the kernel gives back if they are killed: the next removes what they left.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock = -1
        _remove_leftovers()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the copies."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)
            self._folder, self._lock = None, -1

    def stage(self, ground: Ground) -> Ground:
        """The ground with each folder replaced by a readable copy where the sandbox's user could not read it."""
        kernels = ground.kernels or ground.district.absolute().parent.parent / "kernels"
        return replace(
            ground,
            lab=self._readable(ground.lab, "lab"),
            datasets=self._readable(ground.datasets, "datasets"),
            district=self._readable(ground.district, "district"),
            kernels=self._readable(kernels, "kernels") if kernels.is_dir() else None,
        )

    def _readable(self, folder: Path, name: str) -> Path:
        if not has_real_users() or not folder.is_dir() or _open_to_all(folder):
            return folder
        if self._folder is None:
            self._folder, self._lock = _own_folder()
        copy = self._folder / name / folder.parent.name / folder.name
        copy.parent.mkdir(parents=True)
        _copy(folder, copy)
        return copy


def _remove_leftovers() -> None:
    """Remove folders whose holders are gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = _locked(path)  # held until it is gone: it may be a new one whose owner is about to lock it
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _own_folder() -> tuple[Path, int]:
    """A new folder and the descriptor that locks it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(OSError):  # somebody took it for a leftover before it was locked
            lock = _locked(folder)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _locked(folder: Path) -> int:
    """The descriptor that holds a folder's lock; an ``OSError`` if somebody has it, or it is not one of this user's."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _open_to_all(folder: Path) -> bool:
    if folder.stat().st_mode & 0o005 != 0o005:
        return False
    for root, folders, files in os.walk(folder):
        for names, bits in ((folders, 0o005), (files, 0o004)):
            for name in names:
                path = Path(root, name)
                if path.is_symlink() or path.stat().st_mode & bits != bits:
                    return False
    return True


def _copy(folder: Path, copy: Path) -> None:
    copy.mkdir(mode=0o755)
    for entry in os.scandir(folder):
        target = copy / entry.name
        if entry.is_dir(follow_symlinks=False):
            _copy(Path(entry.path), target)
        elif entry.is_file(follow_symlinks=False):  # links could lead out of the folder: they are left out
            shutil.copyfile(entry.path, target)
            target.chmod(0o644)
    copy.chmod(0o755)
