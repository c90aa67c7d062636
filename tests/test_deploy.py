"""What is in deploy/: it can be read, asks for what there is, and gives away nothing.

An image is not built here, and no cluster is asked: what they would make of it is not known.
"""

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

pytest.importorskip("pydantic_settings", reason="pip install 'headwater[serve]'")

from headwater.cli import app
from headwater.serve.keys import Keys
from headwater.serve.settings import Settings, settings_from

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMMANDS = typer.main.get_command(app)
FILES = sorted(each for each in DEPLOY.rglob("*") if each.is_file() and "secrets" not in each.parts)
YAML = [each for each in FILES if each.suffix == ".yaml"]
OURS = {"HEADWATER_CONFIG", "HEADWATER_STORE_FILE", "HEADWATER_SECRET_FILE", "HEADWATER_KEYS_FILE",
        "HEADWATER_REDIS_FILE"}  # fmt: skip


def documents(path):
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def manifests(kind):
    found = [each for path in YAML if path.parent.name == "kubernetes" for each in documents(path)]
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def pods():
    (server,) = manifests("Deployment").values()
    jobs = manifests("CronJob")
    yield "server", server["spec"]["template"]
    for name, job in jobs.items():
        yield name, job["spec"]["jobTemplate"]["spec"]["template"]


def compose():
    (found,) = documents(DEPLOY / "compose.yaml")
    return found


def accepted(words):
    """`headwater WORDS` gets as far as what it would do."""
    words = list(words)
    command, context = COMMANDS, None
    while hasattr(command, "commands"):
        assert words, "a group of commands, and none of them"
        name = words.pop(0)
        assert name in command.commands, name
        command = command.commands[name]
    context = command.make_context("headwater", words)
    assert not context.args
    return context.params


# What is asked for, there is


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_is_a_setting(path):
    said = path.read_text()
    names = set(re.findall(r"HEADWATER_[A-Z_]+[A-Z]", said)) - OURS
    known = {f"HEADWATER_{name.upper()}" for name in Settings.model_fields}
    assert names <= known, path


def run_lines():
    docker = (DEPLOY / "Dockerfile").read_text()
    yield "Dockerfile", json.loads(re.search(r"^CMD (.*)$", docker, re.M)[1])
    for name, service in compose()["services"].items():
        if service.get("image") == "headwater":
            yield f"compose {name}", service.get("command", ["serve"])
    for name, pod in pods():
        for each in pod["spec"]["containers"]:
            assert "command" not in each, "the entry point is that of the image"
            yield f"kubernetes {name}", each["args"]
    for path in FILES:
        for line in path.read_text().splitlines():
            if found := re.search(r"(?:bin/headwater|`headwater) ([^>`]+)", line):
                yield f"{path.name}: {line.strip()}", shlex.split(found[1])
            if found := re.search(r"headwater (key new .*--json)", line):
                yield f"{path.name}: {line.strip()}", shlex.split(found[1])
            if found := re.search(r"run --rm (\w+)(.*?)(#|$)", line):
                words = shlex.split(found[2]) or compose()["services"][found[1]]["command"]
                yield f"{path.name}: {line.strip()}", words


@pytest.mark.parametrize("words", [pytest.param(words, id=where) for where, words in run_lines()])
def test_every_command_is_one(words):
    accepted(words)


def test_a_command_that_is_none_would_be_found():
    for words in (["serv"], ["serve", "--prt", "1"], ["store"], ["serve", "--port", "x"]):
        with pytest.raises(Exception, match=r"serv|prt|a group|valid integer"):
            accepted(words)


def test_the_extras_of_the_image_are_parts_of_headwater():
    docker = (DEPLOY / "Dockerfile").read_text()
    have = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    extras = re.search(r"^ARG EXTRAS=(.*)$", docker, re.M)[1].split(",")
    assert {"serve", "postgres", "redis", "report"} <= set(extras) <= set(have)
    assert not {"torch", "all", "test", "dev"} & set(extras)
    assert re.search(r"^ARG TORCH=$", docker, re.M), "only who asks gets torch"


