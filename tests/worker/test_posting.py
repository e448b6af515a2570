"""One POST to a webhook: what is sent, where to, and what each answer means."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbqueue.model.webhook import HostRules, webhook
from nbqueue.worker import posting
from nbqueue.worker.posting import Answer, NotSent, Place, Poster, Resolve
from tests.receivers import Receiver, certificate, receiver, status
from tests.waiting import SLACK

#: everything is allowed, this machine too
OPEN = HostRules.of(["*:*"], private=True)


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """Somebody who listens."""
    with receiver() as hooks:
        yield hooks


@pytest.fixture
def _fresh_tls() -> Iterator[None]:
    """The authorities are read anew."""
    posting._tls.cache_clear()
    yield
    posting._tls.cache_clear()


def resolver(*answers: Sequence[str], asked: list[str] | None = None) -> Resolve:
    """Gives these addresses in turn, whatever the name; the last ones again and again."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[Place]:
        if asked is not None:
            asked.append(host)
        now = left.pop(0) if len(left) > 1 else left[0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in address], (address, port)) for address in now]

    return resolve


@contextmanager
def speaking(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection what `answer` does; its URL."""

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                try:
                    client.recv(65_536)
                    answer(client)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)


async def test_a_message_is_posted(hooks: Receiver) -> None:
    """Body and headers as given, the Host line with the port, and no more than one request a connection."""
    answer = await Poster(OPEN).post(webhook(hooks.url + "?a=b"), {"webhook-id": "m"}, b'{"x": 1}')
    assert answer == Answer(status=204)
    [message] = hooks.messages
    assert (message.path, message.json, message.headers["webhook-id"]) == ("/word?a=b", {"x": 1}, "m")
    assert (message.headers["host"], message.headers["connection"]) == (hooks.host, "close")


async def test_a_receiver_may_say_when(hooks: Receiver) -> None:
    """Retry-After in seconds is told with the status."""
    hooks.replies = [status(503, retry_after="17")]
    assert await Poster(OPEN).post(webhook(hooks.url), {}, b"") == Answer(status=503, retry_after_s=17.0)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.0 202\r\n\r\n", 202),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", 201),
        (b"HTTP/1.1 200 OK\r\nx: " + 100_000 * b"a", 200),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + 1_000_000 * b"b", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "127.0.0.1:{} gave interim answers only."),
        (b"SSH-2.0-OpenSSH_9\r\n", "127.0.0.1:{} did not answer in HTTP/1.1."),
        (b"", "127.0.0.1:{} did not answer in HTTP/1.1."),
        (100_000 * b"a", "127.0.0.1:{} did not answer in HTTP/1.1."),
    ],
)
async def test_odd_answers(answer: bytes, told: int | str) -> None:
    """The first line is what counts; what goes on for ever is not read, what is no HTTP is said to be none."""
    with speaking(lambda client: client.sendall(answer)) as url:
        try:
            found: int | str = (await Poster(OPEN).post(webhook(url), {}, b"{}")).status
        except NotSent as error:
            found = str(error)
        assert found == (told if isinstance(told, int) else told.format(webhook(url).port))


async def test_a_receiver_that_drips_is_left() -> None:
    """One time limit holds for all: a byte now and then does not draw it out."""

    def drip(client: socket.socket) -> None:
        for letter in b"HTTP/1.1 200 OK\r\n" * 10:
            client.send(bytes([letter]))
            time.sleep(0.05)

    with speaking(drip) as url:
        begun = time.monotonic()
        with pytest.raises(NotSent, match=r"did not answer within 0.3 s\.$"):
            await Poster(OPEN, time_limit_s=0.3).post(webhook(url), {}, b"")
        assert time.monotonic() - begun < 2 * SLACK


async def test_nobody_listens() -> None:
    """A refused connection and a name without address are told in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotSent, match=rf"^127.0.0.1:{port} cannot be reached: .*refused.*\.$"):
        await Poster(OPEN).post(webhook(f"http://127.0.0.1:{port}/"), {}, b"")
    with pytest.raises(NotSent, match=r"^no-such-name.invalid:80 cannot be reached: .*\.$"):
        await Poster(OPEN).post(webhook("http://no-such-name.invalid/"), {}, b"")


