"""A server's URL: read as it is meant, and never shown with its password."""

import pickle
import re
import traceback
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.errors import ConfigurationError, NotSendable

SECRET = "S3cr3t%40/#"
ENCODED = "S3cr3t%2540%2F%23"


@pytest.mark.parametrize(
    ("url", "text", "fields"),
    [
        ("redis://host", "redis://host:6379/0", {"kind": "tcp", "host": "host", "port": 6379}),
        ("redis://", "redis://localhost:6379/0", {"host": "localhost"}),
        ("redis://h:1/2", "redis://h:1/2", {"port": 1, "database": 2}),
        ("redis://h?db=3", "redis://h:6379/3", {"database": 3}),
        ("redis://[::1]:7/0", "redis://[::1]:7/0", {"host": "::1", "port": 7}),
        ("redis://me:pw@h", "redis://h:6379/0", {"username": "me", "password": "pw"}),
        (f"redis://:{ENCODED}@h", "redis://h:6379/0", {"username": None, "password": SECRET}),
        ("redis://:a@b@h", "redis://h:6379/0", {"password": "a@b"}),
        ("redis://h?password=a+b%26", "redis://h:6379/0", {"password": "a+b&"}),
        ("rediss://h", "rediss://h:6379/0", {"kind": "tls", "tls": True, "check_hostname": True}),
        (
            "rediss://h?ssl_ca_certs=/c.pem&ssl_check_hostname=false",
            "rediss://h:6379/0",
            {"ca_file": "/c.pem", "check_hostname": False},
        ),
        ("unix:///run/a%20b?db=2&password=pw", "unix:///run/a b?db=2", {"path": "/run/a b", "password": "pw"}),
        ("unix://u:p@/run/s", "unix:///run/s", {"username": "u", "password": "p"}),
        (
            "redis+sentinel://a:1,b/main/4",
            "redis+sentinel://a:1,b:26379/main/4",
            {"kind": "sentinel", "sentinels": (("a", 1), ("b", 26379)), "master": "main", "database": 4},
        ),
        ("rediss+sentinel://a/m", "rediss+sentinel://a:26379/m/0", {"tls": True}),
    ],
)
def test_a_url_is_read(url: str, text: str, fields: dict[str, object]) -> None:
    """Each kind of URL gives its address, and the address's text is a URL without the password."""
    address = parse_url(url)
    assert str(address) == text
    assert {name: getattr(address, name) for name in fields} == fields


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{SECRET}@host",
        f"{SECRET}",
        f"redis:{SECRET}",
        f"redis://:{SECRET}@host:6379/0",
        "redis://:S3cr3t/x@host:6379/0",
        "redis://S3cr3t#x@host:6379/0",
        "redis://S3cr3t?x@host:6379/0",
        "redis://:S3cr3t@host:port/0",
        "redis://:S3cr3t@host:0",
        "redis://:S3cr3t@host:70000",
        "redis://:S3cr3t@ho st",
        "redis://:S3cr3t@host/minus",
        "redis://:S3cr3t@host/-1",
        "redis://:S3cr3t@host/99999999999",
        "redis://:S3cr3t%FF@host",
        "redis://host?passwort=S3cr3t",
        "rediss://:S3cr3t@host?ssl_check_hostname=S3cr3t",
        "unix://S3cr3t/socket",
        "unix://?password=S3cr3t",
        "redis+sentinel://:S3cr3t@a:1",
    ],
)
def test_a_wrong_url_is_told_without_its_secret(url: str) -> None:
    """One sentence says what to write; neither it, nor what caused it, nor a local variable holds the secret."""
    with pytest.raises(ConfigurationError) as caught:
        parse_url(url)
    told = caught.value
    assert "NBQUEUE_URL" in str(told)
    assert "S3cr3t" not in f"{told} {told.__cause__} {told.__context__}"
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(told.__traceback__)][1:]
    assert "S3cr3t" not in repr(frames)


@given(st.text(min_size=1).filter(lambda text: not any("\ud800" <= each <= "\udfff" for each in text)))
def test_any_password_can_be_written(password: str) -> None:
    """Percent-encoded, every password is read as it is."""
    address = parse_url(f"redis://:{quote(password, safe='')}@host:6379/0")
    assert address.password == password
    assert parse_url(f"unix:///s?password={quote(password, safe='')}").password == password


def test_an_address_never_shows_its_password() -> None:
    """Text, repr and a client's repr hold no password, and a pickle is refused."""
    address = parse_url(f"redis://user:{ENCODED}@host")
    client = open_redis(address)
    assert "S3cr3t" not in f"{address} {address!r} {client!r} {client.connection_pool!r}"
    with pytest.raises(NotSendable):
        pickle.dumps(address)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "ssl_ca_cert",
            'the option "ssl_ca_cert", which is not known (is ssl_ca_certs meant?): the options are ',
        ),
        ("socket_timeout", 'the option "socket_timeout", which is another library\'s: the options are db, username'),
        ("S3cr3t@host", "an unknown option: the options are db, username, password, ssl_ca_certs"),
    ],
)
def test_an_option_that_is_not_known_is_named(option: str, said: str) -> None:
    """With the one that is meant, and all there are; what may be the rest of a password is not repeated."""
    with pytest.raises(ConfigurationError, match=f"NBQUEUE_URL has {re.escape(said)}"):
        parse_url(f"rediss://host:6379/0?{option}=/ca.crt")
