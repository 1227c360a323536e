"""The data AutoMod learns from: labelled messages of public sets, read from a folder."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from agents.chat.automod import CATEGORIES

YES, NO, UNKNOWN = 1, 0, -1

_VIOLENT = re.compile(
    r"kill|die\b|dead|death|murder|shoot|shot|stab|beat|burn|hang|rape|punch|hurt|bomb|knife"
    r"|slap|smack|hunt|lynch|gas\b|execut|attack|fight|gun|choke|destroy|kys",
    re.IGNORECASE,
)
_SEXUAL = re.compile(
    r"sex|dick|cock|puss|tit[st]?\b|boob|cum\b|suck|fuck|naked|nude|horny|porn|rape|whore|slut|hoe"
    r"|cunt|anal\b|blow|orgasm|penis|vagina|breast|masturb|bang|thot|twat|lick|bj\b|ass\b|hard|wet",
    re.IGNORECASE,
)
_EXPLICIT = re.compile(
    r"suck (my|his|her|a|your|some) (\w+ )?(dick|cock|balls|tits)"
    r"|eat (my|her|your|that) (\w+ )?puss"
    r"|(send|show) (me )?(\w+ )?(nudes|tits|boobs|ass)|blow ?job|hand ?job|jerk(ing)? off"
    r"|deep ?throat"
    r"|fuck (my|her|your|his|that) (\w+ )?(ass|puss|mouth|throat)|cum (in|on|all)"
    r"|lick (my|her|your)"
    r"|wet puss|(tight|wet|juicy) (puss|ass)|masturbat|horny|orgasm|anal sex|porn",
    re.IGNORECASE,
)
_RUDE = re.compile(
    r"fuck|shit|bitch|idiot|stupid|dumb|moron|loser|ugly|hate|suck|trash|crap|gay|fag|nig|whore"
    r"|slut"
    r"|ass\b|asshole|retard|racist|disgust|pathetic|scum|jew|muslim|black|white|women|cunt|dick",
    re.IGNORECASE,
)
_EVERYDAY = ("sms", "youtube", "telegram")
_NOT_TEXT = re.compile(r"^RT |&#\d+;|\b(RT|URL)\b|\[USER\]|\[URL\]|[\ufffd]")


@dataclass(frozen=True, slots=True)
class Example:
    """One message; a label for each category; `group`: what may not be on both sides of a split."""

    text: str
    labels: tuple[int, ...]
    source: str
    group: str

    @property
    def split(self) -> str:
        """`train`, `tune` or `test`: 70, 12 and 18 of 100 groups, by digest."""
        place = sha256(f"automod-1:{self.source}:{self.group}".encode()).digest()[0] * 100 // 256
        return "train" if place < 70 else "tune" if place < 82 else "test"


def examples(folder: Path) -> list[Example]:
    """All examples of all sets, each text once."""
    seen = set()
    kept = []
    for read in (
        _davidson, _surge, _hatecheck, _hatemoji, _edos, _jigsaw, _wikipedia, _templates,
        _convabuse, _youtube, _sms, _telegram,
    ):  # fmt: skip
        for example in read(folder):
            key = re.sub(r"\W+", "", example.text.lower()) or example.text
            if example.text.strip() and key not in seen:
                seen.add(key)
                kept.append(example)
    return kept


def _labels(**known: int) -> tuple[int, ...]:
    return tuple(known.get(category, UNKNOWN) for category in CATEGORIES)


def _example(text: str, source: str, group: str | None = None, **known: int) -> Example:
    """An example; what a set does not label is filled in only where no word speaks against it."""
    text = " ".join(_NOT_TEXT.sub(" ", text.replace("&amp;", "&")).split())
    if "sexual" not in known and _EXPLICIT.search(text):
        known["sexual"] = YES
    if "sexual" not in known and not _SEXUAL.search(text):
        known["sexual"] = NO
    if "aggression" not in known and not _VIOLENT.search(text):
        known["aggression"] = NO
    if source in _EVERYDAY and not (_RUDE.search(text) or _VIOLENT.search(text)):
        known["toxicity"] = known["identity_hate"] = NO
    known.setdefault("spam", NO)
    key = group if group is not None else re.sub(r"\W+", "", text.lower())
    return Example(text[:500], _labels(**known), source, key)


def gold(example: Example, category: str) -> bool:
    """Whether people labelled this category in this set (what held-out figures count)."""
    labelled = {
        "davidson": ("toxicity", "identity_hate"), "surge": ("toxicity",),
        "hatecheck": ("toxicity", "identity_hate", "aggression"),
        "hatemoji": ("identity_hate", "aggression"), "edos": ("identity_hate", "aggression"),
        "jigsaw": ("toxicity", "identity_hate", "aggression"), "wikipedia": ("toxicity",),
        "convabuse": ("toxicity", "sexual"), "youtube": ("spam",), "sms": ("spam",),
        "telegram": ("spam",),
    }  # fmt: skip
    known = example.labels[CATEGORIES.index(category)] != UNKNOWN
    return known and category in labelled.get(example.source, ())


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        yield from csv.DictReader(file)


def _davidson(folder: Path) -> Iterator[Example]:
    for row in _rows(folder / "davidson_labeled_tweets.csv"):
        hate, offensive = row["class"] == "0", row["class"] == "1"
        text = re.sub(r"https?://\S+", "", row["tweet"])
        yield _example(text, "davidson", toxicity=int(hate or offensive), identity_hate=int(hate))


def _surge(folder: Path) -> Iterator[Example]:
    for row in _rows(folder / "surge_toxicity_en.csv"):
        toxic = int(row["is_toxic"] == "Toxic")
        extra = {} if toxic else {"identity_hate": NO}
        yield _example(row["text"], "surge", toxicity=toxic, **extra)


def _hatecheck(folder: Path) -> Iterator[Example]:
    for row in _rows(folder / "hatecheck.csv"):
        hateful, kind = int(row["label_gold"] == "hateful"), row["functionality"]
        abuse = hateful or kind in ("target_indiv_nh", "target_group_nh")
        aggression = YES if kind.startswith("threat") else NO
        if aggression == NO and _VIOLENT.search(row["test_case"]):
            aggression = UNKNOWN
        # The same sentence is there for seven groups, and in spellings: one group of examples.
        group = row["ref_templ_id"] or row["templ_id"]
        yield _example(
            row["test_case"], "hatecheck", group.removesuffix(".0"),
            toxicity=int(abuse), identity_hate=hateful, aggression=aggression,
        )  # fmt: skip


def _hatemoji(folder: Path) -> Iterator[Example]:
    for row in _rows(folder / "hatemoji_check.csv"):
        hateful = int(float(row["label_gold"]))
        group = "check" + row["test_group_id"]
        yield _example(
            row["text"], "hatemoji", group, identity_hate=hateful, aggression=UNKNOWN,
            toxicity=YES if hateful else UNKNOWN,
        )  # fmt: skip
    for part in ("train", "validation", "test"):
        for row in _rows(folder / f"hatemoji_build_{part}.csv"):
            hateful = int(float(row["label_gold"]))
            pair = sorted((int(float(row["entry_id"])), int(float(row["matched_id"] or -1))))
            threat = YES if row["type"] == "threateninglanguage" else UNKNOWN if hateful else NO
            yield _example(
                row["text"], "hatemoji", f"build{pair}", identity_hate=hateful, aggression=threat,
                toxicity=YES if hateful else UNKNOWN,
            )  # fmt: skip


def _edos(folder: Path) -> Iterator[Example]:
    for row in _rows(folder / "edos.csv"):
        kind = row["label_category"][:1]
        hate = {"n": NO, "1": YES, "2": YES}.get(kind, UNKNOWN)
        known = {"identity_hate": hate, "toxicity": YES if hate == YES else UNKNOWN}
        if kind == "1":
            known["aggression"] = YES
        elif not _VIOLENT.search(row["text"]):
            known["aggression"] = NO
        yield _example(row["text"], "edos", **known)


def _jigsaw(folder: Path) -> Iterator[Example]:
    for part in ("identity_hate", "insult", "obscene", "severe_toxic", "toxic"):
        for row in _rows(folder / f"jigsaw_{part}.csv"):
            label = {
                name: int(float(row[name] or 0)) for name in ("toxic", "threat", "identity_hate")
            }
            yield _example(
                row["comment_text"], "jigsaw", toxicity=label["toxic"],
                identity_hate=label["identity_hate"], aggression=label["threat"],
            )  # fmt: skip


def _wikipedia(folder: Path) -> Iterator[Example]:
    for row in _rows(folder / "wikipedia_toxicity.csv"):
        yield _example(row["comment"], "wikipedia", toxicity=int(row["toxic"] == "True"))


def _templates(folder: Path) -> Iterator[Example]:
    """Sentences on who somebody is: neither good nor bad for the word alone."""
    for place, row in enumerate(_rows(folder / "sentence_templates.csv")):
        toxic = int(row["toxicity"] == "toxic")
        if row["template"] == "name_adj" and place % 40:
            continue
        known = {"toxicity": toxic, "identity_hate": NO if not toxic else UNKNOWN}
        yield _example(row["phrase"], "templates", **known)


def _convabuse(folder: Path) -> Iterator[Example]:
    said: dict[str, list[dict[str, str]]] = {}
    for row in _rows(folder / "convabuse.csv"):
        said.setdefault(row["user"], []).append(row)
    for text, rows in said.items():
        share = {
            name: sum(float(row[name] or 0) for row in rows) / len(rows)
            for name in (
                "is_abuse.1",
                "is_abuse.-1",
                "is_abuse.-2",
                "is_abuse.-3",
                "type.sex_harassment",
            )
        }
        abuse = share["is_abuse.-1"] + share["is_abuse.-2"] + share["is_abuse.-3"]
        sexual = share["type.sex_harassment"]
        yield _example(
            text, "convabuse",
            toxicity=YES if abuse >= 0.5 else NO if share["is_abuse.1"] > 0.6 else UNKNOWN,
            sexual=YES if sexual >= 0.4 else NO if sexual == 0 else UNKNOWN,
        )  # fmt: skip


def _youtube(folder: Path) -> Iterator[Example]:
    for part in range(1, 6):
        for row in _rows(folder / f"youtube_{part}.csv"):
            text = re.sub(r"<[^>]+>", " ", row["CONTENT"]).replace("&#39;", "'")
            yield _example(text, "youtube", spam=int(row["CLASS"]))


def _sms(folder: Path) -> Iterator[Example]:
    for line in (folder / "sms_spam.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        label, _, text = line.partition("\t")
        yield _example(text, "sms", spam=int(label == "spam"))


def _telegram(folder: Path) -> Iterator[Example]:
    for name, spam in (("spam", YES), ("ham", NO)):
        for line in (folder / f"telegram_{name}.txt").read_text(encoding="utf-8").splitlines():
            yield _example(line, "telegram", spam=spam)