async def test_the_next_address_is_tried(hooks: Receiver) -> None:
    """Of several addresses the first that answers gets the message."""
    poster = Poster(OPEN, resolve=resolver(["127.0.0.3", "127.0.0.1"]))
    assert (await poster.post(webhook(f"http://two.example:{hooks.port}/"), {}, b"")).status == 204


@pytest.mark.usefixtures("_fresh_tls")
async def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown authority and another host's name are refused; the right one is taken, also by its pinned address."""
    files = certificate(tmp_path, "hooks.example")
    with receiver(files) as hooks:
        url = f"https://hooks.example:{hooks.port}/"
        poster = Poster(OPEN, resolve=resolver(["127.0.0.1"]))
        with pytest.raises(NotSent, match=r"^TLS with hooks.example:\d+ failed: self-signed certificate\.$"):
            await poster.post(webhook(url), {}, b"")
        posting._tls.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
        assert (await poster.post(webhook(url), {}, b"{}")).status == 204
        with pytest.raises(NotSent, match=r"^TLS with other.example:\d+ failed: Hostname mismatch"):
            await poster.post(webhook(url.replace("hooks", "other")), {}, b"")
        assert len(hooks.messages) == 1
        assert posting._tls().verify_mode is ssl.CERT_REQUIRED


# where it must not go


async def test_a_host_that_is_not_allowed(hooks: Receiver) -> None:
    """Whatever the server says: a worker goes by its own list, and looks nothing up for another host."""
    asked: list[str] = []
    poster = Poster(HostRules.of(["hooks.example"]), resolve=resolver(["127.0.0.1"], asked=asked))
    with pytest.raises(NotSent, match=r"^This worker does not allow the host localhost:\d+\.$"):
        await poster.post(webhook(hooks.url), {}, b"")
    assert (asked, hooks.messages) == ([], [])


@pytest.mark.parametrize(
    ("addresses", "kind"),
    [
        (["127.0.0.1"], "loopback"),
        (["::1"], "loopback"),
        (["10.1.2.3"], "private"),
        (["169.254.169.254"], "link-local"),
        (["::ffff:127.0.0.1"], "loopback"),
        (["93.184.215.14", "192.168.1.1"], "private"),
        (["224.0.0.1"], "multicast"),
    ],
)
async def test_a_name_that_stands_for_a_private_address(hooks: Receiver, addresses: list[str], kind: str) -> None:
    """An allowed name whose addresses are not all of the internet is not connected to at all."""
    poster = Poster(HostRules.of(["hooks.example:*"]), resolve=resolver(addresses))
    with pytest.raises(NotSent, match=rf"^hooks.example stands for the {kind} address \S+, which is not connected to"):
        await poster.post(webhook(f"http://hooks.example:{hooks.port}/"), {}, b"")
    assert hooks.messages == []


async def test_multicast_is_never_allowed() -> None:
    """`--webhook-private` is for private networks and this machine, not for what no receiver can be."""
    for address in ("224.0.0.1", "0.0.0.0", "255.255.255.255"):
        with pytest.raises(NotSent, match=r"which is not connected to\.$"):
            await Poster(OPEN, resolve=resolver([address])).post(webhook("http://hooks.example/"), {}, b"")


async def test_a_name_that_changes_its_address(hooks: Receiver) -> None:
    """The name is looked up once, and the connection goes to the address that was checked (DNS rebinding)."""
    asked: list[str] = []
    poster = Poster(OPEN, resolve=resolver(["127.0.0.1"], ["192.0.2.1"], asked=asked))
    answer = await poster.post(webhook(f"http://rebinding.example:{hooks.port}/"), {}, b"{}")
    assert (answer.status, asked) == (204, ["rebinding.example"])
    assert hooks.messages[0].headers["host"] == f"rebinding.example:{hooks.port}"
