"""Sealing of what must not be read out of a database or its backups.

Two layers. *Master keys* (Fernet, from TASUKI_SECRET_KEY or a key file, never in the database) seal credentials and
wrap *data keys*. Each lead has a data key of its own, which encrypts people's values in the history: destroying it
makes them unreadable in every backup as well, which is what erasure means.

    vault = Vault(settings.secret_keys or key_from_file(settings.key_file))
    wrapped = vault.new_data_key()                       # stored on the lead
    sealed = vault.data_key(wrapped).seal({"kept": "山田"}, about="1:42")
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.errors import UsageError
from connector.texts import say

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

_DATA_KEY_BYTES = 32
_NONCE_BYTES = 12
#: The first byte of a sealed value: AES-256-GCM, then 12 bytes of nonce, then text and tag.
_FORMAT = b"\x01"


class VaultError(UsageError):
    """A sealed value cannot be opened; put the key that sealed it into TASUKI_SECRET_KEY, behind the present one."""


class DataKey:
    """One lead's key. It never shows in a repr and never leaves the process unwrapped."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, value: Json, *, about: str) -> bytes:
        """Encrypt a small JSON value. `about` names what it belongs to; opening it elsewhere fails."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, orjson.dumps(value), about.encode())

    def open(self, sealed: bytes, *, about: str) -> Json:
        """Decrypt. VaultError(reason="damaged") for another lead's key, another `about` or changed bytes."""
        head, nonce, text = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if head != _FORMAT or len(nonce) != _NONCE_BYTES:
                raise InvalidTag
            value: Json = orjson.loads(self._cipher.decrypt(nonce, text, about.encode()))
        except InvalidTag:
            raise VaultError(
                "A value of the history does not belong to this lead's key; restore the row from a backup",
                reason="damaged",
            ) from None
        return value


class Vault:
    """Seals under the first of its master keys and opens under any of them, so that keys can be rotated.

    `keys` are Fernet keys (32 bytes in URL-safe base64), newest first.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise UsageError(say("Set TASUKI_SECRET_KEY: nothing can be sealed without a key"), reason="no_secret_key")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise UsageError(
                say("A key is not 32 bytes in URL-safe base64; make one with: openssl rand -base64 32 | tr '+/' '-_'"),
                reason="malformed_secret_key",
            ) from None

    def seal(self, plain: bytes) -> bytes:
        """Encrypt under the newest key."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt under whichever key fits. VaultError(reason="unknown_key") when none does."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise VaultError(reason="unknown_key") from None

    def rotate(self, sealed: bytes) -> bytes:
        """Seal the same under the newest key; run over every row before an old key is taken away."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise VaultError(reason="unknown_key") from None

    def new_data_key(self) -> bytes:
        """Make a data key and return it wrapped: what is stored."""
        return self.seal(secrets.token_bytes(_DATA_KEY_BYTES))

    def data_key(self, wrapped: bytes) -> DataKey:
        """Unwrap a stored data key. VaultError(reason="unknown_key") when no master key fits."""
        return DataKey(self.open(wrapped))


def key_from_file(path: Path) -> tuple[str, ...]:
    """The master keys of an embedded installation: one a line, newest first; the first call makes the file (0600).

    Processes that start together agree on one key. UsageError when the file is empty or open to other users.
    """
    if not path.exists():
        _make_key_file(path)
    if path.stat().st_mode & 0o077:
        raise UsageError(say("Other users can read {path}; run: chmod 600 {path}", path=path), reason="key_file_open")
    keys = tuple(line.strip() for line in path.read_text(encoding="ascii").splitlines() if line.strip())
    if not keys:
        raise UsageError(say("{path} is empty; put its key back from a backup", path=path), reason="key_file_empty")
    return keys


def _make_key_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # fails when another process was first: its key stands
    except FileExistsError:
        pass
    finally:
        draft.unlink()
