"""What asking over HTTP has in common: answers are read with bounds, and their words are not repeated."""

import aiohttp

from bot.clients.redaction import redact

_LENGTH = 200


async def beginning(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """So many bytes of the body at most, however it comes; one read gives what has come by then."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) >= most:
            break
    return bytes(body[:most])


def trouble(error: Exception) -> str:
    """For people. A library's own words may hold the address with what is secret in it, or the answer."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return redact(str(error))[:_LENGTH]
    return f"the request failed ({type(error).__name__})"
