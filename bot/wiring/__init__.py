"""The composition root: settings in, a running bot out. The only place that knows everybody.

`deployables` turns the team's settings into the records that operations and strategies know, `worlds` builds
what a run may touch, `assembly` puts the bot together and takes it apart again.
"""

from bot.wiring.assembly import Bot, assemble
from bot.wiring.deployables import deployables

__all__ = ["Bot", "assemble", "deployables"]
