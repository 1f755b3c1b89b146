"""What to do is judged by what Java really says when it cannot start."""

import subprocess
import zipfile

import pytest
from skysieve.home import Home
from skysieve.local import java
from skysieve.local.failures import cure


def said(*arguments):
    done = subprocess.run([java.find().path, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode
    return done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("-Xmx9999t",), ("-Xms2g", "-Xmx1g"), ("-Xmxmuch",), ("-Xmx1k",)])
def test_memory_that_java_cannot_have(own, arguments):
    assert "$SKYSIEVE_SPARK_MEMORY" in cure(said(*arguments, "-version"), own)


def test_a_missing_jar_names_the_folder_to_remove(own):
    assert f"remove the folder {own.cache / 'jars'}" in cure(said("-cp", "none.jar", "kafka.Kafka"), own)


def test_a_broken_jar_names_the_folder_to_remove(own, tmp_path):
    with zipfile.ZipFile(tmp_path / "kafka.jar", "w") as jar:
        jar.writestr("kafka/Kafka.class", b"no class")
    (tmp_path / "kafka.jar").write_bytes((tmp_path / "kafka.jar").read_bytes()[:40])
    assert f"remove the folder {own.cache / 'jars'}" in cure(said("-cp", f"{tmp_path}/*", "kafka.Kafka"), own)


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("java.net.BindException: Address already in use", "choose another port"),
        ("java.io.IOException: No space left on device", "make room"),
        ("java.nio.file.AccessDeniedException: /sky/kafka", "Make that file or folder yours"),
        ("java.lang.UnsupportedClassVersionError: kafka/Kafka", "$JAVA_HOME"),
        ("something that nobody foresaw", "`skysieve up` again"),
    ],
)
def test_other_failures(message, advice):
    assert advice in cure(message, Home.default())
