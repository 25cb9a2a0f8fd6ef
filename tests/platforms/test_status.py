"""A Deployment and its pods, read into our words."""

import pytest

from bot.platforms.kubernetes import paths, status

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
IMAGE = "shop/checkout:v2.5.0"


def a_pod(
    name: str = "checkout-1", *, ready: bool = True, digest: str = ONE, image: str = IMAGE, waiting: str = ""
) -> dict:
    state = {"waiting": {"reason": waiting, "message": "no such tag"}} if waiting else {"running": {}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "checkout", "image": image}]},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [
                {"name": "checkout", "ready": ready, "imageID": f"shop/checkout@{digest}", "state": state}
            ],
        },
    }


def a_warning(pod: str, message: str, at: str) -> dict:
    return {
        "type": "Warning",
        "reason": "Unhealthy",
        "message": message,
        "involvedObject": {"name": pod},
        "lastTimestamp": at,
    }


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("shop/checkout:v2.5.0", "v2.5.0"),
        (f"shop/checkout:v2.5.0@{ONE}", "v2.5.0"),
        (f"shop/checkout@{ONE}", None),
        ("registry.example:5000/shop/checkout", None),
        ("registry.example:5000/shop/checkout:7", "7"),
    ],
)
def test_a_version_is_the_tag_and_never_a_port(image: str, version: str | None) -> None:
    assert status.version_of(image) == version


def test_a_digest_is_one_that_every_ready_pod_agrees_on() -> None:
    agreed = status.digests([a_pod(), a_pod("checkout-2")], "checkout", IMAGE)
    mixed = status.digests([a_pod(), a_pod("checkout-2", digest=TWO)], "checkout", IMAGE)

    assert agreed == {ONE}
    assert mixed == {ONE, TWO}


def test_a_pod_that_is_not_ready_or_of_another_image_has_no_say_in_the_digest() -> None:
    pods = [
        a_pod(),
        a_pod("late", ready=False, digest=TWO),
        a_pod("old", image="shop/checkout:v1", digest=TWO),
    ]

    assert status.digests(pods, "checkout", IMAGE) == {ONE}


def test_what_containers_say_comes_before_events_and_newest_events_first() -> None:
    pods = [a_pod(ready=False, waiting="ImagePullBackOff")]
    events = [
        a_warning("checkout-1", "old", "2026-11-23T09:00:00Z"),
        a_warning("checkout-1", "new", "2026-11-23T09:05:00Z"),
        a_warning("somebody-elses", "not ours", "2026-11-23T09:06:00Z"),
    ]

    found = status.problems(pods, events, {})

    assert found == ("ImagePullBackOff: no such tag", "Unhealthy: new", "Unhealthy: old")


def test_problems_are_few_short_and_said_once() -> None:
    pods = [a_pod(f"checkout-{n}", ready=False) for n in range(9)]
    events = [a_warning(f"checkout-{n}", "x" * 999, "2026-11-23T09:00:00Z") for n in range(9)]
    others = [a_warning("checkout-1", f"{n}", "2026-11-23T09:00:00Z") for n in range(9)]

    found = status.problems(pods, [*events, *others], {})

    assert len(found) == len(set(found)) == 5
    assert max(map(len, found)) <= 300


def test_a_pod_on_its_way_out_is_no_trouble() -> None:
    leaving = a_pod(ready=False, waiting="CrashLoopBackOff")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-23T09:00:00Z"

    assert status.problems([leaving], [], {}) == ()


def test_a_selector_with_expressions_is_asked_for_whole() -> None:
    selector = {
        "matchLabels": {"app": "checkout"},
        "matchExpressions": [
            {"key": "track", "operator": "In", "values": ["stable", "main"]},
            {"key": "tier", "operator": "NotIn", "values": ["test"]},
            {"key": "team", "operator": "Exists"},
            {"key": "debug", "operator": "DoesNotExist"},
        ],
    }

    query = paths.selector(selector)

    assert query == {"labelSelector": "app=checkout,track in (stable,main),tier notin (test),team,!debug"}
