"""The catalogue file: what it may say, and what is said about it when it may not."""

from __future__ import annotations

import textwrap
from decimal import Decimal

import pytest

import sync.catalogue_file
from bridge.domain.terms import TaxMode
from bridge.errors import InvalidCatalogue
from sync.catalogue_file import CatalogueFile, read, write


def example() -> str:
    """The file in the module's documentation."""
    text = (sync.catalogue_file.__doc__ or "").split("::\n", 1)[1].split("`read`")[0]
    return textwrap.dedent(text)


def test_the_documented_example_is_valid() -> None:
    """What people copy works."""
    file, _ = read(example())
    assert file.network.currency == "EUR"
    assert file.network.taxes is TaxMode.EXCLUSIVE
    assert file.network.tax_rates is not None
    assert [rate.rate for rate in file.network.tax_rates["default"]] == [20, 25]
    premium = file.products["premium"]
    assert premium.limits == {
        "visits": {"enabled": True, "limit": 100000},
        "disk_space": {"enabled": True, "limit": 10240},
    }
    assert premium.available_addons == ["extra-visits", "extra-disk-1gb"]


def test_what_is_written_is_read_again() -> None:
    """Keys as text, decimals exact, unknown modules, odd names: nothing is lost on the way."""
    text = """
        format: 1
        products:
          "no":
            limits:
              site_templates: {enabled: true, mode: default, limit: {2: {behavior: available}}}
              unknown_module: {enabled: false, limit: null, deep: [1, 2.5, {a: ""}]}
              visits: {enabled: true, limit: "0"}
            price_variations: [{period: 3-month, amount: 0.10}, {period: 1-year, amount: 990}]
            available_addons: []
    """
    file, _ = read(textwrap.dedent(text))
    again, _ = read(write(file))
    assert again == file
    limits = again.products["no"].limits
    assert limits is not None
    assert limits["site_templates"]["limit"] == {"2": {"behavior": "available"}}
    assert limits["visits"]["limit"] == "0"
    assert again.products["no"].price_variations is not None
    assert again.products["no"].price_variations[0].amount == Decimal("0.1")
    assert "amount: 990\n" in write(file).replace("}", "\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1:"),
        ("- a", "line 1:"),
        ("format: 2", "line 1: format:"),
        ("format: 1\nnetwork:\n  currency: euro", "line 3: network.currency:"),
        ("format: 1\nnetwork:\n  timezone: Mars/Base", "line 3: network.timezone: expected a time"),
        ("format: 1\nnetwork:\n  taxes: some", "line 3: network.taxes:"),
        ("format: 1\nother: 1", "line 2: other: Extra inputs"),
        ("format: 1\nproducts:\n  a: {}\n  a: {}", "line 4: products.a is given twice"),
        (
            "format: 1\nproducts:\n  a:\n    limits: [1]",
            "line 4: products.a.limits: expected a map",
        ),
        ("format: 1\nproducts:\n  a:\n    limits: {visits: 5}", "expected {enabled: …, limit: …}"),
        (
            "format: 1\nproducts:\n  a:\n    limits: {v: {limit: 2020-01-01}}",
            "neither text, number, list nor map",
        ),
        ("format: 1\nproducts:\n  a:\n    limits: {v: {limit: .inf}}", "neither text, number"),
        (
            "format: 1\nproducts:\n  a:\n    price_variations:\n    - {period: 1-moon, amount: 1}",
            "line 5: products.a.price_variations.0.period: '1-moon' is not a billing period",
        ),
        (
            "format: 1\nproducts:\n  a:\n    price_variations:\n    - {period: 1-year, amount: -1}",
            "price_variations.0.amount",
        ),
        (
            "format: 1\nnetwork:\n  tax_rates:\n    default: [{title: V, country: NO, rate: 25}]",
            "line 4: network.tax_rates.default.0.country",
        ),
        ("format: 1\nproducts: {a: [", "line"),
        ("format: 1\nx: !!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(text: str, problem: str) -> None:
    """Each problem names its place; nothing of the file is taken."""
    with pytest.raises(InvalidCatalogue) as caught:
        read(text)
    assert problem in str(caught.value)
    assert "Nothing was taken" in str(caught.value)


def test_all_problems_are_listed_at_once() -> None:
    """An operator corrects a file once, not once a problem."""
    with pytest.raises(InvalidCatalogue) as caught:
        read("format: 1\nnetwork: {currency: x, policy: y}\nproducts: {a: {limits: 5}}")
    assert str(caught.value).count("line ") == 3


def test_there_is_a_schema_for_editors() -> None:
    """Every section of the file is in it."""
    schema = CatalogueFile.model_json_schema()
    assert {"format", "network", "products"} <= schema["properties"].keys()
