"""Text normalisation: numbers, currency, dates, measures and abbreviations of English texts, written out.

The grammars of the package wetext read what is found here; they are given no more than that, because of a whole
sentence they also change quotation marks, musical keys and decades. All other text stays as it is, to the letter, and
so does what they cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from lumina.errors import importing

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
START = r"(?<![\w@#$€£¥/.,:+=°-])(?<![0-9]['’])"
END = r"(?![\w@#/:=%°]|[.,:'’-][0-9])"
MONTHS = "January February March April May June July August September October November December".split()
MONTH = rf"(?:{'|'.join(MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?)"
READ = r"km/h|mph|km²|m²|kg|mg|g|lbs?|oz|mm|cm|km|ft|sec|s|min|Hz|ml|[KMGT]B|%|°\s?[CF]"  # by wetext
UNITS = {  # which it does not know, or takes for another
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "dB": ("decibel", "decibels"),
    "BPM": ("beat per minute", "beats per minute"),
    "bpm": ("beat per minute", "beats per minute"),
    "m/s": ("meter per second", "meters per second"),
    "ms": ("millisecond", "milliseconds"),
    "m": ("meter", "meters"),
    "hrs": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "W": ("watt", "watts"),
}
CENTS = {"$": "cents", "€": "cents", "£": "pence"}
BEATS = "time|beats?|signature|meter|metre|measures?|bars?|rhythm|groove|waltz|feel|march"
SHORT = {
    "Mr.": "Mister",
    "Mrs.": "Missus",
    "Ms.": "Miss",
    "Dr.": "Doctor",
    "Prof.": "Professor",
    "vs.": "versus",
    "etc.": "et cetera",
    "e.g.": "for example",
    "i.e.": "that is",
    "approx.": "approximately",
    "feat.": "featuring",
}
STREETS = {"St": "Street", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Dr": "Drive", "Ln": "Lane"}
CALLED = {"#": "number", "No.": "number", "Op.": "opus"}


@lru_cache(maxsize=100_000)
def normalise(text: str) -> str:
    """An English text with its numbers, currency, dates, measures and abbreviations written out.

    Texts that are mostly in other scripts than the Latin stay as they are. A structured caption keeps its structure.

    Raises:
        ImportError: wetext is not installed.
    """
    letters = [letter for letter in text if letter.isalpha()]
    if 2 * sum(letter < "\u0250" for letter in letters) < len(letters):
        return text
    return _PATTERN.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    words = _RULES[kind][1](found[kind])
    return found[kind] if words is None or re.search("[0-9]", words) else words


@lru_cache(maxsize=10_000)
def _read(text: str) -> str | None:
    """What wetext makes of a number, a date, ...; None = nothing."""
    if re.search("[0-9]{16}", text):  # it says them digit by digit
        return None
    four = re.fullmatch(r"[0-9]{4}", text)
    if four and not 1100 <= int(text) < 2100:  # else it is read like a year
        text = f"{text[0]},{text[1:]}"
    try:
        words: str = grammars().normalize(text).strip()
    except AssertionError:  # its grammars have no path
        return None
    return f"one {words}" if words.startswith("thousand") else words or None


@cache
def grammars() -> Any:
    """Those of wetext; loading them early reports a missing package at the start.

    Raises:
        ImportError: it is not installed.
    """
    with importing("wetext", "text normalisation"):
        from wetext import Normalizer
    return Normalizer(lang="en", operator="tn")


def _joined(*texts: str | None, by: str = " ") -> str | None:
    parts = [text for text in texts if text is not None]
    return by.join(parts) if len(parts) == len(texts) else None


def _as_it_is(text: str) -> None:
    return None


def _key(text: str) -> str:
    accidental = "flat" if text[1] in "b♭" else "sharp"
    return f"{text[0]} {accidental}" + (" minor" if text[2:] in ("m", "min") else " major" if text[2:] else "")


def _digits(text: str) -> str | None:
    """A telephone number."""
    return _joined(*(_joined(*map(_read, group)) for group in re.findall("[0-9]+", text)), by=", ")


def _pair(text: str) -> str | None:
    return _joined(*map(_read, text.split("/")))


def _day(text: str) -> str | None:
    """A date with the name of its month."""
    month = next(month for month in MONTHS if month[:3] in text)
    day, *year = re.findall("[0-9]+", text)
    last = "th" if day[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(day[-1], "th")
    return _joined(_joined("the", _read(day + last), "of", month), *map(_read, year), by=", ")


def _decade(text: str) -> str | None:
    century, decade = text[:-3].rstrip("'’"), text[-3:]
    if decade == "00s":
        return _joined("two" if century == "20" else _read(century), "thousands" if century == "20" else "hundreds")
    return _joined(*([_read(century)] if century else []), _read(f"'{decade}"))


def _money(text: str) -> str | None:
    change = re.fullmatch(r"([$€£])\s?([0-9,]+)\.([0-9]{2})", text)
    if change is None:
        return _read(text.replace(" ", "", 1) if text[1] == " " else text)
    if change[3] == "00":
        return _read(change[1] + change[2])
    return _joined(_read(change[1] + change[2]), "and", _read(str(int(change[3]))), CENTS[change[1]])


def _called(text: str) -> str | None:
    sign = next(sign for sign in CALLED if text.startswith(sign))
    return _joined(CALLED[sign], _read(text.removeprefix(sign).strip()))


def _measure(text: str) -> str | None:
    """A number, or two, and a unit of ours."""
    unit = next(unit for unit in UNITS if text.endswith(unit))
    number = text.removesuffix(unit).strip()
    return _joined(_read(number), UNITS[unit][number != "1"])


def _street(text: str) -> str:
    name, _, short = text.removesuffix(".").rpartition(" ")
    return f"{name} {STREETS[short]}"


def _either(names: Any) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_RULES: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "address": (r"(?<![\w.+-])(?:[\w+-]+://|www\.|[\w.+-]+@\w+\.)[^\s<>&]*", _as_it_is),
    "key": (r"(?<![\w#])(?:[A-G][#♯♭]|[ABDEG]b)(?:m|min|maj)?(?![\w#-])", _key),
    "phone": (
        rf"{START}(?:\+?[0-9]{{1,2}}[- ])?(?:\([0-9]{{3}}\)\s?|[0-9]{{3}}[- ])?[0-9]{{3}}-[0-9]{{4}}{END}",
        _digits,
    ),
    "signature": (rf"{START}[0-9]{{1,2}}/(?:2|4|8|16)(?=[ -](?:{BEATS})\b)|{START}24/7{END}", _pair),
    "decade": (rf"{START}(?:(?:1[0-9]|20)[0-9]0s|['’][0-9]0s|(?<=the )[2-9]0s)\b", _decade),
    "money": (rf"(?<![\w$€£¥])[$€£¥]\s?{NUMBER}(?: (?:thousand|million|billion|trillion)\b)?{END}", _money),
    "month": (rf"\b{MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?(?:,? [0-9]{{4}})?{END}", _day),
    "day": (rf"(?:\bthe )?{START}[0-9]{{1,2}}(?:st|nd|rd|th)? {MONTH}(?:,? [0-9]{{4}}{END}|(?!\w))", _day),
    "date": (rf"{START}(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|[0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{4}}){END}", _read),
    "hour": (
        rf"{START}(?:[0-9]{{1,2}}:[0-9]{{2}}(?:\s?(?:[AaPp]\.[Mm]\.|[AaPp][Mm]\b))?|"
        r"[0-9]{1,2}\s?(?:[AaPp]\.[Mm]\.|[AaPp][Mm]\b))(?![\w:])",
        _read,
    ),
    "ordinal": (rf"{START}[0-9]+(?:st|nd|rd|th){END}", _read),
    "called": (rf"(?<!\w)(?:{_either(CALLED)})\s?[0-9]+{END}", _called),
    "fraction": (rf"{START}(?:[0-9]+ )?[0-9]+/[0-9]+{END}", _read),
    "measure": (rf"{START}-?{NUMBER}(?:-{NUMBER})?\s?(?:{_either(UNITS)})(?![\w/²])", _measure),
    "reading": (rf"{START}-?{NUMBER}(?:-{NUMBER})?\s?(?:{READ})(?![\w/²])", _read),
    "number": (rf"{START}-?{NUMBER}(?:-{NUMBER})?{END}", _read),
    "street": (rf"\b[A-Z][a-z]+ (?:{_either(STREETS)})\.(?! [A-Z])", _street),
    "saint": (r"\bSt\.(?= [A-Z])", lambda text: "Saint"),
    "short": (rf"(?<![\w.])(?:{_either(SHORT)})(?!\w)", SHORT.get),
    "and": (r"(?<=\w )&(?= \w)(?! (?:all|start|mid|end)>)", lambda text: "and"),
}
"""What is written out, by name: how it looks, and what makes words of it. The first that fits holds."""

_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, (pattern, _) in _RULES.items()))
