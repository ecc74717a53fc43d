"""Sealing: rotation, tampering, foreign keys, and the key file that processes agree on."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import UsageError
from connector.store.vault import Vault, VaultError, key_from_file

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))
TOKEN = b"pat-na1-canary"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
    max_leaves=6,
)


def test_what_is_sealed_opens_again_and_does_not_show() -> None:
    vault = Vault([NEW])
    sealed = vault.seal(TOKEN)
    assert TOKEN not in sealed
    assert sealed != vault.seal(TOKEN)
    assert vault.open(sealed) == TOKEN


def test_rotation_without_a_gap() -> None:
    sealed = Vault([OLD]).seal(TOKEN)
    both = Vault([NEW, OLD])
    assert both.open(sealed) == TOKEN
    rotated = both.rotate(sealed)
    assert Vault([NEW]).open(rotated) == TOKEN
    with pytest.raises(VaultError) as caught:
        Vault([OLD]).open(rotated)
    assert caught.value.reason == "unknown_key"
    with pytest.raises(VaultError):
        Vault([FOREIGN]).rotate(sealed)


@pytest.mark.parametrize("sealed", [b"", b"x", b"\xff\x00", TOKEN])
def test_what_was_never_sealed_is_told(sealed: bytes) -> None:
    with pytest.raises(VaultError, match="TASUKI_SECRET_KEY"):
        Vault([NEW]).open(sealed)


@pytest.mark.parametrize(("keys", "reason"), [([], "no_secret_key"), (["short"], "malformed_secret_key")])
def test_a_vault_without_a_key_is_refused(keys: list[str], reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        Vault(keys)
    assert caught.value.reason == reason
    assert "short" not in str(caught.value)


@given(JSON)
def test_values_of_a_lead_round_trip(value: Any) -> None:
    key = VAULT.data_key(WRAPPED)
    assert key.open(key.seal(value, about="1:42"), about="1:42") == value


VAULT = Vault([NEW, OLD])
WRAPPED = VAULT.new_data_key()


def test_values_open_only_with_their_own_key_and_for_their_own_lead() -> None:
    key, other = VAULT.data_key(WRAPPED), VAULT.data_key(VAULT.new_data_key())
    sealed = key.seal({"kept": "髙﨑"}, about="1:42")
    assert "髙﨑".encode() not in sealed
    for wrong in (lambda: other.open(sealed, about="1:42"), lambda: key.open(sealed, about="1:43")):
        with pytest.raises(VaultError) as caught:
            wrong()
        assert caught.value.reason == "damaged"


def test_every_changed_or_missing_byte_is_noticed() -> None:
    key = VAULT.data_key(WRAPPED)
    sealed = key.seal(["a"], about="1:42")
    changed = [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :] for n in range(len(sealed))]
    cut = [sealed[:n] for n in range(len(sealed))]
    for damaged in changed + cut:
        with pytest.raises(VaultError):
            key.open(damaged, about="1:42")


def test_a_wrapped_data_key_survives_rotation_of_the_master_key() -> None:
    wrapped = Vault([OLD]).new_data_key()
    sealed = Vault([OLD]).data_key(wrapped).seal(1, about="x")
    rotated = VAULT.rotate(wrapped)
    assert Vault([NEW]).data_key(rotated).open(sealed, about="x") == 1


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret.key"
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: key_from_file(path), range(64)))
    assert len(found) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]
    keys = found.pop()
    assert Vault(keys).open(Vault(keys).seal(TOKEN)) == TOKEN


def test_a_key_file_may_hold_several_keys_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.touch(0o600)
    path.write_text(f"{NEW}\n{OLD}\n\n")
    assert key_from_file(path) == (NEW, OLD)


def test_a_key_file_that_is_open_or_empty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.touch(0o600)
    with pytest.raises(UsageError, match="empty"):
        key_from_file(path)
    path.write_text(NEW)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        key_from_file(path)
