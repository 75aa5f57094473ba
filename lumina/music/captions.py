"""Captions of rendered music in varied natural wording."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from lumina.music.instruments import Instrument, with_article
from lumina.music.keys import Key

NOUNS = {
    "melody": ("melody", "tune", "theme", "melodic line"),
    "arpeggio": ("arpeggio", "broken chord pattern", "arpeggiated pattern"),
    "chords": ("chord progression", "sequence of chords", "block chord accompaniment"),
    "scale": ("scale run", "run up and down the scale", "scale exercise"),
    "walking bass": ("walking bass line", "walking bass"),
    "riff": ("riff", "repeating riff"),
    "piece": ("piece", "piece of music"),
    "disco beat": ("disco beat", "four-on-the-floor beat"),
}
"""Nouns for a style; a style that is not here is its own."""

TEMPO_WORDS = ((76, ("slow", "calm", "leisurely")), (116, ("moderate", "mid-tempo", "steady")))
FAST = ("fast", "quick", "lively")
LOUDNESS_WORDS = {"soft": ("soft", "quiet"), "medium": (), "loud": ("loud", "strong")}

PITCHED = (
    "{a_style} in {key} {on_instrument}, {tempo} BPM",
    "{a_style} in {key} played {on_instrument} at {tempo} beats per minute",
    "{an_instrument} playing {a_style} in {key} at {tempo} BPM",
    "{a_style} for {instrument} in {key}, {tempo} BPM",
    "{instrument} music, {a_style}, {key}, {tempo} BPM",
    "this is {a_style} in {key}, played {on_instrument}; the tempo is {tempo} BPM",
    "in {key} at {tempo} BPM, {a_style} {on_instrument}",
    "{an_instrument} playing {a_style}",
    "{a_style} {on_instrument} in {key}",
    "{a_style} {on_instrument}, {tempo} BPM",
)
DRUMS = (
    "{a_style} {on_instrument}, {tempo} BPM",
    "{an_instrument} playing {a_style} at {tempo} beats per minute",
    "{a_style} played {on_instrument}; the tempo is {tempo} BPM",
    "{an_instrument} playing {a_style}",
)
ALONE = ("solo {instrument}: {a_style} at {tempo} beats per minute", "{instrument} alone, {a_style}, {tempo} BPM")
"""For one instrument."""

IN_TURN = (
    "{first} followed by {second}",
    "{first}, then {second}",
    "first {first}, then {second}",
    "it begins with {first} and ends with {second}",
)
TOGETHER = ("{one} and {other}", "{one}, and {other}", "a recording in which {one} and {other}")


def speed(random: Random, tempo: float) -> str:
    """An adjective for a tempo."""
    return random.choice(next((words for below, words in TEMPO_WORDS if tempo < below), FAST))


def adjectives(random: Random, tempo: float, loudness: str) -> list[str]:
    """Adjectives for a tempo and a loudness; that of the tempo may be missing, that of the loudness never is."""
    chosen = [speed(random, tempo)] if random.random() < 0.8 else []
    loud = LOUDNESS_WORDS[loudness]
    return [*([random.choice(loud)] if loud else []), *chosen]


def describe_music(
    random: Random, instruments: Sequence[Instrument], style: str, key: Key | None, tempo: int, loudness: str
) -> str:
    """A caption.

    Args:
        random: source of the choice of words.
        instruments: what plays.
        style: as `lumina.music.phrases.styles_of` and `lumina.music.drums.PATTERNS` name it, or "piece".
        key: None = without a key.
        tempo: beats per minute.
        loudness: soft, medium or loud.
    """
    words = [*adjectives(random, tempo, loudness), random.choice(NOUNS.get(style, (style,)))]
    who = listed([one.with_article for one in instruments])
    templates = (*(DRUMS if key is None else PITCHED), *(ALONE if len(instruments) == 1 else ()))
    return random.choice(templates).format(
        a_style=with_article(", ".join(words[:-1]) + " " + words[-1] if words[:-1] else words[-1]),
        key=key,
        an_instrument=who,
        on_instrument=f"{'by' if all(one.sung for one in instruments) else 'on'} {who}",
        instrument=listed([one.name for one in instruments]),
        tempo=tempo,
    )


def describe_section(random: Random, instrument: Instrument, style: str) -> str:
    """A few words for a section, as "piano arpeggio" or "rock beat on drums"."""
    noun = random.choice(NOUNS.get(style, (style,)))
    return f"{noun} on {instrument.name}" if instrument.drums else f"{instrument.name} {noun}"


def in_turn(random: Random, first: str, second: str) -> str:
    """A caption of two things that follow each other."""
    return random.choice(IN_TURN).format(first=first, second=second)


def together(random: Random, events: Sequence[str]) -> str:
    """A caption of two events that does not say which is first."""
    one, other = random.sample(list(events), 2)
    return random.choice(TOGETHER).format(one=one, other=other)


def listed(words: Sequence[str]) -> str:
    """Words joined by commas and "and"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
