"""Access tokens count if they are ours, for us, in time; everything else is refused as invalid."""

import base64
import hashlib
import hmac
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from api.oauth2.signing_keys import (
    LEAD,
    OUTLIVED_BY_TOKENS,
    SIGNS_FOR,
    SigningKey,
    SigningKeys,
    new_key,
)
from api.oauth2.tokens import LEEWAY, LONGEST, AccessToken, AccessTokens, InvalidToken
from infra.clock import ManualClock
from infra.errors import Unavailable
from infra.sealing import MasterKeys, new_master_key
from schemas.records.access import SigningKeyIssued, SigningKeyRetired

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
NOW = 1_700_000_000
SECOND = 1_000_000
MASTER = MasterKeys(SecretStr(new_master_key()))


def as_key(issued: SigningKeyIssued) -> SigningKey:
    return SigningKey.of(msgspec.structs.asdict(issued))


KEY = as_key(new_key(MASTER, NOW * SECOND))
KEYS = SigningKeys([KEY], MASTER)


def tokens(keys: SigningKeys = KEYS, now: float = NOW, **changes: str) -> AccessTokens:
    names = {"issuer": "https://millrace.example", "audience": "millrace"} | changes
    return AccessTokens(keys=keys, clock=ManualClock(int(now * SECOND)), **names)


def signed(signer: AccessTokens | None = None, expires: int = NOW + 3600, **changes: Any) -> str:
    said = {
        "subject_id": "u",
        "client_id": "app",
        "grant_id": "g",
        "token_id": "t",
        "scopes": ["chat:read", "clips:edit"],
        "expires_at": expires * SECOND,
    }
    return (signer or tokens()).sign(**(said | changes))


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: dict[str, Any], claims: dict[str, Any], key: Any = None) -> str:
    """A token that our own key signs whatever is in it, or that is signed by `key`."""
    _, private = KEYS.private(NOW * SECOND)
    body = f"{part(header)}.{part(claims)}"
    signature = (key or private).get_op_key("sign").sign(body.encode())
    return f"{body}.{part(signature)}"


HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": KEY.kid}
CLAIMS = json.loads(base64.urlsafe_b64decode(signed().split(".")[1] + "=="))


def refused(token: str, checker: AccessTokens | None = None) -> str:
    with pytest.raises(InvalidToken) as caught:
        (checker or tokens()).verify(token)
    return caught.value.reason


def test_a_token_says_what_was_signed() -> None:
    found = tokens(now=NOW + 3599).verify(signed())
    assert found == AccessToken(
        iss="https://millrace.example",
        aud="millrace",
        sub="u",
        client_id="app",
        scope="chat:read clips:edit",
        jti="t",
        gid="g",
        iat=NOW,
        exp=NOW + 3600,
    )
    assert (found.user_id, found.scopes) == ("u", {"chat:read", "clips:edit"})
    assert tokens().verify(signed(subject_id="app")).user_id is None


def test_a_forgery_by_our_own_key_passes_so_that_the_refusals_below_mean_something() -> None:
    assert tokens().verify(forged(HEADER, CLAIMS)).sub == "u"


def test_other_libraries_read_our_tokens_with_the_published_keys() -> None:
    (published,) = KEYS.jwks(NOW * SECOND)["keys"]
    assert published.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    key = OKPKey.import_key(published)
    assert json.loads(jws.deserialize_compact(signed(), key, ["EdDSA"]).payload)["sub"] == "u"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - 10**6}, "expired"),
        ({"exp": float(NOW + 10)}, "malformed"),
        ({"exp": str(NOW + 10)}, "malformed"),
        ({"exp": None}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"nbf": NOW + LEEWAY + 1}, "not-yet-valid"),
        ({"iat": NOW + LEEWAY + 1}, "not-yet-valid"),
        ({"iss": "https://evil.example"}, "wrong-issuer"),
        ({"iss": "https://millrace.example/"}, "wrong-issuer"),
        ({"aud": "other"}, "wrong-audience"),
        ({"aud": ["millrace", "other"]}, "malformed"),
        ({"sub": 1}, "malformed"),
        ({"scope": ["chat:read"]}, "malformed"),
        ({"admin": True}, "malformed"),
    ],
)
def test_claims_that_do_not_count(claims: dict[str, Any], reason: str) -> None:
    assert refused(forged(HEADER, CLAIMS | claims)) == reason


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_no_claim_may_be_missing(name: str) -> None:
    left = {key: value for key, value in CLAIMS.items() if key != name}
    assert refused(forged(HEADER, left)) == "malformed"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "ES256", "RS256", "Ed25519"])
