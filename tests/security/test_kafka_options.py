"""What may be said of a Kafka cluster: little, and the password shows nowhere."""

import logging
import pickle

import pytest
from skysieve.errors import SessionError
from skysieve.kafka_options import ALLOWED, VARIABLES, KafkaOptions
from skysieve.topics import Topics

PASSWORD = "correct-horse"
USER = {"sasl.username": "ada", "sasl.password": PASSWORD}
DANGEROUS = [
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "sasl.client.callback.handler.class",
    "sasl.login.class",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.oauthbearer.jwks.endpoint.url",
    "sasl.oauthbearer.config",
    "sasl.kerberos.kinit.cmd",
    "interceptor.classes",
    "metric.reporters",
    "security.providers",
    "ssl.engine.factory.class",
    "ssl.keystore.location",
    "ssl.key.location",
    "ssl.truststore.location",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
    "key.deserializer",
    "value.serializer",
    "partition.assignment.strategy",
    "config.providers",
    "config.providers.file.class",
    "plugin.library.paths",
    "ssl.engine.location",
    "kafka.sasl.jaas.config",
    "SASL.JAAS.CONFIG",
    "sasl_plain_password",
    "bootstrap.servers",
    "",
]


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    """An environment that says nothing of Kafka."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def ca(tmp_path, authority):
    path = tmp_path / "ca.pem"
    path.write_text(authority.pem)
    return str(path)


@pytest.mark.parametrize("name", DANGEROUS)
def test_an_option_that_is_not_listed_is_refused_by_its_name(name, monkeypatch, tmp_path):
    with pytest.raises(SessionError) as refused:
        KafkaOptions.named({**USER, name: "com.evil.Class"})
    assert f"option {name!r} is refused" in str(refused.value)
    assert all(allowed in str(refused.value) for allowed in ALLOWED)
    file = tmp_path / "client.properties"
    file.write_text(f"{name}=com.evil.Class\n")
    monkeypatch.setenv("SKYSIEVE_KAFKA_OPTIONS", str(file))
    with pytest.raises(SessionError, match="is refused") as refused:
        KafkaOptions.named()
    assert str(file) in str(refused.value)
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("sasl.jaas.config", "Give sasl.username and sasl.password"),
        ("ssl.truststore.location", "Write ssl.ca.location"),
        ("sasl.mechanisms", r"Write sasl.mechanism\."),
        ("sasl.usernam", "Did you mean sasl.username"),
    ],
)
def test_a_refused_option_says_what_to_write_instead(name, cure):
    with pytest.raises(SessionError, match=cure):
        KafkaOptions.of({name: "x"})


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"security.protocol": "TLS"}, "'TLS' is none of PLAINTEXT, SSL"),
        ({"sasl.mechanism": "GSSAPI", **USER}, "'GSSAPI' is none of SCRAM-SHA-512"),
        ({"sasl.mechanism": "OAUTHBEARER", **USER}, "'OAUTHBEARER' is none of"),
        ({"sasl.username": "ada"}, "the password is missing: set .*SKYSIEVE_KAFKA_PASSWORD_FILE"),
        ({"sasl.password": PASSWORD}, "the user is missing"),
        ({"security.protocol": "SASL_SSL"}, "the user is missing"),
        ({"security.protocol": "SSL", **USER}, "have no meaning with security.protocol=SSL"),
        ({"security.protocol": "PLAINTEXT", **USER}, "write SASL_SSL"),
        (
            {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", **USER},
            "PLAIN sends the password",
        ),
        ({**USER, "sasl.username": "ada,r=x"}, "no user name for Kafka"),
        ({**USER, "sasl.username": "ada\n"}, "no user name for Kafka"),
        ({"ssl.ca.location": "/nowhere/ca.pem"}, "/nowhere/ca.pem, which cannot be read: No such file"),
    ],
)
def test_what_contradicts_itself_is_refused_without_the_password(said, message):
    with pytest.raises(SessionError, match=message) as refused:
        KafkaOptions.of(said)
    assert PASSWORD not in str(refused.value)


def test_an_authority_needs_tls(ca):
    with pytest.raises(
        SessionError, match=r"ssl\.ca\.location has no meaning with security\.protocol=PLAINTEXT"
    ):
        KafkaOptions.of({"security.protocol": "PLAINTEXT", "ssl.ca.location": ca})


def test_with_a_user_it_is_encrypted_unless_told_otherwise(ca):
    assert KafkaOptions.of({}).protocol == "PLAINTEXT"
    assert KafkaOptions.of({"ssl.ca.location": ca}).protocol == "SSL"
    assert (KafkaOptions.of(USER).protocol, KafkaOptions.of(USER).mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    plain = {"security.protocol": "SASL_PLAINTEXT", **USER}
    assert KafkaOptions.of(plain).protocol == "SASL_PLAINTEXT"


def test_each_client_is_told_the_same_in_its_own_words(ca):
    options = KafkaOptions.of({**USER, "ssl.ca.location": ca})
    assert options.for_kafka_python() == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ada",
        "sasl_plain_password": PASSWORD,
        "ssl_cafile": ca,
    }
    assert options.for_librdkafka() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ada",
        "sasl.password": PASSWORD,
        "ssl.ca.location": ca,
    }
    spark = options.for_spark()
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    assert spark.pop("kafka.ssl.truststore.certificates") == options.authorities
    assert spark == {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": f'{login} username="ada" password="correct\\055horse";',
        "kafka.ssl.truststore.type": "PEM",
    }


def test_a_cluster_without_users_is_told_of_none():
    assert KafkaOptions().for_spark() == {"kafka.security.protocol": "PLAINTEXT"}
    assert KafkaOptions().for_kafka_python() == {"security_protocol": "PLAINTEXT"}
    assert KafkaOptions().for_librdkafka() == {"security.protocol": "PLAINTEXT"}


def test_plain_has_a_login_module_of_its_own():
    said = KafkaOptions.of({"sasl.mechanism": "PLAIN", **USER}).for_spark()
    assert said["kafka.sasl.jaas.config"].startswith(
        "org.apache.kafka.common.security.plain.PlainLoginModule required"
    )


@pytest.mark.parametrize(
    "password", ['a"; evil required;', "back\\slash", "${env:HOME}", "tab\tand\nline", "ü'€"]
)
def test_no_password_can_end_its_quotation_in_java(password):
    line = KafkaOptions.of({**USER, "sasl.password": password}).for_spark()["kafka.sasl.jaas.config"]
    before, quoted, after = line.partition("password=")[2].split('"')
    assert (before, after) == ("", ";")
    assert unquoted(quoted) == password


def unquoted(text):
    """As Java's StreamTokenizer reads what is between quotation marks."""
    parts = text.split("\\")
    return parts[0] + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts[1:])


