"""Asking the signing process: whoever issues certificates holds no key."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.errors import GraderError

_LONGEST_WAIT_S = 60


class Signing:
    """A running signing process; use it in a ``with`` statement.

    Args:
        key_file: the encrypted signing key; drawn anew if ``create`` and it is not there.
        passphrase: opens it; kept no longer than it takes to hand over.
        create: make the key if there is none.

    Attributes:
        did: the issuer's identifier.
        multikey: its public key.

    Raises:
        GraderError: no key, or it does not open.
    """

    def __init__(self, key_file: Path, passphrase: str, *, create: bool = False) -> None:
        new = not key_file.exists()
        if new and not create:
            raise GraderError(
                str(key_file), "there is no signing key", then="`practicum certify` makes one for a new course."
            )
        passphrase_fd = _pipe_holding(passphrase.encode("utf-8"))
        descriptors = [passphrase_fd]
        arguments = ["--passphrase-fd", str(passphrase_fd)]
        if new:
            arguments += ["--create", str(key_file.resolve())]
        else:
            key_fd = _opened(key_file)
            descriptors.append(key_fd)
            arguments += ["--key-fd", str(key_fd)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "grader.credentials.signer", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                pass_fds=descriptors,
                env=_environment(),
                cwd=Path(__file__).parent.parent.parent,
            )
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        try:
            self._heard_ready()
            issuer = self._asked({"issuer": True})
        except BaseException:
            self.close()
            raise
        self.did: str = issuer["did"]
        self.multikey: str = issuer["multikey"]

    def sign(self, document: dict[str, Any], *, created: datetime) -> dict[str, Any]:
        """The document with the issuer's proof.

        Raises:
            GraderError: the signer refuses it; says why.
        """
        reply = self._asked({"sign": document, "created": created.isoformat()})
        signed: dict[str, Any] = reply["document"]
        return signed

    def close(self) -> None:
        """End the process; its key is gone with it."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert self._process.stdout is not None  # noqa: S101 - likewise
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_LONGEST_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise GraderError("signing process", "has ended", then="Run the command again.") from error
        reply = self._heard()
        if not reply["ok"]:
            raise GraderError("signing process", f"refuses to sign: {reply['error']}")
        return reply

    def _heard_ready(self) -> None:
        ready = self._heard()
        if not ready["ok"]:
            raise GraderError(ready["where"], ready["error"], then=ready["then"])

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        line = self._process.stdout.readline()
        if not line:
            raise GraderError("signing process", "has ended", then="Run the command again.")
        reply: dict[str, Any] = json.loads(line)
        return reply


def _environment() -> dict[str, str]:
    kept = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise GraderError(str(path), f"cannot be read: {error.strerror}") from error


def _pipe_holding(content: bytes) -> int:
    """The reading end of a pipe that holds ``content`` (a pipe holds 64 KiB; a passphrase is shorter)."""
    if len(content) > 4096:
        raise GraderError("signing passphrase", "is longer than 4096 bytes")
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading
