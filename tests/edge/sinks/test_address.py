import pytest

from edge.errors import UsageError
from edge.sinks.address import Address, is_loopback, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("", "127.0.0.1", 8080),
        ("9000", "127.0.0.1", 9000),
        (":9000", "127.0.0.1", 9000),
        ("localhost", "localhost", 8080),
        ("localhost:0", "localhost", 0),
        ("[::1]:8000", "::1", 8000),
        ("::1", "::1", 8080),
    ],
)
def test_address_is_read(text: str, host: str, port: int):
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize("text", ["0.0.0.0:80", "192.168.1.2", "[::]:80", "shed.local:8080"])
def test_address_that_others_reach_is_refused_with_the_cure(text: str):
    with pytest.raises(UsageError, match=r"everybody on the network.*ssh -L"):
        parse_address(text)


@pytest.mark.parametrize("text", ["localhost:x", "localhost:65536", "127.0.0.1:-1"])
def test_wrong_port_is_a_usage_error(text: str):
    with pytest.raises(UsageError, match="0 to 65535"):
        parse_address(text)


def test_loopback_is_told_from_the_rest():
    assert is_loopback("127.1.2.3")
    assert not is_loopback("localhost.example.org")


def test_url_has_brackets_where_they_belong():
    assert Address("::1", 80).url() == "http://[::1]:80/"