def test_the_image_has_no_more_than_it_needs():
    docker = (DEPLOY / "Dockerfile").read_text()
    build, last = docker.split("\nFROM ")[1:]
    assert "-slim" in build.splitlines()[0]
    assert "-slim" in last.splitlines()[0]
    assert "-c constraints.txt" in build
    assert not re.search(r"apt-get|gcc|build-essential", docker)
    assert re.search(r"^USER 10001:10001$", last, re.M)
    assert last.index("USER") < last.index("ENTRYPOINT")
    assert "HEALTHCHECK" in last
    assert "/health/live" in last
    taken = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", docker, re.M)
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for each in " ".join(taken).split():
        assert (ROOT / each).exists()
        assert f"!{each}" in allowed, f"{each} is not sent to the builder"


# What is run as what


def test_compose_publishes_one_port_on_loopback_and_holds_no_secret():
    found = compose()
    ports = {n: s["ports"] for n, s in found["services"].items() if "ports" in s}
    assert ports == {"server": ["127.0.0.1:8000:8000"]}
    assert found["networks"]["inside"]["internal"] is True
    for name, service in found["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        for secret in service.get("secrets", []):
            assert secret in found["secrets"]
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEYS|STORE", variable):
                assert str(value).startswith("/run/secrets/"), variable
                assert str(value).rsplit("/", 1)[1] in service["secrets"], variable
        used = {v.split(":")[0] for v in service.get("volumes", [])}
        assert used <= set(found["volumes"])
    for name in ("postgres", "valkey"):
        assert found["services"][name]["healthcheck"]["test"][0] == "CMD"
        assert found["services"]["server"]["depends_on"][name] == {"condition": "service_healthy"}
        assert found["services"][name]["networks"] == ["inside"]
    for name in ("server", "retrain", "forget"):
        service = found["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert found["services"]["retrain"]["profiles"] == ["jobs"]
    assert all(each["file"].startswith("./secrets/") for each in found["secrets"].values())
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("pod", [pytest.param(pod, id=name) for name, pod in pods()])
def test_pods_may_do_little(pod):
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "HEADWATER_PORT would be taken from it"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    volumes = {each["name"] for each in spec["volumes"]}
    for each in spec["containers"]:
        may = each["securityContext"]
        assert may["readOnlyRootFilesystem"] is True
        assert may["allowPrivilegeEscalation"] is False
        assert may["privileged"] is False
        assert may["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(each["resources"]["requests"])
        assert "memory" in each["resources"]["limits"]
        assert {m["name"] for m in each["volumeMounts"]} == volumes
        assert any(m["mountPath"] == "/tmp" for m in each["volumeMounts"])


def test_the_deployment_is_asked_how_it_is_under_a_name_that_it_answers_to():
    (server,) = manifests("Deployment").values()
    (container,) = server["spec"]["template"]["spec"]["containers"]
    hosts = json.loads(manifests("ConfigMap")["headwater"]["data"]["HEADWATER_HOSTS"])
    paths = {}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[kind]["httpGet"]
        paths[kind] = asked["path"]
        (host,) = [each["value"] for each in asked["httpHeaders"] if each["name"] == "Host"]
        assert host in hosts, kind
        assert asked["port"] in {each["name"] for each in container["ports"]}
    assert paths["livenessProbe"] == "/health/live", "a store that is away must not restart it"
    assert paths["readinessProbe"] == "/health/ready?store=false"


def test_everything_that_kubernetes_is_told_of_is_there():
    secret = manifests("Secret")["headwater"]["stringData"]
    for _, pod in pods():
        for each in pod["spec"]["containers"]:
            for variable in each["env"]:
                if "valueFrom" in variable:
                    wanted = variable["valueFrom"]["secretKeyRef"]
                    assert wanted["name"] == "headwater"
                    assert wanted["key"] in secret
            for source in each.get("envFrom", []):
                assert source["configMapRef"]["name"] in manifests("ConfigMap")
        for volume in pod["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert claim in manifests("PersistentVolumeClaim")
    labels = [pod["metadata"]["labels"] for _, pod in pods()]
    chosen = [manifests("Service")["headwater"]["spec"]["selector"]]
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        for each in manifests(kind).values():
            at = each["spec"].get("selector") or each["spec"]["podSelector"]
            chosen += [at["matchLabels"]] if "matchLabels" in at else []
    for wanted in chosen:
        assert any(wanted.items() <= each.items() for each in labels), wanted
    guarded = manifests("NetworkPolicy").values()
    assert all(set(each["spec"]["policyTypes"]) == {"Ingress", "Egress"} for each in guarded)
    jobs = manifests("CronJob")
    assert all(each["spec"]["concurrencyPolicy"] == "Forbid" for each in jobs.values())
    listed = documents(DEPLOY / "kubernetes" / "kustomization.yaml")[0]["resources"]
    have = {each.name for each in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert set(listed) == have - {"kustomization.yaml", "secret.example.yaml"}


def test_what_kubernetes_is_told_of_settings_makes_settings(monkeypatch):
    for name, value in manifests("ConfigMap")["headwater"]["data"].items():
        monkeypatch.setenv(name, value)
    secret = manifests("Secret")["headwater"]["stringData"]
    for name in ("store", "redis", "secret", "keys"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", secret[name])
    found = settings_from()
    assert found.hosts == ("recommend.example.org", "headwater")
    assert found.keys["site"].role == "ingest"


def test_units_of_systemd_have_what_they_start():
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        text = path.read_text()
        assert "User=headwater" in text
        assert "NoNewPrivileges=yes" in text
        assert "ProtectSystem=strict" in text
    for path in [*(DEPLOY / "systemd").glob("*.service"), DEPLOY / "headwater.cron"]:
        text = path.read_text()
        assert "HEADWATER_CONFIG=/etc/headwater/headwater.toml" in text
        assert "/var/lib/headwater" in text
        assert not re.search("HEADWATER_(STORE|MODELS)", text), "the file's would not count"
    timer = (DEPLOY / "systemd" / "headwater-retrain.timer").read_text()
    assert "OnCalendar=" in timer
    assert "SuccessExitStatus=5" in (DEPLOY / "systemd" / "headwater-retrain.service").read_text()


# The shell parts, run


@pytest.fixture
def path_with_headwater(tmp_path):
    """A `headwater` that says what it was told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "headwater"
    file.write_text('#!/bin/sh\nenv | grep "^HEADWATER_" | sort\necho "$@"\n')
    file.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def shell(*words, env):
    return subprocess.run(["sh", *map(str, words)], capture_output=True, text=True, env=env)


def test_secrets_from_files(tmp_path, path_with_headwater):
    word = tmp_path / "word"
    word.write_text("a $HOME `date` 'word'\n")
    env = path_with_headwater | {"HEADWATER_SECRET_FILE": str(word), "HEADWATER_PORT": "1"}
    said = shell(DEPLOY / "entrypoint.sh", "serve", "--log", "a b", env=env)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [
        "HEADWATER_PORT=1", "HEADWATER_SECRET=a $HOME `date` 'word'", "serve --log a b",
    ]  # fmt: skip
    missing = env | {"HEADWATER_STORE_FILE": str(tmp_path / "none")}
    said = shell(DEPLOY / "entrypoint.sh", "serve", env=missing)
    assert said.returncode == 2
    assert "HEADWATER_STORE_FILE" in said.stderr


def test_the_secrets_that_are_made_open_the_server(tmp_path, monkeypatch):
    folder = tmp_path / "secrets"
    env = {"PATH": os.environ["PATH"]}
    assert shell(DEPLOY / "make-secrets.sh", folder, env=env).returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700
    before = {each.name: each.read_text() for each in folder.iterdir()}
    assert {each["file"].rsplit("/", 1)[1] for each in compose()["secrets"].values()} <= set(before)
    for name in ("store", "secret", "keys"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", before[name])
    keys = Keys(settings_from())
    for name, role in (("site", "ingest"), ("admin", "admin")):
        caller = keys.caller({"authorization": f"Bearer {before[f'{name}.key']}"})
        assert (caller.name, caller.role) == (name, role)
    assert before["postgres_password"] in before["store"]
    assert shell(DEPLOY / "make-secrets.sh", folder, env=env).returncode == 0
    assert {each.name: each.read_text() for each in folder.iterdir()} == before, (
        "what is there stays"
    )
