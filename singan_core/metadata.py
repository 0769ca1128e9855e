"""What a picture file says of itself, as XMP: how it was made, and whose photo it comes from."""

from __future__ import annotations

import html
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from singan_core.errors import ImageError, say_reason
from singan_core.picture_files import check_path

KEY = "singan"
"""Name of the PNG text that holds the record."""

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's word for a picture put together from a photo's pixels and what a trained model draws."""

MOST_LETTERS = 500
"""Letters of a stranger's text that are kept."""

_MOST = 2**20  # bytes of a packet that is read
_OPENING, _CLOSING = b"<x:xmpmeta", b"</x:xmpmeta>"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "singan": "urn:singan:picture/",
}


@dataclass(frozen=True)
class Metadata:
    """What is said in a picture's file. An empty text says nothing."""

    record: str = ""  # JSON: the model and the request
    program: str = ""
    creator: str = ""  # of the photo
    licence: str = ""  # of the photo: its name, its address or both
    source_type: str = ""  # an address of IPTC's list

    @property
    def text(self) -> dict[str, str]:
        """The text of a PNG file, by its keys."""
        xmp = self.to_xmp().decode()
        return {"Software": "singan", KEY: self.record, "XML:com.adobe.xmp": xmp}

    def to_xmp(self) -> bytes:
        """Return the XMP packet, in UTF-8. The same metadata gives the same bytes.

        Source: XMP specification, part 1; IPTC Photo Metadata Standard, Digital Source Type.
        """
        said = {
            "xmp:CreatorTool": _escape(self.program),
            "Iptc4xmpExt:DigitalSourceType": _escape(self.source_type),
            "singan:Record": _escape(self.record),
            "dc:creator": _list("Seq", "", self.creator),
            "dc:rights": _list("Alt", ' xml:lang="x-default"', self.licence),
            "xmpRights:WebStatement": _escape(_find_address(self.licence)),
        }
        spaces = "".join(f' xmlns:{name}="{address}"' for name, address in _SPACES.items())
        fields = "".join(f"<{name}>{text}</{name}>\n" for name, text in said.items() if text)
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            f'<rdf:RDF{spaces}>\n<rdf:Description rdf:about="">\n{fields}'
            "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
            '<?xpacket end="r"?>'
        ).encode()


def read(path: Path) -> Metadata:
    """Read the XMP of a file of any format that stores it as it is.

    A file of several packets says what the first says that has a record, else the first. One
    without any gives empty texts. Raises ImageError if the file cannot be read.
    """
    found = [parse(packet) for packet in find_packets(path)]
    return next((one for one in found if one.record), found[0] if found else Metadata())


def find_packets(path: Path) -> Iterator[bytes]:
    """Find the XMP packets in a file by their marks, and yield them in its order.

    XMP is made to be found like this, whatever the format around it. Raises ImageError.
    """
    check_path(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            start = data.find(_OPENING)
            while start >= 0 and (stop := data.find(_CLOSING, start)) >= 0:
                if stop - start <= _MOST:
                    yield data[start : stop + len(_CLOSING)]
                start = data.find(_OPENING, stop)
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{path}: cannot be read ({say_reason(error)}); name a picture file"
        ) from None


def parse(packet: bytes) -> Metadata:
    """Read an XMP packet of any origin. One that is no XML gives empty texts."""
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:  # with which small files make huge texts
        return Metadata()
    try:
        root = ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError, RecursionError):
        return Metadata()
    return Metadata(
        record=_find_text(root, "singan:Record"),
        program=_find_text(root, "xmp:CreatorTool"),
        creator=_find_text(root, "dc:creator"),
        licence=_find_text(root, "dc:rights"),
        source_type=_find_text(root, "Iptc4xmpExt:DigitalSourceType"),
    )


def clean(value: object) -> str:
    """Return a stranger's value as one line of limited length that terminals print as it is."""
    line = " ".join(str(value).split())[:MOST_LETTERS]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)


def _find_text(root: ElementTree.Element, name: str) -> str:
    """Find the text of a property, the first of a list, whether element or attribute."""
    prefix, _, word = name.partition(":")
    known = f"{{{_SPACES[prefix]}}}{word}"
    for description in root.iter(f"{{{_SPACES['rdf']}}}Description"):
        if known in description.attrib:
            return description.attrib[known].strip()
        element = description.find(known)
        if element is not None:
            texts = (text.strip() for text in element.itertext())
            return next((text for text in texts if text), "")
    return ""


def _escape(text: str) -> str:
    """Escape a text for XML, and replace what XML cannot hold."""
    return html.escape(_NO_XML.sub("\ufffd", text), quote=False)


def _list(kind: str, attributes: str, text: str) -> str:
    """Write a list of one text, or nothing if it is empty."""
    if not text:
        return ""
    return f"<rdf:{kind}><rdf:li{attributes}>{_escape(text)}</rdf:li></rdf:{kind}>"


def _find_address(text: str) -> str:
    """Find the web address in a text, if there is one."""
    found = re.search(r"https?://[^\s<>\"')]+", text)
    return found[0] if found else ""
