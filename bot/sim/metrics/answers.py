"""Values as Prometheus' HTTP API writes them: numbers as text, times as seconds."""

import math
from decimal import Decimal

from bot.sim.metrics.values import Labels, Value, Window

Json = dict[str, object]


def number(value: float) -> str:
    """The shortest text that reads back as the same number, without an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def seconds(moment: int) -> float | int:
    return moment // 1000 if moment % 1000 == 0 else moment / 1000


def point(moment: int, value: float) -> list[object]:
    return [seconds(moment), number(value)]


def instant_data(value: Value, at: int) -> Json:
    if isinstance(value, str):
        return {"resultType": "string", "result": [seconds(at), value]}
    if isinstance(value, float):
        return {"resultType": "scalar", "result": point(at, value)}
    result = [{"metric": dict(sample.labels), "value": point(at, sample.value)} for sample in value]
    return {"resultType": "vector", "result": result}


def windows_data(windows: list[Window]) -> Json:
    return matrix_data([(w.labels, list(zip(w.times, w.values, strict=True))) for w in windows])


def matrix_data(series: list[tuple[Labels, list[tuple[int, float]]]]) -> Json:
    result = [
        {"metric": dict(labels), "values": [point(moment, value) for moment, value in points]}
        for labels, points in series
    ]
    return {"resultType": "matrix", "result": result}
