"""Databases of a team, really started: MariaDB and PostgreSQL on loopback, each in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.toys.waiting import LONGEST, until

MARIADB, INSTALL = (
    shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/bin"),
    shutil.which("mariadb-install-db"),
)
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PASSWORD = "sentinel-password-of-the-team"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def owner(name: str) -> str | None:
    """A database refuses to run as root; whom it runs as then."""
    return name if os.geteuid() == 0 and name in {user.pw_name for user in pwd.getpwall()} else None


@dataclass
class Database:
    """A server on loopback, in a folder of its own."""

    folder: Path
    user: str | None
    port: int
    process: subprocess.Popen[bytes] | None = None

    def run(self, *command: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(map(str, command)), user=self.user, cwd=self.folder, input=stdin, text=True, capture_output=True, check=False
        )  # fmt: skip

    def start(self, *command: object) -> None:
        with (self.folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), user=self.user, cwd=self.folder, stdout=log, stderr=log
            )

    def until(self, *command: object, stdin: str = "") -> None:
        """Ask until it is answered."""
        until(lambda: not self.run(*command, stdin=stdin).returncode, (self.folder / "server.log").read_text)

    def end(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(LONGEST)


def folder_for(name: str) -> Path:
    folder = Path(
        f"/tmp/agile-{name}-{os.getpid()}"
    )  # a socket's path may have 107 characters, and its folders must be open to the owner
    folder.mkdir()
    if (user := owner(name)) is not None:
        shutil.chown(folder, user)
    return folder


@contextmanager
def running_mariadb(name: str) -> Iterator[str]:
    """A MariaDB with one database, and its address for the user of the same name."""
    folder = folder_for("mysql")
    database = Database(folder, owner("mysql"), free_port())
    done = database.run(
        INSTALL, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    where = [f"--socket={folder}/socket"]
    database.start(MARIADB, "--no-defaults", f"--datadir={folder}/data", *where, f"--port={database.port}",
        "--bind-address=127.0.0.1", f"--pid-file={folder}/pid")  # fmt: skip
    words = f"CREATE DATABASE {name}; CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON {name}.* TO {name}@'127.0.0.1';"
    database.until("mariadb", "--no-defaults", "--user=root", *where, stdin="SELECT 1;")
    done = database.run("mariadb", "--no-defaults", "--user=root", *where, stdin=words)
    assert done.returncode == 0, done.stderr
    try:
        yield f"mysql://{name}:{PASSWORD}@127.0.0.1:{database.port}/{name}"
    finally:
        database.end()
        shutil.rmtree(folder)


@contextmanager
def running_postgres(name: str) -> Iterator[str]:
    """A PostgreSQL with one database, and its address for the user of the same name."""
    folder, programs = folder_for("postgres"), POSTGRES[-1]
    database = Database(folder, owner("postgres"), free_port())
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    done = database.run(programs / "initdb", "--pgdata", folder / "data", "--username", name, "--pwfile", secret,
        "--auth", "scram-sha-256")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    database.start(programs / "postgres", "-D", folder / "data", "-p", database.port, "-h", "127.0.0.1", "-k", folder)
    address = f"postgresql://{name}:{PASSWORD}@127.0.0.1:{database.port}"
    database.until(programs / "psql", f"{address}/postgres", "--command", f"CREATE DATABASE {name}")
    try:
        yield f"{address}/{name}"
    finally:
        database.end()
        shutil.rmtree(folder)
