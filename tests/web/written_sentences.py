"""The English sentences that the program writes down or raises, read from its source.

Reasons of changes and events, results of jobs, findings and errors are sentences in the code of
the rooms that make them. The console shows them in the reader's language, so each of them needs
a translation: a new one is found here, and missed in the catalogue by the test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

ROOMS = (
    "bridge/domain",
    "bridge/errors.py",
    "bridge/hooks",
    "bridge/jobs.py",
    "bridge/network",
    "bridge/notices",
    "bridge/payments",
    "bridge/simulation",
    "bridge/store",
    "bridge/upgrades",
    "bridge/web/console",
    "bridge/web/pages/forms.py",
    "sync",
    "webhooks",
)
ELSEWHERE = {
    "bridge/domain/adoption.py": "taking over is for the command line",
    "bridge/domain/currencies.py": "lists of currencies",
    "bridge/domain/explanation.py": "translated by its rules: wording.step_words",
    "bridge/domain/fair_value.py": "titles of lines: wording.line_words",
    "bridge/domain/gateway_effects.py": "taking over is for the command line",
    "bridge/domain/golden.py": "the golden cases are for the command line",
    "bridge/domain/golden_limits.py": "the golden cases are for the command line",
    "bridge/domain/limit_trace.py": "explaining limits is for the command line",
    "bridge/domain/money.py": "lists of currencies",
    "bridge/domain/outgoing.py": "the page about outgoing events",
    "bridge/domain/preflight.py": "translated by its facts: wording.excess_words",
    "bridge/notices/letters.py": "mails, which have sentences of their own",
    "bridge/notices/samples.py": "mails, which have sentences of their own",
    "bridge/notices/writing.py": "mails, which have sentences of their own",
    "bridge/payments/comparison.py": "comparing costs is for the command line",
    "bridge/payments/execution.py": "what Stripe's own pages say",
    "bridge/store/arrivals.py": "SQL",
    "bridge/store/engine.py": "SQL",
    "bridge/store/schema.py": "the service does not start",
    "bridge/store/upserts.py": "SQL",
    "bridge/upgrades/adopting.py": "taking over is for the command line",
    "bridge/upgrades/adoption_endpoints.py": "taking over is for the command line",
    "bridge/upgrades/adoption_ground.py": "taking over is for the command line",
    "bridge/upgrades/comparing.py": "comparing costs is for the command line",
    "bridge/store/adoptions.py": "taking over is for the command line",
    "sync/catalogue.py": "the catalogue file is for the command line",
    "sync/catalogue_file.py": "the catalogue file is for the command line",
    "sync/derivation.py": "learning is for the command line",
    "sync/learning.py": "learning is for the command line",
    "sync/pushing.py": "pushing is for the command line",
    "sync/subscriptions.py": "subscribing is for the command line",
    "webhooks/bodies.py": "answers to Stripe",
    "webhooks/envelope.py": "answers to Stripe",
    "webhooks/event_table.py": "the page about events",
    "webhooks/inbox.py": "answers to Stripe",
    "webhooks/network_events.py": "answers to networks",
    "webhooks/routes.py": "answers to Stripe",
    "webhooks/signatures.py": "answers to Stripe",
    "webhooks/stripe_door.py": "answers to Stripe",
}
"""Modules whose sentences the console does not show, and why."""

_SPECIFIED = re.compile(r"[A-Z]{3}( [A-Z]{3})+|\d+ per \w+|.*=.*; ?charset.*|.*filename=.*")
_NO_SENTENCES = {
    "BEGIN EXCLUSIVE",
    "An engine named {}",
    "asked for with its discounts",
    "event handled",
    "invoice of payment_intent",
    "naive time {}: planbridge stores aware UTC only",
    "network {} has not been stored yet",
    "network {} is not stored",
    "only a possible quote is collected",
    "openid email profile",
    "operator {} has not been stored yet",
    "retention of {}: Stripe can send an event again for 30 days",
    "says which intent paid which invoice",
    "secret key {} is not 32 bytes in URL-safe base64",
    "text/csv; charset=utf-8",
    "the password of nobody",
    "there is no key to seal secrets with",
}
"""Texts in the code that nobody reads on a page."""

_LOGGING = {"info", "warning", "error", "debug", "exception", "critical", "level", "log"}
_OF_PROGRAMMERS = {"ValueError", "TypeError", "RuntimeError", "AssertionError", "LookupError"}
_MARKED = {"_", "gettext", "ngettext", "many", "Field", "text", "pgettext"}


def written() -> dict[str, str]:
    """Every sentence as its pattern, placeholders as ``{}``, with the file it stands in."""
    found: dict[str, str] = {}
    for path in _modules():
        name = str(path.relative_to(ROOT))
        for sentence in _sentences(ast.parse(path.read_text())):
            found.setdefault(sentence, name)
    return found


def constants() -> set[str]:
    """Every text in the code, sentences or not: what a translation may be of."""
    return {
        pattern(text)
        for path in (*(ROOT / "bridge").rglob("*.py"), *_modules())
        for text in _texts(ast.parse(path.read_text()))
    }


def pattern(sentence: str) -> str:
    """A sentence with nameless placeholders, those in a row as one, and no marks before it."""
    nameless = re.sub(r"\{[^{}]*\}( ?\{[^{}]*\})*", "{}", " ".join(sentence.split()))
    return nameless.lstrip(" ;:,")


def _modules() -> Iterator[Path]:
    for room in ROOMS:
        path = ROOT / room
        for module in [path] if path.suffix else sorted(path.rglob("*.py")):
            inside = str(module.relative_to(ROOT))
            if inside not in ELSEWHERE and "/migrations/" not in inside:
                yield module


def _sentences(tree: ast.Module) -> Iterator[str]:
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _of_error(node)
        elif isinstance(node, ast.expr) and not _is_aside(node, parents):
            text = _text(node)
            if text and _is_sentence(text):
                yield pattern(text)


def _of_error(node: ast.ClassDef) -> Iterator[str]:
    """The sentence and the hint of an error class: its ``hint``, its braces or its base tell."""
    named = {
        target.id: _text(item.value)
        for item in node.body
        if isinstance(item, ast.Assign)
        for target in item.targets
        if isinstance(target, ast.Name)
    }
    doc = " ".join((ast.get_docstring(node) or "").split())
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    if doc and any(base in _ERRORS for base in bases):
        yield pattern(doc)
        if hint := named.get("hint"):
            yield pattern(hint)


def _error_names() -> set[str]:
    names = {"PlanbridgeError"}
    classes = [
        (node.name, {base.id for base in node.bases if isinstance(base, ast.Name)})
        for path in (*(ROOT / "bridge").rglob("*.py"), *_modules())
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    while more := {name for name, bases in classes if bases & names} - names:
        names |= more
    return names


_ERRORS = _error_names()


def _is_aside(node: ast.expr, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a text is no sentence of its own: a part, a docstring, a log line."""
    parent = parents.get(node)
    if isinstance(parent, ast.BinOp) and _text(parent):
        return True
    if isinstance(parent, ast.JoinedStr | ast.Expr | ast.FormattedValue):
        return not isinstance(parent, ast.FormattedValue)
    if isinstance(parent, ast.Assign):
        return any(isinstance(one, ast.Name) and one.id == "hint" for one in parent.targets)
    while isinstance(parent, ast.keyword | ast.IfExp | ast.BinOp):
        parent = parents.get(parent)
    if isinstance(parent, ast.Call):
        called = parent.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        return name in _LOGGING | _OF_PROGRAMMERS | _MARKED
    return False


def _texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and (text := _text(node)):
            yield text
        elif isinstance(node, ast.ClassDef) and (doc := ast.get_docstring(node)):
            yield doc


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            one.value if isinstance(one, ast.Constant) else "{}"  # type: ignore[misc]
            for one in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return (left or "{}") + (right or "{}") if left or right else ""
    return ""


def _is_sentence(text: str) -> bool:
    """Two words at least, beside what is filled in."""
    plain = re.sub(r"\{\}", "", text).strip()
    if " " not in plain or "\n" in plain or text.strip() in _NO_SENTENCES:
        return False
    return len(re.findall(r"[A-Za-z]{2,}", plain)) > 1 and not _SPECIFIED.fullmatch(plain)
