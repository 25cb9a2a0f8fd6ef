"""The bot's messages as people will see them: what the page has to be good at."""

from typing import Any

JSON = dict[str, Any]


def text(words: str) -> JSON:
    return {"type": "mrkdwn", "text": words}


def section(words: str, **more: Any) -> JSON:
    return {"type": "section", "text": text(words), **more}


def context(*words: str) -> JSON:
    return {"type": "context", "elements": [text(each) for each in words]}


def button(label: str, action: str, **more: Any) -> JSON:
    return {"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": action, **more}


def confirm(title: str, words: str, yes: str) -> JSON:
    return {
        "title": {"type": "plain_text", "text": title},
        "text": text(words),
        "confirm": {"type": "plain_text", "text": yes},
        "deny": {"type": "plain_text", "text": "Keep it"},
        "style": "danger",
    }


ROLLBACK = button(
    "Roll back…",
    "rollback",
    value="run-1",
    style="danger",
    confirm=confirm(
        "Roll back v2.5.0?", "All traffic goes to *v2.4.0* and v2.5.0 is quarantined.", "Roll back"
    ),
)


def root_card(state: str, now: str, following: str, thread: str) -> list[JSON]:
    return [
        {"type": "header", "text": {"type": "plain_text", "text": "checkout  v2.4.0 → v2.5.0"}},
        context("canary · production", f":large_blue_circle: {state}", "phase 3 of 6"),
        section(
            "▰▰▰▰▰▰▰▰▱▱▱▱▱▱▱▱  *48 %*\ngates :white_check_mark:  staging :white_check_mark:  "
            "*production* …  validation  monitoring  finish"
        ),
        {
            "type": "section",
            "fields": [
                text(f"*Now*\n{now}"),
                text("*Health*\nerrors 0.04 % (stable 0.05 %) · p95 212 ms (stable 208 ms) · healthy"),
                text(f"*Next*\n{following}"),
                text("*Way back*\nweight 0, then v2.5.0 removed; drilled on staging in 1.8 s"),
            ],
        },
        context('Asked by Ada · "user preferences" · approvals: Bo 5 %, 10 %; Cy 25 %'),
        {
            "type": "actions",
            "block_id": "card-actions",
            "elements": [
                button("Hold", "hold", value="run-1"),
                ROLLBACK,
                button("Open thread", "thread", url=thread),
            ],
        },
    ]


GATE_FAILED = [
    section(":x: *Security: failed in 41 s*"),
    section(
        "1 high: `lodash 4.17.15`, prototype pollution (<https://example.com/CVE-2020-8203|CVE-2020-8203>), "
        "`package-lock.json:2291` → update to 4.17.21",
        accessory=button("Waive…", "waive", value="run-1"),
    ),
    context("Secrets none · SAST clean (3 rule sets) · image `sha256:9f2c…` clean"),
]

GATE_PASSED = [
    section(":white_check_mark: *Tests: passed in 1 min 12 s*"),
    context("214 passed, 0 failed · coverage 91.4 % (needs 80 %) · 0 flaky"),
]


def approval(group: str) -> list[JSON]:
    return [
        section(f"<!subteam^{group}>  *May 25 % of production go to v2.5.0?*"),
        section(
            "10 % since 14:02: errors 0.04 % against 0.05 % (−0.01, 95 % interval −0.04 to +0.02) · "
            "p95 212 against 208 ms · conversion 3.1 against 3.0 %"
        ),
        context(
            "*Healthy:* 7,310 requests on v2.5.0, enough to have seen +0.3 points of errors.",
            "Image `sha256:9f2c…`, step 7 of 14, attempt 1. Without an answer: reminder 14:32, "
            "back to v2.4.0 at 15:17.",
        ),
        {
            "type": "actions",
            "block_id": "approval-actions",
            "elements": [
                button("Approve 25 %", "approve", value="step-7", style="primary"),
                button("Approve the rest while healthy", "approve_rest", value="step-7"),
                button("Hold", "hold", value="step-7"),
                ROLLBACK,
            ],
        },
    ]


SNAPSHOT_ROWS = [
    ("", "v2.5.0", "v2.4.0", "change"),
    ("Errors", "0.04 %", "0.05 %", "−0.01"),
    ("p50", "88 ms", "87 ms", "+1 ms"),
    ("p95", "212 ms", "208 ms", "+4 ms"),
    ("p99", "480 ms", "471 ms", "+9 ms"),
    ("Conversion", "3.1 %", "3.0 %", "+0.1"),
]


