"""Settings come from one table, the nearer source wins, and all bad values are told together."""

from __future__ import annotations

from pathlib import Path

import pytest

from reactor_runtime.config import SETTINGS, Config, environment, load, weights_roots, weights_store
from reactor_runtime.config_values import PortRange, TurnServer
from reactor_runtime.errors import OperatorError


def manifest(**server: object) -> dict[str, object]:
    return {"runtime": {"import": "model:M", "server": server}}


def test_nothing_given_means_the_defaults() -> None:
    assert load({}, {}, None) == Config()
    assert Config().http.host == "127.0.0.1"
    assert Config().session.orphan_timeout == 30


def test_a_flag_wins_over_the_environment_and_that_over_the_manifest() -> None:
    yaml = manifest(port=1001, host="10.0.0.1", workers=3)
    env = {"PORT": "1002", "HOST": "10.0.0.2"}
    config = load({"port": "1003"}, env, yaml)
    assert (config.http.port, config.http.host, config.model.workers) == (1003, "10.0.0.2", 3)


def test_a_bad_value_that_a_nearer_source_overrides_is_no_problem() -> None:
    assert load({"port": "1003"}, {"PORT": "many"}, None).http.port == 1003


def test_an_empty_environment_value_counts_as_not_set() -> None:
    assert load({}, {"PORT": ""}, None).http.port == 8080


def test_every_bad_value_is_reported_with_its_source_in_one_line() -> None:
    with pytest.raises(OperatorError) as caught:
        load(
            {"port": "many", "runtime": "carrier-pigeon"},
            {"ORPHAN_TIMEOUT_SECONDS": "-1", "REACTOR_LOG_FORMAT": "xml", "REACTOR_HEARTBEAT_TIMEOUT": "nan"},
            manifest(worker=2, max_body_bytes=[1]),
        )
    text = str(caught.value)
    assert "\n" not in text
    for part in (
        "--port must be a whole number (got 'many')",
        "--runtime must be one of http, headless (got 'carrier-pigeon')",
        "ORPHAN_TIMEOUT_SECONDS must be at least 0 (got '-1')",
        "REACTOR_LOG_FORMAT must be one of text, json (got 'xml')",
        "REACTOR_HEARTBEAT_TIMEOUT must be a finite number",
        "runtime.server.worker in reactor.yaml is no setting; did you mean 'workers'?",
        "runtime.server.max_body_bytes in reactor.yaml must be a whole number",
    ):
        assert part in text


@pytest.mark.parametrize("port", ["65536", "-1", "80.5", "", "0x50"])
def test_a_port_out_of_range_or_no_number_is_refused(port: str) -> None:
    with pytest.raises(OperatorError, match="--port"):
        load({"port": port}, {}, None)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("ON", True), ("no", False), ("0", False)])
def test_switches_take_the_usual_words(text: str, value: bool) -> None:
    assert load({}, {"REACTOR_IN_PROCESS": text}, None).model.in_process is value


def test_a_switch_takes_no_other_word() -> None:
    with pytest.raises(OperatorError, match="REACTOR_IN_PROCESS must be true or false"):
        load({}, {"REACTOR_IN_PROCESS": "maybe"}, None)


def test_ice_servers_come_as_a_comma_separated_list_or_a_yaml_list_or_repeated_flags() -> None:
    urls = ("stun:a:3478", "stun:b:3478")
    assert load({}, {"STUN_SERVERS": "stun:a:3478, stun:b:3478"}, None).webrtc.ice_servers == urls
    assert load({}, {}, manifest(ice_servers=list(urls))).webrtc.ice_servers == urls
    assert load({"ice_servers": list(urls)}, {}, None).webrtc.ice_servers == urls
    assert load({"ice_servers": [", ".join(urls)]}, {}, None).webrtc.ice_servers == urls


def test_turn_servers_carry_user_credential_and_url() -> None:
    config = load({}, {"TURN_SERVERS": "me;hush;turn:t:3478,you;still;turns:u:5349"}, None)
    assert config.webrtc.turn_servers == (
        TurnServer("turn:t:3478", "me", "hush"),
        TurnServer("turns:u:5349", "you", "still"),
    )


def test_a_turn_credential_never_shows() -> None:
    assert "hush" not in repr(load({}, {"TURN_SERVERS": "me;hush;turn:t:3478"}, None))
    with pytest.raises(OperatorError) as caught:
        load({}, {"TURN_SERVERS": "me;hush"}, None)
    assert "hush" not in str(caught.value)


def test_overrides_keep_their_spaces() -> None:
    assert load({"overrides": ["prompt= a  b "]}, {}, None).model.overrides == ("prompt= a  b ",)


def test_verbose_means_log_level_debug() -> None:
    assert load({"verbose": True}, {"REACTOR_LOG_LEVEL": "error"}, None).log.level == "debug"


def test_a_server_block_that_is_no_mapping_is_reported() -> None:
    with pytest.raises(OperatorError, match=r"runtime\.server in reactor\.yaml must be a mapping"):
        load({}, {}, {"runtime": {"server": "8080"}})


@pytest.mark.parametrize("content", [{}, {"runtime": None}, {"model": "model:M"}, {"runtime": "x"}])
def test_manifests_without_a_server_block_are_fine(content: dict[str, object]) -> None:
    assert load({}, {}, content) == Config()


