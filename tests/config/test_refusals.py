"""Each class of bad input, with the exact line, path and remedy that a person gets."""

import traceback
from pathlib import Path

import pytest

from bot.config import ConfigErrors, load, loads
from bot.domain.errors import ConfigError

# Line numbers count from here: `slack` is line 1, `shop` 3, `image` 4, `platform` 7; more begins on line 8.
TEXT = """\
slack: {channels: {deploys: "#deploys"}}
applications:
  shop:
    image: registry.example.com/shop
    environments:
      production:
        platform: {namespace: prod, workload: shop}
"""


def problems(text: str | bytes) -> tuple[ConfigError, ...]:
    with pytest.raises(ConfigErrors) as caught:
        loads(text, folder=Path("/srv"), name="team.yaml")
    return caught.value.problems


def only_problem(text: str | bytes) -> ConfigError:
    (found,) = problems(text)
    return found


APPLICATION = [
    # (what stands in the application's section, line, path below the application, words of the remedy)
    ("canary: {stages: [{weight: 5, bake: 30}]}", 8, "canary.stages[0].bake", "30s, 5m, 24h"),
    ("canary: {stages: [{weight: 5, bake: '30'}]}", 8, "canary.stages[0].bake", "30s, 5m, 24h"),
    ("canary: {stages: [{weight: 5, bake: 30 minutes}]}", 8, "canary.stages[0].bake", "30s, 5m, 24h"),
    ("canary: {stages: [{weight: 5, bake: 9999d}]}", 8, "canary.stages[0].bake", "longer than 366 days"),
    ("canary: {stages: [{weight: 5%, bake: 5m}]}", 8, "canary.stages[0].weight", "whole number"),
    ("canary: {stages: [{weight: 0, bake: 5m}]}", 8, "canary.stages[0].weight", "at least 1"),
    ("canary: {stages: [{weight: 101, bake: 5m}]}", 8, "canary.stages[0].weight", "at most 100"),
    ("canary: {stages: [{weight: 1.5, bake: 5m}]}", 8, "canary.stages[0].weight", "whole number"),
    ("canary: {stages: [{weight: true, bake: 5m}]}", 8, "canary.stages[0].weight", "whole number"),
    ("canary: {stages: [{weight: 50, bake: 5m}]}", 8, "canary.stages[0].weight", "rise and end at 100"),
    ("canary: {stages: []}", 8, "canary.stages", "at least 1"),
    ("canary: {stages: 5}", 8, "canary.stages", "must be a list"),
    ("canary: {stages: [5]}", 8, "canary.stages[0]", "section with some of the keys weight, bake"),
    ("canary: {stages: [{weight: 100}]}", 8, "canary.stages[0].bake", "is needed"),
    ("canary:", 8, "canary", "is empty"),
    ("canary: {header: {name: 'a b'}}", 8, "canary.header.name", "HTTP header"),
    ("cannary: {}", 8, "cannary", 'did you mean "canary"? Allowed: repository, tag, image'),
    ("triggers: {error_rate: {above: 1}}", 8, "triggers.error_rate.above", "1%, 0.1% or 80%"),
    ("triggers: {error_rate: {above: 101%}}", 8, "triggers.error_rate.above", "more than 100%"),
    ("triggers: {p95: {above: 2}}", 8, "triggers.p95.above", "2x baseline"),
    ("triggers: {p95: {above: 0.5x baseline}}", 8, "triggers.p95.above", "1x baseline or more"),
    (
        "triggers: {memory: {above: 95%, four: 5m}}",
        8,
        "triggers.memory.four",
        'did you mean "for"? Allowed: above, for',
    ),
    ("triggers: {memory: {lasting: 5m}}", 8, "triggers.memory.lasting", "Allowed: above, for"),
    ("gates: {build: {run: 'docker build -t $img .'}}", 8, "gates.build.run", "Allowed: $version, $image"),
    ("gates: {build: {run: 'make && make install'}}", 8, "gates.build.run", "no shell runs this"),
    ("gates: {build: {run: 'make \"'}}", 8, "gates.build.run", "close every quote"),
    ("gates: {build: {run: ''}}", 8, "gates.build.run", "name the program"),
    ("gates: {build: {run: [make]}}", 8, "gates.build.run", "one line of text"),
    ("gates: {build: {run: make, budget: {a.js: 250}}}", 8, 'gates.build.budget["a.js"]', "250kB"),
    ("gates: {tests: {unit: {}}}", 8, "gates.tests.unit", "give run, checks or k6"),
    ("gates: {tests: {unit: {run: a, checks: [b]}}}", 8, "gates.tests.unit.checks", "exclude each other"),
    ("gates: {tests: {unit: {run: a, minimum: 80%}}}", 8, "gates.tests.unit.minimum", "give coverage"),
    ("gates: {tests: {unit: {run: a, junit: ../x}}}", 8, "gates.tests.unit.junit", "inside the repository"),
    ("gates: {concurrency: 0}", 8, "gates.concurrency", "at least 1"),
    ("policy: {timezone: Europe/Berln}", 8, "policy.timezone", "IANA"),
    ("policy: {block: [freze]}", 8, "policy.block[0]", 'did you mean "freeze"?'),
    ("policy: {block: [peak-hours], warn: [peak-hours]}", 8, "policy.warn[0]", "keep one of them"),
    (
        "policy: {freezes: [{from: 2026-12-18, to: 2027-01-04T09:00}]}",
        8,
        "policy.freezes[0].from",
        "2026-12-18T12:00",
    ),
    (
        "policy: {freezes: [{from: 2027-01-04T09:00, to: 2026-12-18T12:00}]}",
        8,
        "policy.freezes[0].to",
        "ends before it begins",
    ),
    ("metrics: {kind: graphite}", 8, "metrics.kind", "Allowed: prometheus, cloudwatch, datadog"),
    ("metrics: {url: prometheus:9090}", 8, "metrics.url", "write an address"),
    ("metrics: {url: 'http://a:b@prometheus'}", 8, "metrics.url", "a secret"),
    ("metrics: {queries: {p95: 'x{$selectr}'}}", 8, "metrics.queries.p95", 'did you mean "selector"?'),
    ("rolling: {max_surge: 0}", 8, "rolling.max_surge", "no pod could ever be replaced"),
    (
        "blue_green: {preview: {service: green}}",
        8,
        "blue_green.preview.url",
        "is needed with preview.service",
    ),
    (
        "blue_green: {service: web, preview: {service: web, url: 'http://green'}}",
        8,
        "blue_green.preview.service",
        "a preview needs a Service of its own",
    ),
    ("rolling: {max_surge: many}", 8, "rolling.max_surge", "25%"),
    ("registry: {insecure: yes}", 8, "registry.insecure", "write true or false"),
    ("tag: release-$ver", 8, "tag", 'did you mean "version"?'),
    ("tag: 25", 8, "tag", "put it in quotes"),
    ("health: {path: health}", 8, "health.path", "begins with a slash"),
    ("defaults: {environment: prod}", 8, "defaults.environment", 'did you mean "production"?'),
    ("repository: {github: checkout}", 8, "repository.github", "owner/name"),
]


