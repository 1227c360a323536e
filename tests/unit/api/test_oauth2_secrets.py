"""Codes and tokens carry their place on the log, and fit the rules that judge them."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.access.checks import _CHALLENGE, _DIGEST
from agents.accounts.applications import _CLIENT_ID
from api.oauth2.secrets import (
    challenge_of,
    digest_of,
    new_client_id,
    new_client_secret,
    new_grant_id,
    new_secret,
    shown,
)
from infra.errors import Refused
from infra.names import id_of


@pytest.mark.parametrize("subject", [id_of("river"), new_client_id()], ids=["user", "client"])
def test_a_secret_names_its_grant(subject: str) -> None:
    grant = new_grant_id()
    text = new_secret(subject, grant)
    found = shown(text)
    assert (found.subject_id, found.grant_id) == (subject, grant)
    assert found.digest == hashlib.sha256(text.encode()).hexdigest()
    assert _DIGEST.fullmatch(found.digest)
    assert text.rpartition(".")[2] not in repr(found)
    assert new_secret(subject, grant) != text


def test_the_challenge_of_the_rfc() -> None:
    """RFC 7636 appendix B."""
    challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert _CHALLENGE.fullmatch(challenge)


@pytest.mark.parametrize(
    "verifier", ["", "x" * 42, "x" * 129, "x" * 43 + "\n", "é" * 43, "a b" * 20]
)
def test_what_is_no_verifier(verifier: str) -> None:
    with pytest.raises(Refused):
        challenge_of(verifier)


@given(st.text(max_size=150))
def test_what_is_no_secret(text: str) -> None:
    with pytest.raises(Refused):
        shown(text)


def test_client_ids_and_secrets() -> None:
    assert _CLIENT_ID.fullmatch(new_client_id())
    assert new_client_id() != new_client_id()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", new_client_secret())
    assert len(digest_of(new_client_secret())) == 64
