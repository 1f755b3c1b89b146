"""The files for systemd and Kubernetes: they parse, start what there is, and hand over secrets as files."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from skysieve.cli import app
from skysieve.kafka_options import KafkaOptions

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "skysieve-supervisor.service"
MANIFEST = ROOT / "deploy" / "kubernetes.yaml"
PAGE = ROOT / "docs" / "cluster.md"
SECRETS = ("SKYSIEVE_KAFKA_PASSWORD", "SPARK_CONNECT_AUTHENTICATE_TOKEN")


class Repeated(dict):
    """What a section says; a name that comes again adds a line."""

    def __setitem__(self, name, value):
        super().__setitem__(name, [*self.get(name, []), *value] if isinstance(value, list) else value)


@pytest.fixture(scope="module")
def unit():
    parser = configparser.RawConfigParser(strict=False, dict_type=Repeated, interpolation=None)
    parser.optionxform = str
    parser.read(UNIT)
    return parser


def said(unit, name):
    return unit["Service"][name].splitlines()


@pytest.fixture(scope="module")
def deployment():
    found = {one["kind"]: one for one in yaml.safe_load_all(MANIFEST.read_text())}
    assert set(found) == {"ConfigMap", "Deployment"}
    return found["Deployment"]["spec"], found["ConfigMap"]["data"]


@pytest.fixture(scope="module")
def container(deployment):
    (one,) = deployment[0]["template"]["spec"]["containers"]
    return one


def commands():
    return {command.name or command.callback.__name__ for command in app.registered_commands}


def test_systemd_takes_the_unit(tmp_path):
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze here")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/skysieve/bin/skysieve", sys.executable))
    done = subprocess.run([tool, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_runs_the_supervisor_and_starts_it_again(unit):
    assert unit.sections() == ["Unit", "Service", "Install"]
    program, command = said(unit, "ExecStart")[0].split()
    assert (Path(program).name, command in commands()) == ("skysieve", True)
    assert said(unit, "Restart") == ["always"]
    assert said(unit, "DynamicUser") == ["yes"]


def test_the_unit_hands_secrets_over_as_files(unit):
    handed = dict(one.split(":") for one in said(unit, "LoadCredential"))
    environment = dict(one.split("=", 1) for one in said(unit, "Environment"))
    for name in SECRETS:
        assert name not in environment
        assert environment[f"{name}_FILE"].removeprefix("%d/") in handed


def test_kubernetes_runs_one_and_knows_it_by_its_labels(deployment):
    spec, _ = deployment
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()


def test_kubernetes_runs_the_supervisor_with_few_rights(deployment, container):
    pod = deployment[0]["template"]["spec"]
    assert container["command"][0] == "skysieve"
    assert container["command"][1] in commands()
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_kubernetes_mounts_secrets_as_files_and_names_them(deployment, container):
    volumes = {one["name"]: one for one in deployment[0]["template"]["spec"]["volumes"]}
    mounts = {one["mountPath"]: volumes[one["name"]] for one in container["volumeMounts"]}
    environment = {one["name"]: one["value"] for one in container["env"]}
    for name in SECRETS:
        assert name not in environment
        assert "secret" in mounts[str(Path(environment[f"{name}_FILE"]).parent)]
    options = Path(environment["SKYSIEVE_KAFKA_OPTIONS"])
    assert "configMap" in mounts[str(options.parent)]
    assert options.name in deployment[1]
    assert {"SKYSIEVE_KAFKA", "SKYSIEVE_SPARK", "SKYSIEVE_CHECKPOINTS"} <= environment.keys()


def test_the_options_in_the_manifest_are_allowed(deployment, tmp_path, monkeypatch, authority):
    _, files = deployment
    ca = tmp_path / "ca.pem"
    ca.write_text(authority.pem)
    assert "/etc/skysieve/kafka/ca.pem" in files["kafka.properties"]
    (tmp_path / "kafka.properties").write_text(
        files["kafka.properties"].replace("/etc/skysieve/kafka/ca.pem", str(ca))
    )
    monkeypatch.setenv("SKYSIEVE_KAFKA_OPTIONS", str(tmp_path / "kafka.properties"))
    monkeypatch.setenv("SKYSIEVE_KAFKA_USER", "supervisor")
    monkeypatch.setenv("SKYSIEVE_KAFKA_PASSWORD", "any")
    assert KafkaOptions.named().protocol == "SASL_SSL"


def test_the_page_tells_the_patterns_that_the_local_spark_is_given():
    from skysieve.local.spark import _CONF

    told = dict(re.findall(r"^(spark\.\S*redaction\S*)\s+(.+)$", PAGE.read_text(), flags=re.M))
    assert told == {name: value for name, value in _CONF.items() if "redaction" in name}


def test_the_page_s_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGE.read_text()):
        assert (PAGE.parent / target).exists(), target


def test_the_page_says_plainly_that_a_python_filter_is_code():
    text = " ".join(PAGE.read_text().split())
    assert "A Python filter is code that runs on the cluster." in text
    assert "Whoever may write to the topic `skysieve-registry` may run code there" in text
