"""TLS: certificates are checked, and a mismatch is told at once."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbqueue import AccessDenied, ConfigurationError, run
from nbqueue.broker.connection import Address, open_redis, parse_url
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.broker.contacts import check, free_port, listener, tcp
from tests.certificates import Authority, authority, context, terminator
from tests.servers import running_server
from tests.waiting import SLACK
from tests.workers import running_worker


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*words.split(), *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls_port(certificate: tuple[Path, Path]) -> Iterator[int]:
    """A server that speaks TLS and answers PONG to all it is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def answer(client: socket.socket) -> None:
        try:
            with context.wrap_socket(client, server_side=True) as secure:
                while data := secure.recv(4_096):
                    secure.sendall(b"+OK\r\n" if b"CLIENT" in data else b"+PONG\r\n")
        except (OSError, ValueError):
            return

    with listener(answer) as port:
        yield port


async def test_a_certificate_is_checked(tls_port: int, certificate: tuple[Path, Path]) -> None:
    """An unknown authority and another host's name are refused at once; the right ones are taken."""
    trusted = Address(kind="tls", tls=True, host="localhost", port=tls_port, ca_file=str(certificate[0]))
    assert (await check(trusted))[0] is None
    for address, todo in (
        (tcp(tls_port, tls=True), "ssl_ca_certs"),
        (tcp(tls_port, tls=True, ca_file=str(certificate[0])), "name the host in NBQUEUE_URL as the certificate does"),
    ):
        error, took_s = await check(address)
        assert isinstance(error, AccessDenied)
        assert "showed a certificate that was refused" in str(error)
        assert todo in str(error)
        assert took_s < SLACK
    unchecked = tcp(tls_port, tls=True, ca_file=str(certificate[0]), check_hostname=False)
    assert (await check(unchecked))[0] is None


async def test_plain_speech_to_a_tls_server_is_told_at_once(tls_port: int) -> None:
    """redis:// to a server that wants rediss:// says so."""
    error, took_s = await check(tcp(tls_port))
    assert isinstance(error, AccessDenied), error
    assert "speaks TLS alone: write rediss:// instead of redis://" in str(error)
    assert took_s < SLACK


async def test_tls_to_a_plain_server_is_told_at_once() -> None:
    """rediss:// to a server that wants redis:// says so, although such a server keeps silent."""
    port = free_port()
    with running_server(port=str(port)):
        error, took_s = await check(tcp(port, tls=True))
    assert isinstance(error, AccessDenied)
    assert "does not speak TLS: write redis:// instead of rediss://" in str(error)
    assert took_s < 1.2 * SLACK


async def test_another_service_is_told_at_once() -> None:
    """What answers in another protocol is not taken for a server that is away."""
    with listener(lambda client: client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        error, took_s = await check(tcp(port))
    assert isinstance(error, AccessDenied)
    assert "does not speak Redis' protocol" in str(error)
    assert took_s < SLACK


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that signed all certificates of a team."""
    return authority(tmp_path_factory.mktemp("team"))


def secure(port: int, team: Authority, more: str = "") -> str:
    """The URL of a server that shows a certificate of the team."""
    return f"rediss://localhost:{port}?ssl_ca_certs={team.cert}{more}"


async def test_each_wrong_certificate_is_told_with_what_to_do(team: Authority, tmp_path: Path) -> None:
    """Signed by itself, by a stranger, for another host, or expired: refused within a second, and not asked again."""
    stranger = authority(tmp_path / "stranger")
    with running_server() as server:
        for pair, told in (
            (stranger.signed("localhost"), "name its authority with ?ssl_ca_certs=<file>"),
            (team.signed("elsewhere"), "name the host in NBQUEUE_URL as the certificate does"),
            (team.signed("localhost", days=-1), "(certificate has expired): renew it on the server"),
        ):
            with terminator(server.path, context(pair)) as port:
                error, took_s = await check(parse_url(secure(port, team)))
            assert isinstance(error, AccessDenied)
            assert told in str(error)
            assert took_s < SLACK
        with terminator(server.path, context(team.signed("localhost"))) as port:
            assert (await check(parse_url(secure(port, team))))[0] is None


async def test_a_server_may_ask_for_a_certificate_of_ours(team: Authority, tmp_path: Path) -> None:
    """Without one, or with one of somebody else's, it refuses, and the options are named; with ours it answers."""
    ours, theirs = team.signed("me"), authority(tmp_path / "stranger").signed("me")
    wanted = context(team.signed("localhost"), clients_of=team)
    with running_server() as server, terminator(server.path, wanted) as port:
        for more in ("", f"&ssl_certfile={theirs.cert}&ssl_keyfile={theirs.key}"):
            error, took_s = await check(parse_url(secure(port, team, more)))
            assert isinstance(error, AccessDenied), error
            assert "name it with ssl_certfile= and ssl_keyfile= in NBQUEUE_URL" in str(error)
            assert took_s < SLACK
        shown = f"&ssl_certfile={ours.cert}&ssl_keyfile={ours.key}"
        assert (await check(parse_url(secure(port, team, shown))))[0] is None


async def test_a_server_that_speaks_old_tls_alone_is_refused(team: Authority) -> None:
    """There is no falling back to what is not safe."""
    old = context(team.signed("localhost"))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with running_server() as server, terminator(server.path, old) as port:
        error, _ = await check(parse_url(secure(port, team)))
    assert isinstance(error, AccessDenied)
    assert "speaks no TLS that is safe (1.2 or later)" in str(error)


def test_a_file_that_is_not_there_is_told(team: Authority) -> None:
    """Before anything is sent, the option and the path are named."""
    for option in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        with pytest.raises(ConfigurationError, match=f"The file /nowhere of {option} in NBQUEUE_URL cannot be read"):
            open_redis(parse_url(f"rediss://localhost?ssl_ca_certs={team.cert}&{option}=/nowhere"))


def test_a_file_that_holds_something_else_is_told(team: Authority) -> None:
    """A key in the place of a certificate, and the other way round, is named with its option."""
    ours = team.signed("me")
    held = {"ssl_ca_certs": (ours.key, "certificate"), "ssl_keyfile": (ours.cert, "private key")}
    for option, (path, what) in held.items():
        with pytest.raises(ConfigurationError, match=f"The file {path} of {option} in NBQUEUE_URL holds no {what}"):
            open_redis(parse_url(f"rediss://localhost?{option}={path}"))


def test_jobs_run_over_tls(team: Authority, home: Path) -> None:
    """Client and worker show their certificates, check that of the server, and large arguments go through."""
    ours = team.signed("me")
    wanted = context(team.signed("localhost"), clients_of=team)
    with running_server() as server, terminator(server.path, wanted) as port:
        more = f"&ssl_certfile={ours.cert}&ssl_keyfile={ours.key}"
        worker = Settings(url=secure(port, team, more), home=home)
        configure(worker)
        with running_worker(worker, "--slots", "1"):
            assert run(len, b"x" * 300_000).wait(20) == 300_000
        shutdown()
