import hashlib
import stat
from pathlib import Path

import pytest

from infra.errors import ConfigurationError
from infra.local.layout import Layout
from millrace import channels


def test_a_key_has_a_public_part_a_secret_and_a_digest_of_both() -> None:
    key = channels.new_key()
    kind, key_id, secret = key.text.split("_")
    assert (kind, key.key_id) == ("live", key_id)
    assert len(secret) == 32
    assert key.digest == hashlib.sha256(key.text.encode()).hexdigest()
    assert secret not in repr(key)
    assert channels.new_key() != key


def test_a_kept_key_stays_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path)
    key = channels.kept_key(layout, "demo")
    assert channels.kept_key(layout, "demo") == key
    assert channels.kept_key(layout, "other") != key
    [demo, _] = sorted((tmp_path / "keys").iterdir())
    assert stat.S_IMODE(demo.stat().st_mode) == 0o600


def test_a_spoilt_key_file_is_named(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path)
    channels.kept_key(layout, "demo")
    (tmp_path / "keys/demo.key").write_text("nonsense")
    with pytest.raises(ConfigurationError, match=r"demo\.key holds no stream key"):
        channels.kept_key(layout, "demo")
