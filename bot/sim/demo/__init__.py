"""`slackwater demo`: a whole world on one machine, with the real bot in front of it.

`run` is what the command line calls. In this process live the workspace, the simulated cluster with its
metrics and the panel; the bot is a process of its own (`bot_process`, `guard`), started with `serve` and a
settings file as a team would write it (`settings_file`), and knows of none of this.

`folder` lays out the data folder; `world` starts everything and takes it down; `pace` slows the shared clock
while a person is asked; `breakage` breaks things and mends them; `controls` is the list of what the panel
offers, and `panel` serves it to the page. Nothing outlives the demo but what lies in its folder: each
start is a new world with a new journal.
"""

from bot.sim.demo.session import DemoOptions, run
from bot.sim.demo.world import World, started

__all__ = ["DemoOptions", "World", "run", "started"]
