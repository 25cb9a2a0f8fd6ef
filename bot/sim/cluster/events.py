"""Events as a kubelet writes them: one object for each reason and message, counted when it comes again."""

from datetime import datetime, timedelta

from bot.sim.cluster.kinds import EVENT
from bot.sim.cluster.objects import Object, copy_of, digest, moment, name_of, namespace_of, stamp, uid_of
from bot.sim.cluster.store import ObjectStore

# A probe that fails every two seconds for an hour should not rewrite its event each time.
_COUNT_EVERY = timedelta(seconds=10)


def record(store: ObjectStore, subject: Object, kind: str, reason: str, message: str, now: datetime) -> None:
    """Note that something happened to `subject`; `kind` is Normal or Warning."""
    namespace = namespace_of(subject) or "default"
    name = f"{name_of(subject)}.{digest([uid_of(subject), reason, message], 16)}"
    found = store.find(EVENT, namespace, name)
    if found is not None:
        if now - moment(found["lastTimestamp"]) < _COUNT_EVERY:
            return
        again = copy_of(found)
        again |= {"count": found["count"] + 1, "lastTimestamp": stamp(now)}
        store.update(EVENT, again, checked=False)
        return
    source = {"component": "default-scheduler" if reason == "Scheduled" else "kubelet"}
    store.create(
        EVENT,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "kind": subject["kind"],
                "namespace": namespace_of(subject),
                "name": name_of(subject),
                "uid": uid_of(subject),
                "apiVersion": subject["apiVersion"],
                "resourceVersion": subject["metadata"]["resourceVersion"],
            },
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": stamp(now),
            "lastTimestamp": stamp(now),
            "count": 1,
            "type": kind,
            "reportingComponent": source["component"],
            "reportingInstance": "",
        },
    )
