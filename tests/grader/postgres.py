"""A PostgreSQL server of a test's own: started by it, on this machine alone, ended with it."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MISSING = "PostgreSQL is not on this machine and cannot be installed here (.ci/system-packages; in CI it must be)"


def programs() -> Path | None:
    """Where ``initdb`` and ``pg_ctl`` are: Debian keeps them off the path."""
    found = shutil.which("pg_ctl")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


class Postgres:
    """One server, which can be stopped and started again."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder, self._place = folder, place
        self._password = secrets.token_hex(8) + "@/:"  # a URL must carry signs of its own too
        # it refuses to run as root
        self._user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(folder, self._user, -1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        password = folder / "password"
        password.write_text(self._password)
        if self._user is not None:
            os.chown(password, self._user, -1)
        options = ["--username=practicum", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"]
        self._run("initdb", *options, "--no-sync", "-D", str(folder / "data"))
        self.start()

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        from sqlalchemy import URL, create_engine, text

        url = URL.create("postgresql+psycopg2", "practicum", self._password, "127.0.0.1", self.port, "postgres")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{database}"'))
        engine.dispose()
        return url.set(database=database).render_as_string(hide_password=False)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        options += " -c fsync=off -c shared_buffers=16MB -c max_connections=20"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._place / program), *arguments],
            cwd=self.folder,
            user=self._user,
            extra_groups=[] if self._user is not None else None,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )


@contextmanager
def running() -> Iterator[Postgres]:
    """A server; where the machine lacks PostgreSQL the test is skipped by name, but not in CI and not as root."""
    place = programs()
    if place is None:
        if os.environ.get("CI") or (os.geteuid() == 0 and shutil.which("apt-get")):
            pytest.fail("PostgreSQL is missing: sh .ci/system-packages installs it")
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="practicum-pg-"))  # short: a socket's path has a limit
    try:
        server = Postgres(folder, place)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