def test_no_other_algorithm(alg: str) -> None:
    assert refused(forged(HEADER | {"alg": alg}, CLAIMS)) == "wrong-algorithm"
    assert refused(f"{part(HEADER | {'alg': alg})}.{part(CLAIMS)}.") in (
        "wrong-algorithm",
        "malformed",
    )


@pytest.mark.parametrize(
    "secret",
    [
        KEY.public_jwk.encode(),
        json.loads(KEY.public_jwk)["x"].encode(),
        base64.urlsafe_b64decode(json.loads(KEY.public_jwk)["x"] + "="),
        OKPKey.import_key(json.loads(KEY.public_jwk)).as_pem(private=False),
    ],
    ids=["jwk", "base64", "bytes", "pem"],
)
@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_the_public_key_is_no_shared_secret(secret: bytes, alg: str) -> None:
    body = f"{part(HEADER | {'alg': alg})}.{part(CLAIMS)}"
    signature = hmac.new(secret, body.encode(), hashlib.sha256).digest()
    reason = refused(f"{body}.{part(signature)}")
    assert reason == ("bad-signature" if alg == "EdDSA" else "wrong-algorithm")


THEIRS = OKPKey.generate_key("Ed25519")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"jwk": THEIRS.as_dict(private=False)}, "foreign-header"),
        ({"jku": "https://evil.example/jwks"}, "foreign-header"),
        ({"x5u": "https://evil.example/cert"}, "foreign-header"),
        ({"x5c": ["AAAA"]}, "foreign-header"),
        ({"crit": ["b64"], "b64": False}, "foreign-header"),
        ({"zip": "DEF"}, "foreign-header"),
        ({"typ": "JWT"}, "foreign-header"),
        ({"typ": None}, "foreign-header"),
        ({"kid": "../../dev/null"}, "unknown-key"),
        ({"kid": "/dev/null"}, "unknown-key"),
        ({"kid": "https://evil.example/key"}, "unknown-key"),
        ({"kid": "' OR 1=1 --"}, "unknown-key"),
        ({"kid": "x' UNION SELECT 'key"}, "unknown-key"),
        ({"kid": "$(id)"}, "unknown-key"),
        ({"kid": ""}, "unknown-key"),
        ({"kid": None}, "unknown-key"),
        ({"kid": 0}, "unknown-key"),
        ({"kid": [KEY.kid]}, "unknown-key"),
        ({"kid": {"kid": KEY.kid}}, "unknown-key"),
        ({"kid": THEIRS.thumbprint()}, "unknown-key"),
        ({"kid": KEY.kid + "\0"}, "unknown-key"),
        ({}, "bad-signature"),
    ],
)
def test_a_key_that_the_token_brings_or_points_to_is_not_taken(
    more: dict[str, Any], reason: str
) -> None:
    assert refused(forged(HEADER | more, CLAIMS, THEIRS)) == reason


def test_a_name_that_stands_twice_in_the_header() -> None:
    header = f'{{"alg":"none",{json.dumps(HEADER)[1:]}'.encode()
    _, private = KEYS.private(NOW * SECOND)
    body = f"{part(header)}.{part(CLAIMS)}"
    signature = private.get_op_key("sign").sign(body.encode())
    assert refused(f"{body}.{part(signature)}") == "malformed"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "a.b", signed() + ".x", signed() + "=", " " + signed(),
     signed() + "\n", signed().replace(".", ".."), signed().replace(".", ".\n", 1),
     f"{part([])}.{part({})}.{part(b'x')}", f"{part(b'[' * 2000)}.{part({})}.AA"],
)  # fmt: skip
def test_what_is_no_token(token: str) -> None:
    assert refused(token) == "malformed"


def test_a_token_that_is_too_large_is_not_looked_at() -> None:
    assert refused("A" * (LONGEST + 1)) == "too-large"
    assert refused(signed(scopes=["x" * LONGEST])) == "too-large"


