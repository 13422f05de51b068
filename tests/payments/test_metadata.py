"""The metadata that ties a payment to a quote."""

import pytest

from bridge.payments.metadata import PaymentReference, read_reference, reference_for


def test_what_is_written_is_what_is_read() -> None:
    """All four keys carry our prefix."""
    reference = reference_for(network="main", membership_id=7, quote_id="qt_x", change_id="chg_y")
    written = reference.to_metadata()
    assert written == {
        "planbridge_network": "main",
        "planbridge_membership": "7",
        "planbridge_quote": "qt_x",
        "planbridge_change": "chg_y",
    }
    assert read_reference(written) == reference


def test_a_change_is_left_out_where_there_is_none() -> None:
    """Stripe deletes a key that is set to an empty text, so none is sent."""
    reference = reference_for(network="main", membership_id=7, quote_id="qt_x")
    assert "planbridge_change" not in reference.to_metadata()


def test_bare_names_are_read_too() -> None:
    """``network``, ``membership``, ``quote`` without prefix."""
    found = read_reference({"network": " main ", "membership": 7, "quote": "qt_x"})
    assert found == PaymentReference(network="main", membership="7", quote="qt_x")


def test_our_names_win_over_bare_ones() -> None:
    """Bare keys of other software never complete ours."""
    found = read_reference({"planbridge_network": "main", "network": "other", "quote": "qt_x"})
    assert found == PaymentReference(network="main", membership="", quote="")


@pytest.mark.parametrize("metadata", [None, {}, [], "x", {"order": "17"}, {"membership": "7"}])
def test_other_peoples_metadata_is_none_of_ours(metadata: object) -> None:
    """Nothing of ours in it: no reference."""
    assert read_reference(metadata) is None
