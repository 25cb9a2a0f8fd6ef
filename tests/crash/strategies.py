"""The strategies whose crash points are visited."""

from tests.crash.canary import CANARY, CANARY_BY_GATEWAY, CANARY_BY_NGINX

STRATEGIES = {strategy.name: strategy for strategy in (CANARY, CANARY_BY_GATEWAY, CANARY_BY_NGINX)}
