"""A pod's status, as a kubelet would write it of a process."""

from datetime import datetime

from bot.sim.cluster.images import image_named
from bot.sim.cluster.objects import Object, condition_of, digest, stamp
from bot.sim.cluster.processes import Process, State

_PHASES = {State.CREATING: "Pending", State.PULL_FAILED: "Pending"}


def status_of(process: Process, pod: Object, now: datetime) -> Object:
    started = process.started is not None
    reason = "" if process.ready else "ContainersNotReady"
    status: Object = {
        "phase": _phase(process),
        "conditions": [
            _condition(pod, "PodScheduled", holds=True, now=now),
            _condition(pod, "Initialized", holds=True, now=now),
            _condition(pod, "ContainersReady", holds=process.ready, now=now, reason=reason),
            _condition(pod, "Ready", holds=process.ready, now=now, reason=reason),
        ],
        "hostIP": "127.0.0.1",
        "qosClass": "Burstable",
        "startTime": (pod.get("status") or {}).get("startTime") or stamp(now),
        "containerStatuses": [_container(process, spec) for spec in pod["spec"]["containers"]],
    }
    if started:
        status |= {"podIP": process.address, "podIPs": [{"ip": process.address}]}
    return status


def _phase(process: Process) -> str:
    if process.state is State.ENDED and process.last_exit is not None:
        return "Succeeded" if process.last_exit["exitCode"] == 0 else "Failed"
    return _PHASES.get(process.state, "Running")


def _condition(pod: Object, kind: str, *, holds: bool, now: datetime, reason: str = "") -> Object:
    status = "True" if holds else "False"
    before = condition_of(pod, kind)
    turned = before["lastTransitionTime"] if before and before["status"] == status else stamp(now)
    condition: Object = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": turned}
    if reason:
        names = ", ".join(one["name"] for one in pod["spec"]["containers"])
        condition |= {"reason": reason, "message": f"containers with unready status: [{names}]"}
    return condition


def _container(process: Process, spec: Object) -> Object:
    image = image_named(spec["image"])
    pulled = process.started is not None
    identity = digest([process.uid, spec["name"], process.restarts], 32)
    status: Object = {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": image.identity if pulled else "",
        "ready": process.ready,
        "started": process.state is State.RUNNING,
        "restartCount": process.restarts,
        "state": _state(process, spec["image"]),
        "lastState": {},
    }
    if pulled:
        status["containerID"] = f"containerd://{identity}"
    if process.last_exit is not None and process.state is not State.ENDED:
        status["lastState"] = {"terminated": _terminated(process)}
    return status


def _state(process: Process, image: str) -> Object:
    match process.state:
        case State.CREATING:
            return {"waiting": {"reason": "ContainerCreating"}}
        case State.PULL_FAILED if process.pulls > 1:
            return {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
        case State.PULL_FAILED:
            return {
                "waiting": {"reason": "ErrImagePull", "message": f'failed to resolve reference "{image}"'}
            }
        case State.RUNNING:
            assert process.started is not None
            return {"running": {"startedAt": stamp(process.started)}}
        case State.BACK_OFF if process.crashes > 1:
            text = f"back-off restarting failed container={process.container} pod={process.pod}"
            return {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
        case State.BACK_OFF | State.ENDED:
            return {"terminated": _terminated(process)}


def _terminated(process: Process) -> Object:
    assert process.last_exit is not None
    return {
        "exitCode": process.last_exit["exitCode"],
        "reason": process.last_exit["reason"],
        "finishedAt": stamp(process.last_exit["at"]),
        "startedAt": stamp(process.started or process.last_exit["at"]),
    }
