"""Webhooks: which URLs can be meant, which hosts and addresses a worker allows."""

import random

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model.delivery import CAP_S, Patience
from nbqueue.model.options import Options, check
from nbqueue.model.webhook import HostRules, on_done, webhook


@pytest.mark.parametrize(
    ("given", "url", "target"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/", "hooks.example.com:443"),
        ("HTTPS://Hooks.Example.com:443/a?b=c", "https://hooks.example.com/a?b=c", "hooks.example.com:443"),
        ("http://host:8080/x", "http://host:8080/x", "host:8080"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x", "[::1]:8080"),
        ("http://192.0.2.1", "http://192.0.2.1/", "192.0.2.1:80"),
    ],
)
def test_a_url_is_taken_apart(given: str, url: str, target: str) -> None:
    """Scheme and host in lower case, the port of the scheme where none is given."""
    found = webhook(given)
    assert (found.url, found.target) == (url, target)
    assert webhook(url) == found


@pytest.mark.parametrize(
    "given",
    [
        "ftp://host/", "file:///etc/passwd", "host/path", "https://", "https:///path", "https://host/#part",
        "https://host:0/", "https://host:99999/", "https://host:x/", "https://ho st/", "https://host/\n", "https://höst/",
        "https://host\\@evil.example/", "https://host./", "https://-host/", "http://127.1/", "http://0x7f000001/",
        "http://2130706433/", "http://0177.0.0.1/", "http://[fe80::1%25eth0]/", "http://[::1/",
        "https://h/" + "a" * 2000, "", 7, b"https://host/",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_meant_is_refused(given: object) -> None:
    """Other schemes, odd ways to write an address, control characters, what is too long: one sentence each."""
    with pytest.raises(ConfigurationError, match=r"^The webhook .* cannot be used: .*\.$"):
        webhook(given)


@pytest.mark.parametrize("given", ["https://user@host/", "https://user:word@host/", "https://@host/"])
def test_a_url_holds_no_password(given: str) -> None:
    """User and password in a URL are refused, and not repeated in the sentence."""
    with pytest.raises(ConfigurationError) as refused:
        webhook(given)
    assert str(refused.value).startswith("A webhook's URL cannot hold a user name or password")


@pytest.mark.parametrize(
    ("names", "url", "allowed"),
    [
        ("hooks.example.com", "https://hooks.example.com/", True),
        ("hooks.example.com", "http://hooks.example.com/", True),
        ("HOOKS.example.com", "https://hooks.example.com/", True),
        ("hooks.example.com", "https://hooks.example.com:8443/", False),
        ("hooks.example.com:8443", "https://hooks.example.com:8443/", True),
        ("hooks.example.com:*", "https://hooks.example.com:8443/", True),
        ("hooks.example.com", "https://evil.hooks.example.com/", False),
        ("hooks.example.com", "https://hooks.example.com.evil/", False),
        ("*.corp.example", "https://a.b.corp.example/", True),
        ("*.corp.example", "https://corp.example/", False),
        ("*.corp.example", "https://evilcorp.example/", False),
        ("*", "https://anything/", True),
        ("[::1]:8080", "http://[::1]:8080/", True),
        ("a.example,b.example", "https://b.example/", True),
        ("", "https://b.example/", False),
    ],
)
def test_hosts_are_allowed_by_name_and_port(names: str, url: str, *, allowed: bool) -> None:
    """A name stands for the ports 443 and 80; *. for what is below a domain, not for the domain itself."""
    assert HostRules.of(filter(None, names.split(","))).allows(webhook(url)) is allowed


@pytest.mark.parametrize(
    "name", ["https://host", "host/path", "host:", "host:x", "a$b", "*.*.x", "a.*.x", "h:0", "u@h"]
)
def test_a_host_that_cannot_be_meant_is_refused(name: str) -> None:
    """What is no name, or has the star elsewhere than in front, gives one sentence."""
    with pytest.raises(ConfigurationError, match=r"^--webhook-hosts .* cannot be used: .*\.$"):
        HostRules.of([name])


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", ""), ("2606:4700::1111", ""), ("127.0.0.1", "loopback"), ("127.8.9.1", "loopback"),
        ("::1", "loopback"), ("10.0.0.1", "private"), ("172.16.3.4", "private"), ("192.168.1.1", "private"),
        ("100.64.0.1", "private"), ("fd00::1", "private"), ("fec0::1", "private"), ("169.254.169.254", "link-local"),
        ("fe80::1%3", "link-local"), ("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("0.0.0.0", "unspecified"),
        ("::", "unspecified"), ("240.0.0.1", "reserved"), ("255.255.255.255", "reserved"),
        ("::ffff:127.0.0.1", "loopback"), ("::ffff:10.1.1.1", "private"), ("::ffff:8.8.8.8", ""),
        ("64:ff9b::7f00:1", "loopback"), ("64:ff9b::808:808", ""), ("2002:7f00:1::", "loopback"),
        ("2002:a00:1::", "private"), ("::7f00:1", "reserved"),
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_internet(address: str, kind: str) -> None:
    """They are named by what they are, also where an IPv6 address leads to an IPv4 one."""
    assert HostRules.of(["*"]).forbids(address) == kind
    allowed = kind in {"", "private", "loopback", "link-local"}
    assert (HostRules.of(["*"], private=True).forbids(address) == "") is allowed


def test_what_on_done_takes() -> None:
    """A callable, a URL, or a list of callables with at most one URL; only the URL travels."""
    options = check(on_done=[print, "https://Host/x", len])
    assert options.on_done == (print, "https://host/x", len)
    assert options.webhook_url == "https://host/x"
    assert options.to_wire() == {"on_done": "https://host/x"}
    assert Options.from_wire(options.to_wire()).on_done == ("https://host/x",)
    assert check(on_done=print).to_wire() == {}
    with pytest.raises(ConfigurationError, match="takes one URL"):
        on_done(["https://a/", "https://b/"])
    with pytest.raises(ConfigurationError, match="give a callable"):
        on_done(7)


def test_waits_grow_to_a_bound() -> None:
    """Eight attempts take some hours; chance spreads each wait, and a receiver may ask for more, up to a bound."""
    patience, chance = Patience(), random.Random(1)
    waits = [patience.wait_s(attempt, chance) for attempt in range(1, patience.tries)]
    assert all(0.8 * 5 * 4**n <= wait <= 1.2 * 5 * 4**n for n, wait in enumerate(waits))
    assert 4 * 3600 < sum(waits) < 12 * 3600
    assert patience.wait_s(1, chance, asked_s=60) == 60
    assert patience.wait_s(1, chance, asked_s=10**6) == CAP_S == patience.wait_s(100, chance)
