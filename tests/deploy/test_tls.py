"""TLS as deploy/ opens it for other machines: the page's certificate is good, and each place names its files."""

import re
import shlex
import ssl
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from nbqueue.broker.connection import open_redis, parse_url
from tests.certificates import Pair, context, terminator
from tests.deploy.parts import DEPLOY, DOCKER, PAGE, SYSTEMD, compose, documents, unit, value
from tests.servers import Server

FOLDER = "/etc/nbqueue-server"
#: what a server with TLS is told, by its command line or server.conf
TLS = {
    "--tls-cert-file": f"{FOLDER}/server.crt", "--tls-key-file": f"{FOLDER}/server.key",
    "--tls-ca-cert-file": f"{FOLDER}/ca.crt", "--tls-auth-clients": "no",
}  # fmt: skip
OPENED = {"--bind": "* -::*", "--port": "0", "--tls-port": "6379"}
DROP_IN = SYSTEMD / "nbqueue-tls.conf"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page's two commands make, with keys that are quicker to make."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "secrets").mkdir()
    lines = re.findall(r"^\$ (openssl .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        subprocess.run(shlex.split(line.replace("rsa:3072", "rsa:2048")), check=True, capture_output=True, cwd=folder)
    return folder / "secrets"


async def test_the_pages_certificate_is_good(made: Path, server: Server) -> None:
    """A server that shows it is trusted by whoever names its authority, under each name that it was made for."""
    with terminator(server.path, context(Pair(made / "server.crt", made / "server.key"))) as port:
        url = f"rediss://localhost:{port}/0?ssl_ca_certs={quote(str(made / 'ca.crt'))}"
        client = open_redis(parse_url(url), name="test")
        assert await client.ping() is True
        await client.aclose()


def test_the_pages_certificate_is_strict(made: Path) -> None:
    """It passes the strict checks, which are the default from Python 3.13 on."""
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.crt", "-verify_hostname", "queue.internal"]
    ran = subprocess.run([*command, "server.crt"], check=False, capture_output=True, text=True, cwd=made)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "server.crt: OK\n", "")
    assert {oct(each.stat().st_mode & 0o077) for each in made.glob("*.key")} == {"0o0"}
    assert ssl.create_default_context(cafile=str(made / "ca.crt")).get_ca_certs()


def test_the_drop_in_is_the_units_command_with_tls() -> None:
    """It changes where the server listens, and nothing else of its command."""
    assert unit(DROP_IN)["Service"][0] == ("ExecStart", "")
    mine, other = (_options(value(path, "ExecStart")) for path in (DROP_IN, SYSTEMD / "nbqueue-server.service"))
    assert {name: each for name, each in mine.items() if other.get(name) != each} == {**OPENED, **TLS}
    assert set(other) - set(mine) == set()


def test_the_settings_show_the_same_lines() -> None:
    """The block at the end of server.conf has them, out of force until somebody wants them."""
    text = (DEPLOY / "server.conf").read_text(encoding="utf-8")
    found = dict(re.findall(r"^#((?:bind|port|tls-\S+)) (.*)$", text, re.MULTILINE))
    assert {f"--{name}": each for name, each in found.items()} == {**OPENED, **TLS}


def test_compose_opens_the_port_with_tls_alone() -> None:
    """The second file changes the server's command by TLS, publishes its port, and mounts what it names."""
    second = documents(DOCKER / "tls.yaml")[0]
    server, before = second["services"]["server"], compose()["services"]["server"]
    added = _options(shlex.join(server["command"][len(before["command"]) - 1 :]))
    assert server["command"][: len(before["command"])] == before["command"]
    port = added.pop("--tls-port")
    assert server["ports"] == [f"{port}:{port}"]
    assert added == {name: each.replace(FOLDER, "/run/secrets/nbqueue") for name, each in TLS.items()}
    targets = {each["target"] for each in server["secrets"]}
    assert targets == {each for name, each in added.items() if name != "--tls-auth-clients"}
    assert {each["source"] for each in server["secrets"]} == set(second["secrets"])


def test_the_page_puts_files_where_they_are_named() -> None:
    """The certificate, its key and the authority are installed where the drop-in has them, and it as a drop-in."""
    page = PAGE.read_text(encoding="utf-8")
    installed = re.search(rf"install -o nbqueue-server -m 600 (secrets/.*crt) {FOLDER}/", page)
    assert installed
    files = {f"{FOLDER}/{Path(each).name}" for each in installed[1].split()}
    assert files == set(TLS.values()) - {"no"}
    assert f"deploy/systemd/{DROP_IN.name} /etc/systemd/system/nbqueue-server.service.d/" in page


def _options(command: str) -> dict[str, str]:
    """The options of a server's command line; what stands behind one up to the next is its value."""
    found = re.findall(r"(--[a-z-]+) (.*?)(?= --|$)", command)
    return {name: each.replace("'", "") for name, each in found}
