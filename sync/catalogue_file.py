"""The catalogue file: what a network sells on, as reviewed YAML.

Stock REST never shows a product's own limits nor its price variations, so they are kept
here, one file a network::

    format: 1
    network:                      # every key may be left out: it stays as it is known
      currency: EUR               # ISO 4217
      taxes: exclusive            # none, exclusive or inclusive
      tax_rates:                  # by tax category; all of them, when given
        default:
          - {title: VAT, country: FR, rate: 20}    # per cent; country "*" is everywhere
          - {title: VAT, country: "NO", rate: 25}  # quoted: YAML reads NO as false
      policy: fair                # fair or parity
      timezone: Europe/Paris      # of the main site
      allow_trial_without_payment_method: false
      fair: {anchor: keep}        # choices of the fair policy, see `sync.fair_section`
    products:                     # by slug
      premium:                    # every key may be left out: it stays as it is known
        limits:                   # the WHOLE row, module by module, as the plugin stores it
          visits: {enabled: true, limit: 100000}
          disk_space: {enabled: true, limit: 10240}
        price_variations:         # all of them; amounts in major units
          - {period: 1-year, amount: 990}
        available_addons: [extra-visits, extra-disk-1gb]   # slugs, all of them

`read` lists everything that is wrong at once, with the line where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bridge.domain.periods import Period
from bridge.domain.terms import TaxMode
from bridge.errors import InvalidCatalogue, InvalidPeriod
from sync.fair_section import FairSection

Path: TypeAlias = tuple[str | int, ...]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self) -> dict[str, Any]:
        """The keys that the file has, null meaning left out."""
        return {
            name: value
            for name in type(self).model_fields
            if (value := getattr(self, name)) is not None
        }


def _timezone(name: str) -> str:
    if name not in available_timezones():
        message = "expected a time zone such as Europe/Paris"
        raise ValueError(message)
    return name


def _period(text: str) -> str:
    try:
        period = Period.parse(text)
    except InvalidPeriod as error:
        raise ValueError(str(error)) from None
    if not period.count:
        message = "a period of nothing is none"
        raise ValueError(message)
    return period.key


def _plain(value: Any) -> Any:
    """JSON only, keys as text: what the plugin can store."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    message = f"{value!r} is neither text, number, list nor map: quote it"
    raise ValueError(message)


def _modules(row: Any) -> Any:
    if not isinstance(row, Mapping):
        message = "expected a map of modules, such as visits: {enabled: true, limit: 1000}"
        raise ValueError(message)
    bare = [str(name) for name, module in row.items() if not isinstance(module, Mapping)]
    if bare:
        message = f"expected {{enabled: …, limit: …}} for {', '.join(bare)}"
        raise ValueError(message)
    return _plain(row)


class TaxRateEntry(_Section):
    """One tax rate; ``rate`` in per cent."""

    title: str
    country: str = Field(pattern=r"^(\*|[A-Z]{2})$")
    rate: Decimal = Field(ge=0, le=100)
    state: str = ""
    city: str = ""
    compound: bool = False


class NetworkSection(_Section):
    """The network's terms."""

    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    taxes: TaxMode | None = None
    tax_rates: dict[str, list[TaxRateEntry]] | None = None
    policy: Literal["fair", "parity"] | None = None
    timezone: Annotated[str, AfterValidator(_timezone)] | None = None
    allow_trial_without_payment_method: bool | None = None
    fair: FairSection | None = None


class VariationEntry(_Section):
    """A price at another period; ``amount`` in major units."""

    period: Annotated[str, AfterValidator(_period)]
    amount: Decimal = Field(ge=0)


class ProductSection(_Section):
    """What REST does not show of a product."""

    limits: Annotated[dict[str, Any], BeforeValidator(_modules)] | None = None
    price_variations: list[VariationEntry] | None = None
    available_addons: list[str] | None = None


class CatalogueFile(_Section):
    """A catalogue file as a whole."""

    format: Literal[1]
    network: NetworkSection = NetworkSection()
    products: dict[str, ProductSection] = Field(default_factory=dict)


class Lines:
    """Where each part of a file stands."""

    def __init__(self, node: yaml.Node | None = None) -> None:
        self._lines: dict[Path, int] = {}
        self.repeated: list[tuple[Path, int]] = []
        if node is not None:
            self._note(node, ())

    def where(self, path: Path) -> str:
        """``line 12: products.premium`` for a path, or the nearest part of it that exists."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return f"line {self._lines[path[:length]]}: {_dotted(path)}"
        return _dotted(path) or "line 1"

    def _note(self, node: yaml.Node, path: Path) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                here = (*path, str(key.value))
                if key.value in seen:
                    self.repeated.append((here, key.start_mark.line + 1))
                seen.add(key.value)
                self._lines[here] = key.start_mark.line + 1
                self._note(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, each in enumerate(node.value):
                self._note(each, (*path, index))


def read(text: str) -> tuple[CatalogueFile, Lines]:
    """Read a catalogue file.

    Raises:
        InvalidCatalogue: with every problem and its line.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        content = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise InvalidCatalogue(problems=f"{where}{error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidCatalogue(problems=str(error)) from None
    finally:
        loader.dispose()
    lines = Lines(node)
    problems = [f"line {line}: {_dotted(path)} is given twice" for path, line in lines.repeated]
    try:
        found = CatalogueFile.model_validate(content)
    except ValidationError as error:
        problems += list(_sentences(error, lines))
    if problems:
        raise InvalidCatalogue(problems="; ".join(problems))
    return found, lines


def write(file: CatalogueFile) -> str:
    """The file as text that `read` takes again."""
    document = file.model_dump(mode="python", exclude_none=True, by_alias=True)
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )


class _Dumper(yaml.SafeDumper):
    """Decimals as plain numbers, no aliases: a file is read by people."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _number(dumper: yaml.SafeDumper, value: Decimal) -> yaml.Node:
    kind = "int" if value == value.to_integral_value() else "float"
    text = f"{int(value)}" if kind == "int" else f"{value:f}"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Dumper.add_representer(Decimal, _number)
_Dumper.add_multi_representer(StrEnum, lambda dumper, value: dumper.represent_str(value.value))


def _sentences(error: ValidationError, lines: Lines) -> Iterator[str]:
    for each in error.errors(include_url=False, include_input=False):
        message = str(each["msg"]).removeprefix("Value error, ")
        yield f"{lines.where(tuple(each['loc']))}: {message}"


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
