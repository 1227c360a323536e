"""A certificate that cannot be used is named before anybody connects."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.errors import ConfigurationError
from infra.settings import ChatEdgeSettings
from infra.tls import server_context
from tests.certificates import certificate


def test_a_certificate_and_its_key(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    assert server_context(made.chain, made.key).cert_store_stats()["x509"] == 0


def test_what_is_not_there_or_does_not_belong_together_is_named(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other")
    for chain, key in ((made.chain, tmp_path / "missing.pem"), (made.chain, other.key)):
        with pytest.raises(ConfigurationError, match=re.escape(str(key))):
            server_context(chain, key)


def test_an_edge_has_both_or_neither(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    ChatEdgeSettings(tls_certificate=made.chain, tls_key=made.key)
    for alone in ({"tls_certificate": made.chain}, {"tls_key": made.key}):
        with pytest.raises(ValidationError, match="tls_certificate and tls_key"):
            ChatEdgeSettings(**alone)
