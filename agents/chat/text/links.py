"""Links in a text, also those that are written so that a rule might miss them."""

import re
import unicodedata
from collections.abc import Collection
from importlib.resources import files
from typing import Final, NamedTuple

from agents.chat.text.skeleton import fold

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOTS = ".\u3002\uff0e\uff61"
_DOT = rf"(?:[{_DOTS}]|\s?[(\[{{<]\s?(?:dot|[{_DOTS}])\s?[)\]}}>]\s?|\sdot\s|\s[{_DOTS}]\s?)"
_MAY_HAVE = re.compile(rf"://|[{_DOTS}]\s?[^\W_]|[{_DOTS}]\s?[)\]}}>]|\bdot\b", re.IGNORECASE)
_LINK = re.compile(
    r"(?<![a-z0-9+.-])(?P<scheme>[a-z][a-z0-9+.-]{1,19}://)"
    r"(?P<authority>[^\s/\\?#]{1,300})(?:[/\\?#]\S*)?"
    rf"|(?<![\w.-])(?<![\w.-]@)(?P<host>{_LABEL}(?:{_DOT}{_LABEL})+)",
    re.IGNORECASE,
)
_REST = re.compile(r"(?P<port>:\d{1,5}\b)?(?P<path>/\S*|[\\?#]\S+)?")
_PORT = re.compile(r":\d*\Z")
_TRAILING = ".,;:!?)]}>\"'\u2019\u201d\u2026"
"""What ends a sentence and not a link."""
_SPLIT = re.compile(_DOT, re.IGNORECASE)
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


def _lines(name: str) -> frozenset[str]:
    lines = files(__package__).joinpath(name).read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


_ENDS: Final = _lines("data/top_level_domains.txt")
_COMMON: Final = _lines("data/common_domains.txt")
"""Ends that hardly anybody writes after a full stop without meaning a domain. Of the others, many
are words or endings of files ("ok.so", "main.py"): they need a path or a "www."."""
_PLAIN: Final = frozenset({"com", "net", "org"})
"""Ends that may begin with a capital and still no sentence does."""
_NO_NAMES: Final = frozenset(
    (
        "a",
        "an",
        "any",
        "every",
        "my",
        "of",
        "one",
        "our",
        "that",
        "the",
        "this",
        "to",
        "use",
        "your",
    )
)
"""Words before which a spelled "dot com" belongs to a sentence."""


class Link(NamedTuple):
    """A link in a text: code points from `start` to before `end`, and the domain it leads to.

    The domain is in lower case, each label of other letters than ASCII in Punycode (RFC 3492).
    """

    start: int
    end: int
    domain: str


class InvalidDomain(ValueError):
    """What cannot be a domain."""


def find_links(text: str) -> list[Link]:
    """The links of a text, in order.

    With a scheme anything is one; without, what ends like a domain, also with "dot" or brackets
    for its dots ("example dot com", "example(.)com").
    """
    plain = "." not in text and "://" not in text and text.isascii()
    if (plain and "dot" not in text.lower()) or not _MAY_HAVE.search(text):
        return []
    found: list[Link] = []
    for each in _LINK.finditer(text):
        link = _with_scheme(each) if each["scheme"] else _bare(text, each)
        if link and (not found or found[-1].end <= link.start):
            found.append(link)
    return found


def permitted(domain: str, domains: Collection[str]) -> bool:
    """Whether a domain is one of some (as `domain_of` has them), or below one."""
    return domain in domains or any(domain.endswith(f".{each}") for each in domains)


def domain_of(name: str) -> str:
    """A domain as links have it, of a name that somebody typed. Raises `InvalidDomain`."""
    domain = _domain(re.split(f"[{_DOTS}]", name.strip().strip(".")))
    if len(name) > 253 or not name.isprintable() or not _DOMAIN.fullmatch(domain):
        raise InvalidDomain(f"{name!r:.100} is not the name of a domain")
    return domain


def _with_scheme(match: re.Match[str]) -> Link | None:
    """A link of which the host is what follows a user's name and precedes a port (RFC 3986)."""
    host = _PORT.sub("", match["authority"].rpartition("@")[2].rstrip(_TRAILING))
    if not host:
        return None
    end = match.start() + len(match[0].rstrip(_TRAILING))
    return Link(match.start(), end, _domain(re.split(f"[{_DOTS}]", host)))


def _bare(text: str, match: re.Match[str]) -> Link | None:
    host, start, end = match["host"], match.start(), match.end()
    if text.startswith("@", end):
        return None
    rest = _REST.match(text, end)
    said = rest[0].rstrip(_TRAILING) if rest else ""
    if said and _ADDRESS.fullmatch(host):
        return Link(start, end + len(said), host)
    labels, ends = _labels(host)
    if _is_domain(labels, host, has_path=said.startswith("/")):
        return Link(start, end + len(said), _domain(labels))
    for count in range(len(labels) - 1, 1, -1):
        if _is_domain(labels[:count], host):
            return Link(start, start + ends[count - 1], _domain(labels[:count]))
    return None


def _labels(host: str) -> tuple[list[str], list[int]]:
    """The labels of a host, and where each ends in it."""
    labels, ends, at = [], [], 0
    for dot in _SPLIT.finditer(host):
        labels.append(host[at : dot.start()])
        ends.append(dot.start())
        at = dot.end()
    return [*labels, host[at:]], [*ends, len(host)]


def _is_domain(labels: list[str], host: str, *, has_path: bool = False) -> bool:
    """Whether labels that dots part are a domain, and not a sentence or a file."""
    *names, last = labels
    end = _domain([last])
    if end not in _ENDS:
        end = fold(last)
    if end not in _ENDS:
        return False
    if has_path or names[0].lower() == "www":
        return True
    name = names[-1]
    if end in _PLAIN:
        return " " not in host or name.lower() not in _NO_NAMES
    starts_sentence = last.istitle() and not name.istitle()
    return end in _COMMON and not starts_sentence and not name.isdecimal()


def _domain(labels: list[str]) -> str:
    return ".".join(label.lower() if label.isascii() else _ascii(label) for label in labels)


def _ascii(label: str) -> str:
    """A label of a domain in ASCII (RFC 5890: an A-label; mapped like UTS #46, not validated)."""
    label = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode", "replace").decode("ascii")