@pytest.mark.parametrize(
    ("section", "line", "path", "remedy"), APPLICATION, ids=[row[0] for row in APPLICATION]
)
def test_a_wrong_setting_is_refused_with_line_path_and_remedy(section, line, path, remedy):
    found = only_problem(f"{TEXT}    {section}\n")

    assert found.where == f"team.yaml:{line}"
    assert found.key == f"applications.shop.{path}"
    assert remedy in found.remedy


def test_a_weight_out_of_order_is_named_with_its_own_line():
    text = """\
    canary:
      stages:
        - {weight: 5, bake: 5m}
        - {weight: 50, bake: 5m}
        - {weight: 25, bake: 5m}
        - {weight: 100, bake: 5m}
"""

    found = only_problem(TEXT + text)

    assert str(found) == (
        "team.yaml:12: applications.shop.canary.stages[2].weight is 25: "
        "a weight out of order: 25 after 50. Weights rise to 100"
    )


@pytest.mark.parametrize(
    ("platform", "key", "remedy"),
    [
        ("{workload: shop}", "namespace", "is needed"),
        ("{namespace: prod}", "workload", "is needed"),
        ("{kind: kubernets, namespace: prod, workload: shop}", "kind", 'did you mean "kubernetes"?'),
        ("{kind: 1, namespace: prod, workload: shop}", "kind", "Allowed: kubernetes, ecs, heroku"),
        ("{namespace: Prod, workload: shop}", "namespace", "not a Kubernetes name"),
        (
            "{namespace: prod, workload: shop, traffic: {kind: istoi}}",
            "traffic.kind",
            'did you mean "istio"?',
        ),
        (
            "{namespace: prod, workload: shop, traffic: {kind: nginx, ingress: a}}",
            "traffic.canary_ingress",
            "is needed",
        ),
        (
            "{namespace: prod, workload: shop, traffic: {rule: a}}",
            "traffic.rule",
            "Allowed: kind, virtual_service",
        ),
    ],
)
def test_a_wrong_platform_is_refused_at_its_key(platform, key, remedy):
    found = only_problem(TEXT.replace("{namespace: prod, workload: shop}", platform))

    assert found.where == "team.yaml:7"
    assert found.key == f"applications.shop.environments.production.platform.{key}"
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("old", "new", "where", "key", "remedy"),
    [
        ("    image: registry.example.com/shop\n", "", "team.yaml:3", "applications.shop.image", "is needed"),
        ("com/shop", "com/shop:v1", "team.yaml:4", "applications.shop.image", "without its tag"),
        ('deploys: "#deploys"', "", "team.yaml:1", "slack.channels.deploys", "is needed"),
        ('"#deploys"', "deploys", "team.yaml:1", "slack.channels.deploys", '"#name" in quotes'),
        ('"#deploys"', "", "team.yaml:1", "slack.channels.deploys", "# begins a comment"),
        ("slack:", "version: 2\nslack:", "team.yaml:1", "version", "Allowed: 1"),
        ("slack:", "slak: {}\nslack:", "team.yaml:1", "slak", 'did you mean "slack"?'),
        (
            "slack:",
            "roles: {approver: [oncall]}\nslack:",
            "team.yaml:1",
            "roles.approver[0]",
            '"@handle" in quotes',
        ),
        ("slack:", "roles: {approver: '@oncall'}\nslack:", "team.yaml:1", "roles.approver", "must be a list"),
        ("slack:", "roles: {approver: null}\nslack:", "team.yaml:1", "roles.approver", "is empty"),
        ("slack:", "storage: {url: mysql://x}\nslack:", "team.yaml:1", "storage.url", "sqlite:///"),
        (
            "slack:",
            "storage: {url: postgresql://a:b@c/d}\nslack:",
            "team.yaml:1",
            "storage.url",
            "PGPASSWORD",
        ),
        ("slack:", "status_page: {kind: statuspage}\nslack:", "team.yaml:1", "status_page.url", "is needed"),
        ("  shop:", "  sh op:", "team.yaml:3", 'applications["sh op"]', "write a name"),
    ],
)
def test_a_wrong_setting_outside_an_application_is_refused(old, new, where, key, remedy):
    found = only_problem(TEXT.replace(old, new, 1))

    assert (found.where, found.key) == (where, key)
    assert remedy in found.remedy