def test_no_repr_shows_the_password(ca):
    options = KafkaOptions.of({**USER, "ssl.ca.location": ca})
    topics = Topics("localhost:9092", options)
    shown = [options, topics, options.for_kafka_python(), options.for_librdkafka(), options.for_spark()]
    for one in shown:
        assert "correct" not in f"{one!r} {one}"
    assert "user='ada'" in repr(options)
    assert pickle.loads(pickle.dumps(options)) == options


def test_kafka_python_logs_its_settings_without_the_password(caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(SessionError):
        Topics("127.0.0.1:1", KafkaOptions.of(USER)).names()
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    settings = KafkaOptions.of(USER).for_kafka_python() | {"bootstrap_timeout_ms": 1}
    with caplog.at_level(logging.DEBUG), pytest.raises(KafkaError):
        KafkaAdminClient(bootstrap_servers="127.0.0.1:1", **settings)
    assert "sasl_plain_username" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_file_has_a_line_for_each_option(tmp_path, monkeypatch):
    file = tmp_path / "client.properties"
    file.write_text(
        "# ours\n\nsasl.mechanism = SCRAM-SHA-256\n! more\nsasl.username=ada\nsasl.password=a=b #c\n"
    )
    monkeypatch.setenv("SKYSIEVE_KAFKA_OPTIONS", str(file))
    options = KafkaOptions.named()
    assert (options.mechanism, options.user, options.password) == ("SCRAM-SHA-256", "ada", "a=b #c")


def test_a_line_that_is_no_option_is_named_by_its_number(tmp_path, monkeypatch):
    file = tmp_path / "client.properties"
    file.write_text(f"sasl.username=ada\n{PASSWORD}\n")
    monkeypatch.setenv("SKYSIEVE_KAFKA_OPTIONS", str(file))
    with pytest.raises(SessionError, match=f"Line 2 of {file} is no option") as refused:
        KafkaOptions.named()
    assert PASSWORD not in str(refused.value)


def test_user_and_password_come_from_the_environment_or_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_KAFKA_USER", "ada")
    monkeypatch.setenv("SKYSIEVE_KAFKA_PASSWORD", PASSWORD)
    assert (KafkaOptions.named().user, KafkaOptions.named().password) == ("ada", PASSWORD)
    file = tmp_path / "password"
    file.write_text(f" {PASSWORD} \n")
    monkeypatch.setenv("SKYSIEVE_KAFKA_PASSWORD_FILE", str(file))
    with pytest.raises(SessionError, match="SKYSIEVE_KAFKA_PASSWORD_FILE are both set"):
        KafkaOptions.named()
    monkeypatch.delenv("SKYSIEVE_KAFKA_PASSWORD")
    assert KafkaOptions.named().password == f" {PASSWORD} "


def test_a_password_that_was_changed_in_its_file_is_told_to_the_next_client(tmp_path, monkeypatch):
    file = tmp_path / "password"
    file.write_text("the-old-one")
    monkeypatch.setenv("SKYSIEVE_KAFKA_USER", "ada")
    monkeypatch.setenv("SKYSIEVE_KAFKA_PASSWORD_FILE", str(file))
    options, given = KafkaOptions.named(), KafkaOptions.named({"sasl.password": PASSWORD})
    file.write_text("the-new-one")
    assert options.for_librdkafka()["sasl.password"] == "the-new-one"
    assert options.for_kafka_python()["sasl_plain_password"] == "the-new-one"
    assert "the\\055new\\055one" in options.for_spark()["kafka.sasl.jaas.config"]
    assert given.for_librdkafka()["sasl.password"] == PASSWORD
    assert "the-" not in repr(options)
    assert KafkaOptions.named({"sasl.password": "other"}).password == "other"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read: No such file"), (b"\n", "is empty"), (b"\xff\xfe", "is no text")],
)
def test_a_password_file_that_holds_none_is_named(tmp_path, monkeypatch, content, message):
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SKYSIEVE_KAFKA_PASSWORD_FILE", str(file))
    with pytest.raises(SessionError, match=rf"\$SKYSIEVE_KAFKA_PASSWORD_FILE names {file}, which {message}"):
        KafkaOptions.named()


def test_of_the_authority_s_file_only_the_certificates_go_on(tmp_path, authority):
    file = tmp_path / "all.pem"
    file.write_text(f"{authority.pem}\n{authority.private}\nand a note\n")
    options = KafkaOptions.of({"ssl.ca.location": str(file)})
    assert options.authorities.count("BEGIN CERTIFICATE") == 1
    assert "PRIVATE" not in options.authorities
    assert "note" not in options.authorities


@pytest.mark.parametrize(
    "content", ["root:x:0:0", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"]
)
def test_another_file_is_no_authority_and_is_not_shown(tmp_path, content):
    file = tmp_path / "passwd"
    file.write_text(content)
    with pytest.raises(SessionError, match="holds no certificate: it must be a PEM file") as refused:
        KafkaOptions.of({"ssl.ca.location": str(file)})
    assert "x:0:0" not in str(refused.value)
