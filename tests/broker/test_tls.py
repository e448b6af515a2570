"""TLS: certificates are checked, and a mismatch is told at once."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbqueue.broker.connection import Address
from nbqueue.errors import AccessDenied
from tests.broker.contacts import check, free_port, listener, tcp
from tests.servers import running_server
from tests.waiting import SLACK


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
    for address in (tcp(tls_port, tls=True), tcp(tls_port, tls=True, ca_file=str(certificate[0]))):
        error, took_s = await check(address)
        assert isinstance(error, AccessDenied)
        assert "showed a certificate that was refused" in str(error)
        assert "ssl_ca_certs" in str(error)
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
