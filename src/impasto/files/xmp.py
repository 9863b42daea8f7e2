"""XMP packets with impasto's text, which JPEG, WebP and TIFF carry.

The packet is RDF/XML as in Adobe's *XMP Specification*, part 1: one property, in a namespace of its
own, holds the text.
"""

from __future__ import annotations

from html import escape
from typing import Any
from xml.parsers import expat

from impasto.errors import UnusableError

NAMESPACE = "urn:uuid:01de0c33-595c-41c7-ad5a-e27cbcc712f0#"
PROPERTY = f"{NAMESPACE} painting"  # as the parser names it: namespace, space, name
HEAD = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:impasto="%s">
   <impasto:painting>"""
TAIL = """</impasto:painting>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def packet(text: str) -> bytes:
    """The XMP packet that carries a text; the same text gives the same bytes.

    >>> text_in(packet('{"a": "<&>"}'))
    '{"a": "<&>"}'
    """
    return f"{HEAD % NAMESPACE}{escape(text, quote=False)}{TAIL}".encode()


def text_in(data: bytes) -> str | None:
    """The text in an XMP packet; None if the packet does not carry impasto's.

    Other programs may have written the packet anew, so the property can be an element or an
    attribute, with any prefix. A document type is refused, since only there can entities be
    declared, which could expand without limit.

    Raises:
        UnusableError: the packet carries impasto's property, but it is not well-formed.
    """
    if NAMESPACE.encode() not in data:
        return None
    found = _Found()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = found.refuse
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.take
    try:
        parser.Parse(data.rstrip(b"\0"), True)
    except expat.ExpatError:
        raise UnusableError("picture.damaged-text") from None
    return found.text


class _Found:
    """What the parser has found of the property.

    Attributes:
        text: the text of the property; None before it has been found.
    """

    def __init__(self) -> None:
        self.text: str | None = None
        self._parts: list[str] | None = None  # of the element that is being read

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == PROPERTY:
            self._parts = []
        elif PROPERTY in attributes:
            self.text = attributes[PROPERTY]

    def take(self, text: str) -> None:
        if self._parts is not None:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if name == PROPERTY and self._parts is not None:
            self.text, self._parts = "".join(self._parts), None

    def refuse(self, *_: Any) -> None:
        raise UnusableError("picture.damaged-text")
