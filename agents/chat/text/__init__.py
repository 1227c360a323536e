"""What a text is: sound, alike, blocked, linking, repeated. Pure functions, fast on plain ASCII."""

from agents.chat.text.emotes import find_emotes, only_emotes
from agents.chat.text.links import InvalidDomain, Link, domain_of, find_links, permitted
from agents.chat.text.sanity import LENGTH, Unsound, sane
from agents.chat.text.similarity import alike, fingerprint_and_sketch, sketch
from agents.chat.text.skeleton import fingerprint, skeleton
from agents.chat.text.terms import GLOBAL, Found, InvalidTerm, Terms

__all__ = [
    "GLOBAL",
    "LENGTH",
    "Found",
    "InvalidDomain",
    "InvalidTerm",
    "Link",
    "Terms",
    "Unsound",
    "alike",
    "domain_of",
    "find_emotes",
    "find_links",
    "fingerprint",
    "fingerprint_and_sketch",
    "only_emotes",
    "permitted",
    "sane",
    "skeleton",
    "sketch",
]
