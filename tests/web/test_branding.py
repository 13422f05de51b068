"""Whatever colour an operator chooses, text can be read on it and beside it."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from bridge.web.pages.branding import contrast, style_sheet
from bridge.web.pages.templates import STATIC

COLOURS = st.integers(min_value=0, max_value=0xFFFFFF).map(lambda number: f"#{number:06x}")
READABLE = 4.5
_RULE = re.compile(r"--accent:(#[0-9a-f]{6});--on-accent:(#[0-9a-f]{6})")


def grounds() -> list[tuple[str, str, str]]:
    """(page, card, sunken) as the style sheet has them, in light and in dark."""
    sheet = (STATIC / "style.css").read_text(encoding="utf-8")
    found = re.findall(r"--ground: (#\w{6}); --surface: (#\w{6}); --sunken: (#\w{6})", sheet)
    assert len(found) == 2
    return found


@given(COLOURS)
@example("#ffff00")
@example("#000000")
@example("#ffffff")
@example("#808080")
@example("#767676")
@example("#00ff00")
def test_any_colour_is_readable_in_light_and_dark(colour: str) -> None:
    """Text in the colour on every ground, and text on the colour: 4.5:1 at least (WCAG AA)."""
    schemes = _RULE.findall(style_sheet(colour))
    assert len(schemes) == 2
    for (accent, on_accent), surfaces in zip(schemes, grounds(), strict=True):
        assert contrast(accent, on_accent) >= READABLE
        for surface in surfaces:
            assert contrast(accent, surface) >= READABLE, (colour, accent, surface)


def test_no_colour_means_the_usual_one() -> None:
    """Without a colour the sheet says one all the same, and it is readable."""
    assert style_sheet("") == style_sheet("#2456c8")


def test_contrast_is_that_of_wcag() -> None:
    """Black on white is 21:1, a colour on itself 1:1, the order does not matter."""
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert contrast("#123456", "#123456") == 1
    assert round(contrast("#777777", "#ffffff"), 2) == round(contrast("#ffffff", "#777777"), 2)
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
