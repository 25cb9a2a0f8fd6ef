"""Stands in for the bot where the bot itself is not needed: connects by Socket Mode and stays.

Run as a program. `FAILS` in its arguments: ends at once with status 7, as a bot with a broken configuration.
"""

import asyncio
import os
import signal
import sys

import aiohttp


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    headers = {"Authorization": f"Bearer {os.environ['SLACK_APP_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = os.environ["SLACK_API_URL"] + "apps.connections.open"
        async with session.post(url) as response:
            address = (await response.json())["url"]
        async with session.ws_connect(address):
            print("pid", os.getpid())
            print("clock", os.environ["SLACKWATER_CLOCK"], flush=True)
            await stop.wait()


if __name__ == "__main__":
    if "FAILS" in sys.argv:
        sys.exit("the settings are broken")
    asyncio.run(main())
