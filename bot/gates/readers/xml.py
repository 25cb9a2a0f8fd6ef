"""XML that a tool wrote: no entities, and an error in our words instead of the parser's."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bot.domain.errors import Unreadable


def root_of(content: bytes, what: str) -> Element:
    """The root element.

    Raises:
        Unreadable: it is no XML, or XML that could harm.
    """
    try:
        root: Element = fromstring(content, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise Unreadable(what, "declares entities, which no report needs; it was not read") from error
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(what, f"is not XML: {error}") from error
    return root


def local_name(element: Element) -> str:
    """The tag without its namespace."""
    return element.tag.rsplit("}", 1)[-1]
