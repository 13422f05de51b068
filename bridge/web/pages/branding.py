"""A network's colour as a style sheet: readable on light and on dark, whatever it is.

Contrast by WCAG 2.2: text has at least 4.5:1 to what it stands on (AA).
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence

_USUAL = "#2456c8"
_LIGHT = "#ffffff"
_DARK = "#14171f"
_AA = 4.5

# What text stands on (static/style.css): cards, the page, sunken places.
_LIGHT_GROUNDS = ("#ffffff", "#f6f7f9", "#eef0f4")
_DARK_GROUNDS = ("#171b24", "#0e1117", "#10141b")


def style_sheet(colour: str) -> str:
    """CSS variables made of ``#rrggbb``; of the usual colour where it is empty."""
    base = colour or _USUAL
    light, dark = _readable(base, _LIGHT_GROUNDS), _readable(base, _DARK_GROUNDS)
    return (
        f":root{{--accent:{light};--on-accent:{_text_on(light)}}}\n"
        f"@media (prefers-color-scheme:dark){{"
        f":root{{--accent:{dark};--on-accent:{_text_on(dark)}}}}}\n"
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _text_on(background: str) -> str:
    return max(_LIGHT, _DARK, key=lambda text: contrast(text, background))


def _readable(colour: str, grounds: Sequence[str]) -> str:
    """The colour itself, or its nearest lightness that can be read on all grounds."""
    return next(
        one for one in _shades(colour) if all(contrast(one, ground) >= _AA for ground in grounds)
    )


def _shades(colour: str) -> Iterator[str]:
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    for step in range(101):
        for shift in {step, -step}:
            shade = lightness + shift / 100
            if 0 <= shade <= 1:
                yield _hex(colorsys.hls_to_rgb(hue, shade, saturation))


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _hex(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def _luminance(colour: str) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