def test_a_file_without_applications_says_so():
    assert [found.key for found in problems("version: 1\n")] == ["slack", "applications"]
    empty = only_problem(TEXT[: TEXT.index("applications")] + "applications: {}\n")
    assert (empty.where, empty.key) == ("team.yaml:2", "applications")


def test_all_problems_are_reported_together_in_the_file_s_order():
    extra = "    canary: {stages: [{weight: 1, bake: 5}]}\n    nope: 1\n"
    extra += "    triggers: {p95: {above: x, fro: 1m}}\n"

    found = problems(TEXT.replace("#deploys", "deploys") + extra)

    assert [(problem.where, problem.key.removeprefix("applications.shop.")) for problem in found] == [
        ("team.yaml:1", "slack.channels.deploys"),
        ("team.yaml:8", "canary.stages[0].bake"),
        ("team.yaml:9", "nope"),
        ("team.yaml:10", "triggers.p95.above"),
        ("team.yaml:10", "triggers.p95.fro"),
    ]
    with pytest.raises(ConfigErrors) as caught:
        loads(TEXT + extra, folder=Path("/srv"))
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("a: 1\nb: [1\nc: 2\n", 3, "not valid YAML"),
        ("a:\n\tb: 1\n", 2, "no tabs"),
        ("a: 1\nb: @oncall\n", 2, "in quotes"),
        ("a: 1\nb: 2\na: 3\n", 3, "twice (first on line 1)"),
        ("a: {b: 1, b: 2}\n", 1, "twice"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tags"),
        ("a: 1\nb: *nobody\n", 2, "no anchor"),
        ("a: 1\nb: &b [*b]\n", 2, "no anchor"),
        ("a: 1\n? [x]\n: 2\n", 2, "plain word"),
        ("a: 1\n'': 2\n", 2, "plain word"),
        ('a: 1\nb: "\\ud800"\n', 2, "control character"),
        ('a: 1\nb: "\\UFFFFFFFF"\n', 1, "escape"),
        ("a: 1\nb: \x07\n", 2, "character"),
        ("a: 1\n<<: 5\n", 2, "one section"),
        ("", 1, "no settings"),
        ("- a\n", 1, "no settings"),
        ("# nothing\n", 1, "no settings"),
        (b"a: 1\nb: \xff\n", 2, "UTF-8"),
        ("a: " + "[" * 40 + "]" * 40, 1, "nested deeper"),
        ("#" * 600_000, 1, "larger than"),
    ],
)
def test_text_that_is_not_sound_yaml_is_refused_with_its_line(text, line, remedy):
    found = only_problem(text)

    assert found.where == f"team.yaml:{line}"
    assert remedy in found.remedy


