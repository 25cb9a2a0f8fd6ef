"""Well-formed input of every kind, for the mutations to start from."""

import json
from typing import Any

from tests.support.journals import KEPT

JUNIT = (
    b"""<?xml version="1.0"?><testsuites><testsuite tests="3"><testcase classname="a" name="ok" time="0.1"/>
<testcase classname="a" name="bad"><failure message="1 == 2">a.py:24: AssertionError</failure></testcase>
<testcase name="setup" file="b.py" line="5"><error message="no fixture"/><skipped/></testcase>
</testsuite></testsuites>""",
)
COBERTURA = (
    b"""<?xml version="1.0"?><coverage line-rate="0.75" lines-valid="4"><packages><package><classes>
<class filename="a.py"><lines><line number="1" hits="1"/><line number="2" hits="0"/></lines></class>
</classes></package></packages></coverage>""",
)
DIFFS = (
    b"""diff --git a/app/pay.py b/app/pay.py
index 3b18e51..7a1c2f4 100644
--- a/app/pay.py
+++ b/app/pay.py
@@ -1,3 +1,5 @@
 import os
-total = 1
+total = 2  # TODO: round
+token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
+print(f"http://10.0.0.1:8080/{total}")
 done = True
""",
    b"""diff --git a/web/cart.ts b/web/cart.ts
new file mode 100644
index 0000000..7a1c2f4
--- /dev/null
+++ b/web/cart.ts
@@ -0,0 +1,3 @@
+// const old = compute(1);
+console.log("here", 'it\\'s', `b ${1}`);
+try { f() } catch (e) {}
diff --git a/logo.png b/logo.png
new file mode 100644
index 0000000..0a1b2c3
Binary files /dev/null and b/logo.png differ
diff --git "a/old \\303\\274.txt" "b/new \\303\\274.txt"
similarity index 100%
rename from "old \\303\\274.txt"
rename to "new \\303\\274.txt"
""",
)
RUFF: tuple[Any, ...] = (
    [
        {
            "filename": "/srv/tree/app/pay.py",
            "location": {"row": 3, "column": 1},
            "code": "F401",
            "message": "`os` imported but unused",
        }
    ],
)
_SERIES = {"metric": {"le": "0.5"}, "value": [1764147600.0, "12"]}
_LAST = {"metric": {"le": "+Inf"}, "value": [1764147600.0, "30"]}
PROMETHEUS: tuple[Any, ...] = (
    {"status": "success", "data": {"resultType": "vector", "result": [_SERIES, _LAST]}},
    {"status": "success", "data": {"resultType": "scalar", "result": [1764147600.0, "0.01"]}},
    {"status": "error", "errorType": "timeout", "error": "query timed out"},
)
_IMAGE = "registry.example.com/checkout:v2.4.0"
_TEMPLATE = {
    "metadata": {"labels": {"app": "checkout"}},
    "spec": {"containers": [{"name": "checkout", "image": _IMAGE}]},
}
DEPLOYMENTS: tuple[Any, ...] = (
    {
        "metadata": {
            "name": "checkout",
            "uid": "u1",
            "generation": 3,
            "resourceVersion": "81",
            "annotations": {"slackwater/way-back": "checkout-1"},
        },
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "checkout"}}, "template": _TEMPLATE},
        "status": {
            "observedGeneration": 3,
            "replicas": 3,
            "updatedReplicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
            "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
        },
    },
)
PODS: tuple[Any, ...] = (
    {
        "items": [
            {
                "metadata": {"name": "checkout-abc12-xyz34", "uid": "p1", "resourceVersion": "9"},
                "spec": {"containers": [{"name": "checkout", "image": _IMAGE}]},
                "status": {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "False", "message": "not yet"}],
                    "containerStatuses": [
                        {
                            "name": "checkout",
                            "image": _IMAGE,
                            "imageID": f"registry.example.com/checkout@sha256:{'9f' * 32}",
                            "ready": False,
                            "restartCount": 2,
                            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                        }
                    ],
                },
            }
        ]
    },
)
EVENTS: tuple[Any, ...] = (
    {
        "items": [
            {
                "type": "Warning",
                "reason": "FailedScheduling",
                "message": "0/3 nodes",
                "involvedObject": {"kind": "Pod", "name": "checkout-abc12-xyz34"},
            }
        ]
    },
)
_HEADER = [{"headers": {"canary": {"exact": "true"}}}]
VIRTUAL_SERVICES: tuple[Any, ...] = (
    {
        "metadata": {"name": "checkout", "resourceVersion": "25", "annotations": {}},
        "spec": {
            "hosts": ["checkout"],
            "http": [
                {"match": [{"uri": {"prefix": "/admin"}}], "route": [{"destination": {"host": "admin"}}]},
                {
                    "name": "slackwater-canary-header",
                    "match": _HEADER,
                    "route": [{"destination": {"host": "checkout-canary"}}],
                },
                {
                    "route": [
                        {"destination": {"host": "checkout-stable"}, "weight": 75},
                        {"destination": {"host": "checkout-canary"}, "weight": 25},
                    ]
                },
            ],
        },
    },
)
HTTP_ROUTES: tuple[Any, ...] = (
    {
        "metadata": {"name": "checkout", "resourceVersion": "25", "annotations": {}},
        "spec": {
            "hostnames": ["checkout.example.com"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/admin"}}],
                    "backendRefs": [{"name": "admin", "port": 80}],
                },
                {
                    "matches": [{"headers": [{"type": "Exact", "name": "canary", "value": "true"}]}],
                    "backendRefs": [{"name": "checkout-canary", "port": 80}],
                },
                {
                    "backendRefs": [
                        {"name": "checkout-stable", "port": 80, "weight": 75},
                        {"group": "", "kind": "Service", "name": "checkout-canary", "port": 80, "weight": 25},
                    ]
                },
            ],
        },
    },
)


def _ingress(name: str, annotations: dict[str, str]) -> dict[str, Any]:
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "metadata": {"name": name, "resourceVersion": "25", "annotations": annotations},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": "checkout.example.com", "http": {"paths": [path]}}],
        },
    }


OWN_INGRESSES: tuple[Any, ...] = (
    _ingress("checkout-stable", {"nginx.ingress.kubernetes.io/affinity-canary-behavior": "legacy"}),
)
CANARY_INGRESSES: tuple[Any, ...] = (
    _ingress(
        "checkout-canary",
        {
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": "25",
            "nginx.ingress.kubernetes.io/canary-by-header": "canary",
            "nginx.ingress.kubernetes.io/canary-by-header-value": "true",
        },
    ),
)
JOURNALS: tuple[Any, ...] = tuple(
    [json.loads(line) for line in file.read_text().splitlines()] for file in sorted(KEPT.glob("*.jsonl"))
)
INTERRUPTS: tuple[Any, ...] = (
    {
        "id": 1,
        "run": "checkout-1",
        "kind": "trigger",
        "at": "2026-11-26T09:00:00+00:00",
        "person": '{"id": "U1", "name": "bo"}',
        "question": "q1",
        "purpose": "bake:canary/25/bake",
        "reason": "error-rate",
        "sentence": "errors",
        "first_seen": "2026-11-26T08:59:00+00:00",
    },
)
COMMANDS = tuple(
    text.encode()
    for text in (
        *("v2.5.0 canary", 'checkout v2.5.0 canary env=production reason="it is urgent"', "help", ""),
        *(
            "plan v2.5.0",
            "status checkout-1",
            "abort checkout-1",
            "release v2.5.0",
            "approve rest",
            "history",
        ),
    )
)
