"""What the API server says when it does not do as it was asked: Kubernetes' `Status` bodies.

Raised anywhere below the HTTP layer and turned into an answer there. Codes and reasons are Kubernetes' own,
since clients decide by them (`409 Conflict` is read again, `409 AlreadyExists` is not).
"""

from bot.sim.cluster.objects import Object


class Refusal(Exception):
    """An answer other than 2xx."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details

    def body(self) -> Object:
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = self.details
        return status


def not_found(resource: str, name: str, group: str = "") -> Refusal:
    qualified = f"{resource}.{group}" if group else resource
    details = {"name": name, "kind": resource, **({"group": group} if group else {})}
    return Refusal(404, "NotFound", f'{qualified} "{name}" not found', details)


def no_such_path() -> Refusal:
    return Refusal(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: str, name: str, group: str = "") -> Refusal:
    qualified = f"{resource}.{group}" if group else resource
    return Refusal(
        409, "AlreadyExists", f'{qualified} "{name}" already exists', {"name": name, "kind": resource}
    )


def conflict(resource: str, name: str, why: str, causes: list[Object] | None = None) -> Refusal:
    details: Object = {"name": name, "kind": resource}
    if causes:
        details["causes"] = causes
    message = why if causes else f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return Refusal(409, "Conflict", message, details)


def modified(resource: str, name: str) -> Refusal:
    return conflict(
        resource,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )


def bad_request(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def expired(asked: int, oldest: int) -> Refusal:
    return Refusal(410, "Expired", f"too old resource version: {asked} ({oldest})")


def unsupported_media_type(message: str) -> Refusal:
    return Refusal(415, "UnsupportedMediaType", message)


def method_not_allowed() -> Refusal:
    return Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def invalid(kind: str, group: str, name: str, causes: list[tuple[str, str]]) -> Refusal:
    """422, with one cause for each field that is wrong."""
    qualified = f"{kind}.{group}" if group else kind
    told = [f"{field}: {message}" for field, message in causes]
    text = told[0] if len(told) == 1 else "[" + ", ".join(told) + "]"
    details = {
        "name": name,
        "kind": kind,
        "causes": [{"reason": "FieldValueInvalid", "field": f, "message": m} for f, m in causes],
    }
    return Refusal(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)
