"""One YAML file becomes frozen settings; an error names file and line, key, value and remedy.

`load` reads the team's file, `Secrets.from_environ` what the process's environment gives. `wiring` hands each
room its slice; nobody below it reads a file or the environment for settings. What has a unit is typed here
(`Ratio`, `timedelta`, `TimesBaseline`, `Size`), so that no bare number travels.
"""

from bot.config.application import (
    STAGING,
    Application,
    Approvals,
    Environment,
    Journey,
    JourneyStep,
    StrategyName,
)
from bot.config.environment import Secrets
from bot.config.gates import BuildGate, CodeReviewGate, GateSettings, Suite
from bot.config.load import load, loads
from bot.config.metrics import MetricsSettings, Queries
from bot.config.models import OnCall, Roles, Settings, SlackSettings, StorageSettings
from bot.config.not_built import Notice, not_built_yet
from bot.config.platforms import (
    GatewayTraffic,
    IstioTraffic,
    KubernetesPlatform,
    NginxTraffic,
    PlatformSettings,
    ServiceTraffic,
    TrafficSettings,
)
from bot.config.policy import Freeze, PolicySettings
from bot.config.problems import ConfigErrors
from bot.config.quantities import Ratio, Size, Slope, TimesBaseline
from bot.config.strategies import AnalysisSettings, CanarySettings, Stage, Triggers
from bot.config.words import Channel, Command, S3Place, Who, WhoKind

__all__ = [
    "STAGING",
    "AnalysisSettings",
    "Application",
    "Approvals",
    "BuildGate",
    "CanarySettings",
    "Channel",
    "CodeReviewGate",
    "Command",
    "ConfigErrors",
    "Environment",
    "Freeze",
    "GateSettings",
    "GatewayTraffic",
    "IstioTraffic",
    "Journey",
    "JourneyStep",
    "KubernetesPlatform",
    "MetricsSettings",
    "NginxTraffic",
    "Notice",
    "OnCall",
    "PlatformSettings",
    "PolicySettings",
    "Queries",
    "Ratio",
    "Roles",
    "S3Place",
    "Secrets",
    "ServiceTraffic",
    "Settings",
    "Size",
    "SlackSettings",
    "Slope",
    "Stage",
    "StorageSettings",
    "StrategyName",
    "Suite",
    "TimesBaseline",
    "TrafficSettings",
    "Triggers",
    "Who",
    "WhoKind",
    "load",
    "loads",
    "not_built_yet",
]
