"""The strategies whose crash points are visited."""

from tests.crash.blue_green import BLUE_GREEN
from tests.crash.canary import CANARY, CANARY_BY_GATEWAY, CANARY_BY_NGINX
from tests.crash.rehearsed import REHEARSED
from tests.crash.rolling import ROLLING, ROLLING_BY_SERVICE

_ALL = (
    CANARY,
    CANARY_BY_GATEWAY,
    CANARY_BY_NGINX,
    REHEARSED,
    ROLLING,
    ROLLING_BY_SERVICE,
    BLUE_GREEN,
)

STRATEGIES = {strategy.name: strategy for strategy in _ALL}
