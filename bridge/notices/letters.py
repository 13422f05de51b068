"""A mail before it is drawn: sentences, tables, a button. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One or more sentences."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one below the other."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading of its own and names over its columns."""

    kind: ClassVar[str] = "table"
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """How full something is; ``percent`` up to 100, ``full`` when nothing is left."""

    label: str
    words: str
    percent: int
    full: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars below a heading."""

    kind: ClassVar[str] = "bars"
    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """Where to go from here."""

    kind: ClassVar[str] = "button"
    label: str
    url: str


Block = Paragraph | Facts | Table | Bars | Button


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says; ``footer`` is in small print, ``pair`` how a name stands before a value."""

    subject: str
    greeting: str
    heading: str
    blocks: tuple[Block, ...]
    footer: tuple[str, ...] = ()
    pair: str = "%(label)s: %(text)s"