def test_a_billion_laughs_end_early():
    bombs = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    bombs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    found = only_problem("\n".join(bombs))

    assert "through its aliases" in found.remedy


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigErrors, match=r"nowhere\.yaml:1: .*No such file"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigErrors, match="directory"):
        load(tmp_path)


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-1234567890-abcdefghij",
        "xapp-1-A0123-456-abcdef",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "github_pat_11ABCDEFG0abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "https://hooks.slack.com/services/T000/B000/XXXX",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
@pytest.mark.parametrize("place", ["    tag: {}", "    # {}", "    health: {{path: [{}", "    {}: 1"])
def test_a_secret_in_the_file_is_refused_and_not_printed(secret, place):
    with pytest.raises(ConfigErrors) as caught:
        loads(TEXT + place.format(secret) + "\n", folder=Path("/srv"), name="team.yaml")

    assert caught.value.where == "team.yaml:8"
    assert "a secret stands here" in caught.value.remedy
    printed = "".join(traceback.format_exception(caught.value))
    assert secret[:4] in str(caught.value)
    assert secret[-10:] not in printed


def test_a_secret_is_reported_at_its_key():
    assert only_problem(TEXT + "    tag: xoxb-1234-5678\n").key == "applications.shop.tag"


def test_anchors_and_merges_save_writing():
    text = TEXT.replace("      production:\n", "      production: &here\n") + (
        "      canada:\n        <<: *here\n        url: https://ca.example.com\n"
    )

    environments = loads(text, folder=Path("/srv")).application("shop").environments

    assert environments["canada"].platform == environments["production"].platform
    assert environments["canada"].url == "https://ca.example.com"
    assert environments["canada"].approvals.required == "each-shift"


def test_an_error_in_a_merged_section_stands_where_the_value_stands():
    text = TEXT.replace("      production:\n", "      production: &here\n").replace(
        "workload: shop", "workload: 5"
    )

    found = problems(text + "      canada: {<<: *here, url: nowhere}\n")

    assert [(problem.where, problem.key.rpartition("environments.")[2]) for problem in found] == [
        ("team.yaml:7", "production.platform.workload"),
        ("team.yaml:7", "canada.platform.workload"),
        ("team.yaml:8", "canada.url"),
    ]


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "2026-11-23T09:00", "10:30", "0x1F", "1_000"])
def test_words_that_older_yaml_turns_into_something_else_stay_text(word):
    settings = loads(f"{TEXT}    tag: {word}\n", folder=Path("/srv"))

    assert settings.application("shop").tag == word


def test_a_trigger_can_be_switched_off_by_null_but_not_by_silence():
    off = loads(f"{TEXT}    triggers: {{p95: null}}\n", folder=Path("/srv")).application("shop").triggers

    assert off.p95 is None
    assert off.error_rate is not None


def test_a_rota_without_a_zone_needs_one_when_the_applications_differ():
    rota = 'on_call: {rota: [{from: 2026-11-23T09:00, to: 2026-11-30T09:00, user: "@bo"}]}\n'
    second = TEXT[TEXT.index("  shop:") :].replace("shop:", "cart:") + "    policy: {timezone: Asia/Tokyo}\n"

    found = only_problem(TEXT + second + rota)
    settings = loads(TEXT + second + rota.replace("{rota", "{timezone: UTC, rota"), folder=Path("/srv"))

    assert (found.where, found.key) == ("team.yaml:14", "on_call.rota[0].from")
    assert settings.on_call.rota[0].since.isoformat() == "2026-11-23T09:00:00+00:00"
