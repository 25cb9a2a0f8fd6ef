"""The simulated Prometheus: series in memory, PromQL over them, and Prometheus' HTTP API in front.

`SeriesStore` takes what the simulated pods count, `routes` serves it to the bot's own client. What PromQL
means here is what Prometheus 2.42 says (both ends of a range belong to it), compared with a real one by the
live tests; what is not supported is refused, never answered with an empty result. Nothing here scrapes,
stores on disk or alerts.
"""

from bot.sim.metrics.api import routes
from bot.sim.metrics.store import Series, SeriesStore

__all__ = ["Series", "SeriesStore", "routes"]