def test_a_signature_of_other_claims_or_a_cut_one() -> None:
    header, payload, signature = signed().split(".")
    assert refused(f"{header}.{part(CLAIMS | {'sub': 'admin'})}.{signature}") == "bad-signature"
    assert refused(f"{header}.{payload}.{part(b'')}") == "malformed"
    assert refused(f"{header}.{payload}.{part(bytes(64))}") == "bad-signature"
    assert refused(f"{header}.{payload}.{part(bytes(63))}") == "bad-signature"


def test_a_signature_is_written_in_one_way() -> None:
    """64 bytes leave four bits of the last letter unused: others would be the same signature."""
    token = signed()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same = letters[letters.index(token[-1]) + 1]
    assert base64.urlsafe_b64decode(token[-86:] + "==") == base64.urlsafe_b64decode(
        token[-86:-1] + same + "=="
    )
    assert refused(token[:-1] + same) == "malformed"


def test_tokens_of_another_platform() -> None:
    other = tokens(issuer="https://other.example", audience="other")
    assert refused(signed(other)) == "wrong-issuer"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_change_anywhere_is_refused(data: st.DataObject) -> None:
    token = signed()
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(
        st.one_of(st.sampled_from("ABCabc019-_."), st.characters(codec="utf-8")).filter(
            lambda one: one != token[place]
        )
    )
    refused(token[:place] + letter + token[place + 1 :])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jwk", "exp"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(json_values, json_values, st.binary(max_size=80))
def test_any_header_claims_and_signature_are_refused_with_one_error(
    header: object, claims: object, signature: bytes
) -> None:
    refused(f"{part(header)}.{part(claims)}.{part(signature)}")
    if isinstance(header, dict) and isinstance(claims, dict):
        refused(forged(HEADER | header, CLAIMS | {"exp": 0} | claims | {"exp": 0}))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(part))
def test_any_text_is_refused_with_one_error(text: str) -> None:
    refused(text)
    refused(f"{text}.{text}.{text}")
    refused(f"{part(HEADER)}.{text}.{text}")


def test_keys_rotate_without_a_token_that_fails() -> None:
    known: dict[str, SigningKey] = {}
    now = NOW * SECOND
    assert not SigningKeys([], MASTER).jwks(now)["keys"]
    with pytest.raises(Unavailable):
        signed(tokens(SigningKeys([], MASTER)))
    live: list[tuple[int, str]] = []
    kids = set()
    step = 600 * SECOND - 1
    for number in range(4 * SIGNS_FOR // step):
        keys = SigningKeys(known.values(), MASTER)
        for event in keys.rotation(now):
            match event:
                case SigningKeyIssued():
                    known[event.kid] = as_key(event)
                case SigningKeyRetired():
                    del known[event.kid]
        if number % 50 == 0 or any(abs(now - key.signs_until) < 2 * step for key in known.values()):
            keys = SigningKeys(known.values(), MASTER)
            at = tokens(keys, now / SECOND)
            live = [(until, token) for until, token in live if now < until]
            for _, token in live:
                at.verify(token)
            until = now + 3600 * SECOND
            live.append((until - until % SECOND, signed(at, until // SECOND)))
            kids.add(keys.private(now)[0])
        now += step
    assert len(kids) == 4
    assert len(known) <= 2


def test_a_successor_is_announced_before_it_signs() -> None:
    now = NOW * SECOND
    (successor,) = KEYS.rotation(now, early=True)
    assert isinstance(successor, SigningKeyIssued)
    assert successor.signs_from == now + LEAD
    both = SigningKeys([KEY, as_key(successor)], MASTER)
    assert both.private(now)[0] == KEY.kid
    assert both.private(now + LEAD)[0] == successor.kid
    assert {key["kid"] for key in both.jwks(now)["keys"]} == {KEY.kid, successor.kid}
    assert both.rotation(now) == []


def test_a_key_that_is_gone_or_too_old_verifies_nothing() -> None:
    assert refused(signed(), tokens(SigningKeys([], MASTER))) == "unknown-key"
    late = NOW + (SIGNS_FOR + OUTLIVED_BY_TOKENS) // SECOND
    assert refused(signed(expires=late + 60), tokens(now=late)) == "unknown-key"


def test_private_keys_are_sealed() -> None:
    issued = new_key(MASTER, 0)
    assert "d" not in json.loads(issued.public_jwk)
    private = json.loads(MASTER.open("signing-key", issued.sealed_private_jwk))
    assert private["d"] not in str(issued)
