"""Files that are whole or not there, whatever stops the machine."""

import contextlib
import errno
import os
import secrets
from pathlib import Path

from grader.errors import GraderError


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put ``content`` at ``path``, durably and at once: readers see the old file or the new one.

    Raises:
        GraderError: the disk is full or the folder cannot be written; what was there before is untouched.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        _refuse_other_than_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise refusal(path, error) from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _refuse_other_than_file(path: Path) -> None:
    if path.exists() and not path.is_file():  # a device would be replaced, if an administrator asks
        raise GraderError(str(path), "is not a file", "The name of a file to write or replace.")


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder, and the ones above it.

    Raises:
        GraderError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    except OSError as error:
        raise refusal(path, error) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refusal(path: Path, error: OSError) -> GraderError:
    """What the machine's refusal to write at ``path`` means, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        then = "Free some space, then run the same command again: it goes on where it stopped."
        return GraderError(str(path), "the disk is full", "Nothing that was finished is lost.", then)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return GraderError(str(path), "cannot be written (read-only)", then="Choose a folder that you may write to.")
    return GraderError(str(path), f"cannot be written: {error.strerror or error}")