def test_no_two_settings_share_a_name_flag_or_environment_name() -> None:
    names = [row.name for row in SETTINGS]
    flags = [flag for row in SETTINGS for flag in row.flags]
    env = [row.env for row in SETTINGS if row.env]
    for words in (names, flags, env):
        assert len(words) == len(set(words))


def test_weights_lie_where_the_environment_says_else_the_manifest_else_beside_the_model_else_in_the_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = Path.home() / ".cache" / "reactor_registry"
    monkeypatch.setenv("REACTOR_WEIGHTS_PATH", "/models")
    roots = weights_roots(Path("/declared"), Path("/model/weights"))
    assert roots == (Path("/models"), Path("/declared"), Path("/model/weights"), cache)
    monkeypatch.delenv("REACTOR_WEIGHTS_PATH")
    assert weights_roots(Path("/declared")) == (Path("/declared"), cache)
    assert weights_roots() == (cache,)


def test_the_store_of_weights_is_the_environments_under_either_name_else_the_manifests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REACTOR_WEIGHTS_STORE", raising=False)
    monkeypatch.delenv("REACTOR_MODELS_BUCKET", raising=False)
    assert (weights_store(), weights_store("hf://org")) == (None, "hf://org")
    monkeypatch.setenv("REACTOR_MODELS_BUCKET", "bucket-of-generation-1")
    assert weights_store("hf://org") == "bucket-of-generation-1"
    assert load({}, environment(), None).model.weights_store == "bucket-of-generation-1"
    monkeypatch.setenv("REACTOR_WEIGHTS_STORE", "gs://ours")
    assert weights_store("hf://org") == "gs://ours"
    assert load({"weights_store": "b"}, environment(), None).model.weights_store == "b"


def test_a_turn_server_may_leave_its_credentials_to_the_secret() -> None:
    env = {"TURN_SERVERS": "turn:t:3478,turns:t:443?transport=tcp", "REACTOR_TURN_SECRET": "hush"}
    config = load({}, env, None)
    assert config.webrtc.turn_servers == (TurnServer("turn:t:3478"), TurnServer("turns:t:443?transport=tcp"))
    assert config.webrtc.turn_secret == "hush"
    assert "hush" not in repr(config)
    with pytest.raises(OperatorError, match=r"turn:t:3478 needs .* REACTOR_TURN_SECRET"):
        load({}, {"TURN_SERVERS": "turn:t:3478"}, None)


@pytest.mark.parametrize("url", ["t:3478", "stun:", "http://t", "turn:t:3478", "stun:t:3478?transport=tcp", "stun:t/x"])
def test_what_is_no_stun_server_is_refused_before_a_client_comes(url: str) -> None:
    with pytest.raises(OperatorError, match="STUN_SERVERS must be"):
        load({}, {"STUN_SERVERS": url}, None)


@pytest.mark.parametrize(
    "value", ["me;hush;t:3478", "me;hush;stun:t", "me;;turn:t", ";hush;turn:t", "me;turn:t", "turn:"]
)
def test_what_is_no_turn_server_is_refused_before_a_client_comes(value: str) -> None:
    with pytest.raises(OperatorError, match="TURN_SERVERS must be"):
        load({}, {"TURN_SERVERS": value, "REACTOR_TURN_SECRET": "hush"}, None)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("50000-50100", PortRange(50000, 50100)),
        ("50000:50100", PortRange(50000, 50100)),
        ("50000", PortRange(50000, 50000)),
        (":1100", PortRange(1024, 1100)),
        ("65000:", PortRange(65000, 65535)),
    ],
)
def test_udp_ports_are_one_or_a_range_with_either_end_open(text: str, ports: PortRange) -> None:
    assert load({"udp_ports": text}, {}, None).webrtc.udp_ports == ports
    assert load({}, {}, manifest(udp_ports=text)).webrtc.udp_ports == ports


def test_one_udp_port_may_stand_in_yaml_as_a_number() -> None:
    found = load({}, {}, manifest(udp_ports=50000)).webrtc.udp_ports
    assert found is not None
    assert (str(found), len(found)) == ("50000", 1)


@pytest.mark.parametrize("text", ["80", "50100-50000", "50000-70000", "-", ":", "", "many", "50000,50001"])
def test_udp_ports_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(OperatorError, match="--udp-ports must be one port or a range"):
        load({"udp_ports": text}, {}, None)


def test_advertised_addresses_are_addresses() -> None:
    given = {"REACTOR_ADVERTISED_ADDRESS": "203.0.113.5, 2001:DB8:0::5"}
    assert load({}, given, None).webrtc.advertised_address == ("203.0.113.5", "2001:db8::5")
    with pytest.raises(OperatorError, match="must be an IPv4 or IPv6 address, not a name"):
        load({}, {"REACTOR_ADVERTISED_ADDRESS": "example.org"}, None)


def test_development_is_off_unless_somebody_asks_for_it() -> None:
    assert not Config().log.development
    assert load({"development": True}, {}, None).log.development
    assert load({}, {"REACTOR_DEVELOPMENT": "1"}, None).log.development
    assert load({}, {}, manifest(development=True)).log.development
    (row,) = [row for row in SETTINGS if row.name == "development"]
    assert row.flags == ("--dev",)
    assert "Show clients" in row.doc
