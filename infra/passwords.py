"""Passwords: hashed with Argon2id where they come in, in threads, few at a time.

A hash takes 64 MiB and tens of milliseconds on purpose. So that sign-ins cannot take all memory,
two are computed at once, some wait, and the rest are told to come again.
"""

import asyncio
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from infra.errors import Refused, Unavailable

T = TypeVar("T")

# RFC 9106 section 4, second recommended option: for where 2 GiB a hash are too much.
TIME_COST: Final = 3
MEMORY_KIB: Final = 65_536
LANES: Final = 4
HASH_BYTES: Final = 32
SALT_BYTES: Final = 16

SHORTEST: Final = 8
LONGEST: Final = 256
"""Characters (NIST SP 800-63B section 5.1.1.2 asks for at least 8, and at least 64 allowed)."""
AT_ONCE: Final = 2
WAITING: Final = 64


class Verdict(NamedTuple):
    """Whether a password is right, and whether its hash should be made anew."""

    right: bool
    stale: bool
    """Made with other parameters than those of today: hash again while the password is at hand."""


class Passwords:
    """Hashes and checks passwords. One a process; `close` it at the end."""

    def __init__(
        self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB, lanes: int = LANES
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost,
            memory_cost=memory_kib,
            parallelism=lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._busy = 0
        self._nobody: str | None = None

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The Argon2id hash as PHC string, with a salt of its own.

        Raises Refused for a password that is too short or too long, Unavailable if too many wait.
        """
        return await self._run(partial(self._hasher.hash, _checked(password)))

    async def verify(self, hashed: str | None, password: str) -> Verdict:
        """Whether a password is the one that was hashed. Raises Unavailable if too many wait.

        For a user that there is not, pass None: it takes as long, so nobody learns who there is.
        """
        if len(password) > LONGEST:
            return Verdict(False, False)
        return await self._run(partial(self._verify, hashed, _normal(password)))

    def _verify(self, hashed: str | None, password: str) -> Verdict:
        against = hashed or self._hash_of_nobody()
        try:
            self._hasher.verify(against, password)
        except (VerificationError, InvalidHashError):
            return Verdict(False, False)
        if hashed is None:
            return Verdict(False, False)
        return Verdict(True, self._hasher.check_needs_rehash(hashed))

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        return self._nobody

    async def _run(self, work: "partial[T]") -> T:
        if self._busy >= AT_ONCE + WAITING:
            raise Unavailable("too many passwords are being checked; try again soon")
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._busy -= 1


def _checked(password: str) -> str:
    normal = _normal(password)
    if len(normal) < SHORTEST:
        raise Refused("password-too-short", f"a password has at least {SHORTEST} characters")
    if len(normal) > LONGEST:
        raise Refused("password-too-long", f"a password has at most {LONGEST} characters")
    return normal


def _normal(password: str) -> str:
    """The same letters as the same characters, whatever keyboard they come from (NFKC)."""
    return unicodedata.normalize("NFKC", password)
