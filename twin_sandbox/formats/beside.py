"""Writing so that nothing half written is left: beside the place, then moved there in one step."""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twin_sandbox.errors import TwinError


@contextmanager
def written_file(path: Path) -> Iterator[Path]:
    """A draft beside ``path`` that takes its place when the block ends well, and is removed when it does not.

    Raises:
        TwinError: ``path`` is a folder, a device or a pipe, or cannot be written.
    """
    draft = path.parent / f".{uuid.uuid4().hex}{path.suffix[:9]}"
    try:
        if path.exists() and not path.is_file():  # a device would be replaced, if an administrator asks
            raise _no_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        draft.replace(path)
    except OSError as reason:
        raise _unwritable(path, reason) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def written_folder(path: Path, *suffixes: str) -> Iterator[Path]:
    """A draft folder beside ``path``, as `written_file`; a folder that holds only files so ending is replaced.

    Raises:
        TwinError: ``path`` is a file, holds something else, or cannot be written.
    """
    if _holds_else(path, suffixes):
        raise _something_else(path, suffixes)
    draft = path.parent / f".{uuid.uuid4().hex}"
    old = draft.with_name(f"{draft.name}-old")
    try:
        draft.mkdir(parents=True)
        yield draft
        if path.exists():
            path.rename(old)
        draft.rename(path)
    except OSError as reason:
        raise _unwritable(path, reason) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def refuse_folder(path: Path, *suffixes: str) -> None:
    """Refuse now what `written_folder` would refuse when a long run has ended; nothing is written.

    Raises:
        TwinError: ``path`` is a file, holds something else, or cannot be written.
    """
    if _holds_else(path, suffixes):
        raise _something_else(path, suffixes)
    _refuse_place(path)


def refuse_file(path: Path) -> None:
    """Refuse now what `written_file` would refuse when a long run has ended; nothing is written.

    Raises:
        TwinError: ``path`` is a folder, a device or a pipe, or cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            raise _no_file(path)
    except OSError as reason:
        raise _unwritable(path, reason) from None
    _refuse_place(path)


def _refuse_place(path: Path) -> None:
    above = next(one for one in path.absolute().parents if one.exists())
    for wrong, number in ((not above.is_dir(), errno.ENOTDIR), (not os.access(above, os.W_OK), errno.EACCES)):
        if wrong:
            raise _unwritable(path, OSError(number, os.strerror(number)))


def _no_file(path: Path) -> TwinError:
    what = "a folder" if path.is_dir() else "a device or a pipe"
    return TwinError(str(path), f"is {what}", "The name of a file to write or replace")


def _something_else(path: Path, suffixes: tuple[str, ...]) -> TwinError:
    return TwinError(
        str(path),
        "holds something else",
        f"A new or empty folder, or one that holds {' and '.join(suffixes)} files alone, which is replaced",
        "Name another folder.",
    )


def _holds_else(path: Path, suffixes: tuple[str, ...]) -> bool:
    try:
        return path.exists() and (
            not path.is_dir() or any(not entry.name.endswith(suffixes) for entry in path.iterdir())
        )
    except OSError as reason:
        raise _unwritable(path, reason) from None


def _unwritable(path: Path, reason: OSError) -> TwinError:
    return TwinError(str(path), f"cannot be written: {reason.strerror}", then="Free space or name another place.")


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        TwinError: it is missing, unreadable, empty or not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TwinError(str(path), "no such file") from None
    except OSError as reason:
        raise TwinError(str(path), f"cannot be read: {reason.strerror}") from None
    except UnicodeDecodeError:
        raise TwinError(str(path), "is not text in UTF-8", then="Save it again as UTF-8.") from None
    if not text.strip():
        raise TwinError(str(path), "is empty")
    return text
