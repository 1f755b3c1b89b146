"""What each role may do, granted as docs/cluster.md says: its commands are read here, so that they are tested."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from skysieve.kafka_options import KafkaOptions

from .clusters import Cluster

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
_PRINCIPALS = {"reader": "bob"}


def commands() -> list[argparse.Namespace]:
    """Every `kafka-acls.sh` of the page."""
    text = re.sub(r"\\\n\s*", " ", PAGE.read_text())
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--command-config", required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", required=True)
    parser.add_argument("--topic", action="append", default=[])
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--resource-pattern-type", choices=["literal", "prefixed"], default="literal")
    lines = re.findall(r"^kafka-acls\.sh (.+)$", text, flags=re.M)
    return [parser.parse_args(shlex.split(line)) for line in lines]


def acls() -> list[ACL]:
    """The same for Kafka's API."""
    found = []
    for one in commands():
        role = one.allow_principal.removeprefix("User:")
        pattern = ACLResourcePatternType[one.resource_pattern_type.upper()]
        resources = [(ResourceType.TOPIC, name) for name in one.topic]
        resources += [(ResourceType.GROUP, name) for name in one.group]
        found += [
            ACL(
                principal=f"User:{_PRINCIPALS.get(role, role)}",
                host="*",
                operation=ACLOperation[operation.upper()],
                permission_type=ACLPermissionType.ALLOW,
                resource_pattern=ResourcePattern(kind, name, pattern),
            )
            for operation in one.operation
            for kind, name in resources
        ]
    return found


def grant(cluster: Cluster) -> None:
    """Let the owner grant all of it."""
    options = KafkaOptions.of(cluster.options("alice"))
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap, **options.for_kafka_python())
    try:
        result = admin.create_acls(acls())
    finally:
        admin.close()
    assert not result["failed"], result["failed"]
