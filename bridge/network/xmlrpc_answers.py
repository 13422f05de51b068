"""The values in an XML-RPC answer, read without entities or document types."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat
from xmlrpc.client import ResponseError, Unmarshaller

_START, _END = b"<methodResponse", b"</methodResponse>"
_PROLOGUE = (b"<?xml", b"<!DOCTYPE", _START)


class DocumentTypeFound(ValueError):
    """The XML declares a document type, the only way to define entities."""


class NotXmlRpc(ValueError):
    """What came is no whole XML-RPC answer; the text says what it is."""


def is_xmlrpc(body: bytes) -> bool:
    """Whether an XML-RPC answer begins somewhere in the body."""
    return _START in body


def read_values(body: bytes) -> tuple[Any, ...]:
    """The values of an answer. What PHP printed before and behind it is left out.

    Raises:
        xmlrpc.client.Fault: the site's own error.
        DocumentTypeFound: never read further than its name.
        NotXmlRpc: cut off or damaged.
    """
    unmarshaller = Unmarshaller()
    unmarshaller.xml("", None)  # the parser hands over text, nothing is left to decode
    parser = expat.ParserCreate()
    parser.StartElementHandler = unmarshaller.start
    parser.EndElementHandler = unmarshaller.end
    parser.CharacterDataHandler = unmarshaller.data
    parser.StartDoctypeDeclHandler = _refuse
    document = _document(body)
    try:
        parser.Parse(document, True)
        return unmarshaller.close()
    except expat.ExpatError as error:
        raise NotXmlRpc(f"damaged XML ({expat.ErrorString(error.code)})") from None
    except DocumentTypeFound:
        raise
    except (ResponseError, ValueError, TypeError, LookupError, ArithmeticError):
        # The library's own reader takes odd elements as they come and trips over them.
        raise NotXmlRpc("XML that is no answer of XML-RPC") from None


def _document(body: bytes) -> bytes:
    found = [body.find(mark) for mark in _PROLOGUE]
    start = min((position for position in found if position >= 0), default=len(body))
    end = body.rfind(_END)
    if end < start:
        raise NotXmlRpc("XML that is cut off")
    return body[start : end + len(_END)]


def _refuse(*_: object) -> None:
    raise DocumentTypeFound
