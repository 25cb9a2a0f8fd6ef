"""The demo's `slackwater.yaml`, written as a team would write it: to be read, copied and changed."""

from pathlib import Path
from string import Template

FIRST_LINE = "# Written by `slackwater demo`, anew at each start."

# Only what differs from the defaults, and what a reader will look for.
_TEXT = Template(
    FIRST_LINE
    + """
version: 1
slack:
  command: /deploy
  mode: socket
  channels:
    deploys: "#deploys"
    stakeholders: ["#releases"]
roles:
  deployer: ["@engineers"]
  approver: ["@oncall"]
  admin: ["@platform"]
storage:
  url: sqlite:///slackwater.db
  artifacts: ./artifacts
applications:
  checkout:
    repository: {path: ./checkout}
    image: registry.example.com/checkout
    health: {path: /health, critical: [/health, /health/database]}
    environments:
      staging:
        platform: {namespace: staging, workload: checkout, container: checkout}
        url: $cluster
        host_header: checkout.staging
        journeys:
          - name: look around and order
            steps:
              - {path: /api/users, expect: {body: {contains: Ada}}}
              - {method: POST, path: /api/orders, json: {item: 1}, save: {order: $$.order}}
        watch: {for: 10m, errors: 0}
      production:
        platform:
          kind: kubernetes
          namespace: production
          workload: checkout
          container: checkout
          services: {main: checkout, stable: checkout-stable, canary: checkout-canary}
          traffic: {kind: istio, virtual_service: checkout}
        url: $cluster
        host_header: checkout.example.com
        approvals: {required: each-shift, people: 1, requester_may_approve: false, escalate_to: ["@platform"]}
    canary:
      stages:
        - {weight: 5, bake: 30m}
        - {weight: 10, bake: 15m}
        - {weight: 25, bake: 15m}
        - {weight: 50, bake: 15m}
        - {weight: 100, bake: 30m}
    metrics:
      kind: prometheus
      url: $cluster/prometheus
      stale_after: 150s         # half a second on the fastest clock
      business:
        conversion:
          query: >-
            sum(rate(business_orders_total{$$selector}[$$window]))
            / sum(rate(business_sessions_total{$$selector}[$$window]))
          better: higher
    analysis: {min_requests: 500}
    triggers:
      memory: {above: 80%, for: 2m}   # early: the panel's leak fills the rest in two and a half minutes
    gates:
      concurrency: 3
      code-review: {reviews: optional}
      tests:
        unit:
          run: python -m pytest -q --junitxml=junit.xml --cov=checkout --cov-report=xml
          junit: junit.xml
          coverage: coverage.xml
          minimum: 80%
      build: {run: python build.py --version $$version, budget: {"dist/*": 250kB}}
"""
)


def write(file: Path, cluster: str) -> None:
    """Write the settings for the simulated cluster at this address."""
    file.write_text(_TEXT.substitute(cluster=cluster), encoding="utf-8")


def is_ours(file: Path) -> bool:
    """Whether a demo wrote this settings file."""
    try:
        return file.read_text(encoding="utf-8").startswith(FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        return False