def snapshot(picture: str) -> list[JSON]:
    return [
        section(":white_check_mark: *10 % is healthy:* v2.5.0 is no worse than stable after 15 min."),
        {
            "type": "table",
            "rows": [[{"type": "raw_text", "text": cell or " "} for cell in row] for row in SNAPSHOT_ROWS],
        },
        {
            "type": "image",
            "image_url": picture,
            "alt_text": "Errors: v2.5.0 0.04 %, stable 0.05 %, threshold 0.1 %",
            "title": {"type": "plain_text", "text": "Errors: v2.5.0 is no worse"},
        },
    ]


ROLLING_BACK = [
    section(
        ":rotating_light: *Rolling back v2.5.0:* 4.8 % errors against 0.05 % on stable, for 24 s "
        "(31 of 640 requests; stable 4 of 8,100)."
    ),
    section(
        "14:33:07 first seen · 14:33:12 decided · 14:33:12 weight 0 accepted · "
        "14:33:13 last request on v2.5.0\n"
        "412 requests failed in all. v2.4.0 serves everything and is healthy. v2.5.0 is quarantined."
    ),
    section(
        "Newest error (×29), `src/prefs.py:88`:\n```KeyError: 'pref_theme'\n  at load (src/prefs.py:88)```"
    ),
]

PLAN = [
    {
        "type": "plan",
        "title": "v2.5.0 to production by canary",
        "tasks": [
            {"task_id": "1", "title": "Gates", "status": "complete"},
            {"task_id": "2", "title": "Staging", "status": "complete"},
            {"task_id": "3", "title": "Canary at 25 %", "status": "in_progress"},
            {"task_id": "4", "title": "Validation", "status": "pending"},
        ],
    }
]


def plain(words: str) -> JSON:
    return {"type": "plain_text", "text": words}


def option(words: str, value: str) -> JSON:
    return {"text": plain(words), "value": value}


STRATEGIES = [
    option("Canary", "canary"),
    option("Blue-green", "blue-green"),
    option("Rolling update", "rolling"),
]

FORM: JSON = {
    "type": "modal",
    "callback_id": "deploy",
    "title": plain("Deploy a version"),
    "submit": plain("Show the plan"),
    "close": plain("Cancel"),
    "blocks": [
        section("Nothing starts before you have seen the plan."),
        {
            "type": "input",
            "block_id": "version",
            "label": plain("Version"),
            "hint": plain("A tag of the repository, such as v2.5.0"),
            "element": {"type": "plain_text_input", "action_id": "it", "placeholder": plain("v2.5.0")},
        },
        {
            "type": "input",
            "block_id": "strategy",
            "label": plain("Strategy"),
            "element": {
                "type": "static_select",
                "action_id": "it",
                "options": STRATEGIES,
                "initial_option": STRATEGIES[0],
            },
        },
        {
            "type": "input",
            "block_id": "environment",
            "label": plain("Environment"),
            "element": {
                "type": "radio_buttons",
                "action_id": "it",
                "options": [option("production", "production"), option("staging", "staging")],
                "initial_option": option("production", "production"),
            },
        },
        {
            "type": "input",
            "block_id": "extras",
            "optional": True,
            "label": plain("With"),
            "element": {
                "type": "checkboxes",
                "action_id": "it",
                "options": [
                    {
                        **option("Database migrations", "migrations"),
                        "description": plain("Additive ones only, before the first shift"),
                    }
                ],
            },
        },
        {
            "type": "input",
            "block_id": "reason",
            "optional": True,
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "it", "multiline": True},
        },
    ],
}

HOME = [
    {"type": "header", "text": plain("Running now")},
    section(
        "*checkout* v2.4.0 → v2.5.0, canary at 25 %\nbaking until 14:47",
        accessory=button("Hold", "hold", value="run-1"),
    ),
    {"type": "divider"},
    {"type": "header", "text": plain("Waiting for you")},
    section("Nothing. Enjoy the calm."),
    {"type": "divider"},
    {"type": "header", "text": plain("Recent runs")},
    section(
        ":white_check_mark: *search* v1.9.2, rolling, 18 min\n"
        ":leftwards_arrow_with_hook: *checkout* v2.4.8, canary, taken back after 24 s"
    ),
]
