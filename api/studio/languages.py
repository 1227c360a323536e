"""Languages that a channel may say it speaks."""

from typing import Final

LANGUAGES: Final = {
    "ar": "Arabic",
    "asl": "American Sign Language",
    "bg": "Bulgarian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "ms": "Malay",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sv": "Swedish",
    "ta": "Tamil",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
    "other": "Another one",
}
"""By code: ISO 639-1, and what the dialect has besides."""


def choices(current: str) -> dict[str, str]:
    """All that may be chosen, by name; a code that an application has set stays one of them."""
    known = LANGUAGES if current in LANGUAGES or not current else {current: current} | LANGUAGES
    return dict(sorted(known.items(), key=lambda item: (item[0] == "other", item[1])))
