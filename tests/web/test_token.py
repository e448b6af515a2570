"""The token: where it stands, and how a browser gets a cookie for it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbqueue.cli import main
from nbqueue.model.settings import Settings
from nbqueue.web.config import WebConfig
from nbqueue.web.token_file import read_token
from tests.waiting import wait_until
from tests.web.inside import asked
from tests.web.raw import cookie_of, request, status
from tests.web.running import TOKEN, Web, running_web

NOBODY = 65_534
AS_NOBODY = f"""
import os, sys
from pathlib import Path
from nbqueue.web.token_file import read_token

os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})
print(read_token(Path(sys.argv[1])))
"""


def test_logging_in_gives_a_cookie(web: Web) -> None:
    """The form takes the token for a cookie that scripts and other sites cannot use; it reads, and is not the token."""
    found = web.ask("POST", "/login", token=None, body=f"token={TOKEN}".encode())
    assert sorted(part.strip().partition("=")[0] for part in found.headers["set-cookie"].split(";")) == sorted(
        [f"nbqueue-{web.port}", "HttpOnly", "Max-Age", "Path", "SameSite"]
    )
    assert "SameSite=strict" in found.headers["set-cookie"]
    assert TOKEN not in found.headers["set-cookie"]
    cookie = cookie_of(web)
    assert web.get("/api/v1/jobs", token=None, headers={"Cookie": cookie}).status == 200
    assert web.get("/api/v1/jobs", token=None, headers={"Cookie": cookie[:-1] + "x"}).status == 401
    assert web.ask("POST", "/login", token=None, body=b"token=wrong").status == 401


def test_cookies_of_others_stand_beside_ours(web: Web) -> None:
    """Browsers send the cookies of all ports of a host: whatever these are, whoever has logged in stays so."""
    cookie = cookie_of(web)
    for other in (
        'theme={"mode":"dark"}',
        "x=a b",
        "flag",
        "a/b=1",
        "k=v,w",
        "=",
        '"',
        "\xfc=1",
        f"nbqueue-{web.port}=x",
    ):
        for line in (f"{other}; {cookie}", f"{cookie};{other}"):
            assert (line, status(web.raw(request("GET /api/v1/jobs", f"Cookie: {line}")))) == (line, 200)


def test_a_token_in_an_address_is_taken_out_at_once(base: Settings) -> None:
    """It is exchanged for a cookie by a redirect, and neither it nor any other token is ever written to the log."""
    with running_web(base) as web:
        found = web.get(f"/login?token={TOKEN}&x=1", token=None)
        assert (found.status, found.headers["location"]) == (303, "./?x=1")
        cookie = found.headers["set-cookie"].partition(";")[0]
        assert web.get("/api/v1/jobs", token=None, headers={"Cookie": cookie}).status == 200
        assert web.get(f"/api/v1/jobs?token={TOKEN}", token=None).status == 401
        assert web.get("/?token=wrong-S3cr3t", token=None).status == 401
        web.raw(f"GET /?token={TOKEN} HTTP/1.1\r\nbad\r\n\r\n".encode())
        web.get("/api/v1/jobs", token="wrong-S3cr3t")
        wait_until(lambda: "GET /api/v1/jobs 401" in web.log, 5)
        assert "S3cr3t" not in web.log
        assert cookie not in web.log
        assert "GET /login 303" in web.log


def test_a_cookie_lasts_from_when_the_token_was_shown(web: Web) -> None:
    """Only the token gives a new one: a wrong one is taken out of the address, and whoever has a cookie keeps it."""
    headers = {"Cookie": cookie_of(web)}
    found = web.get("/?token=wrong&x=1", token=None, headers=headers)
    assert (found.status, found.headers["location"], "set-cookie" in found.headers) == (303, "./?x=1", False)
    assert "set-cookie" in web.get(f"/?token={TOKEN}", token=None, headers=headers).headers


def test_a_cookie_that_came_by_tls_goes_by_tls_alone(web: Web, base: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy says so; it is believed on this machine, and elsewhere where FORWARDED_ALLOW_IPS names it."""

    def is_secure(of: Web, scheme: str) -> bool:
        found = of.get(f"/?token={TOKEN}", token=None, headers={"X-Forwarded-Proto": scheme})
        return "; Secure" in found.headers["set-cookie"]

    assert (is_secure(web, "https"), is_secure(web, "http")) == (True, False)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    with running_web(base) as elsewhere:
        assert is_secure(elsewhere, "https") is False
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.0/8,192.0.2.1")
    with running_web(base) as within:
        assert is_secure(within, "https") is True


@pytest.mark.parametrize(
    ("config", "shown"),
    [(WebConfig(token=TOKEN), "It is in the file that nbqueue web names when it starts."),
     (WebConfig(token=TOKEN, login_hint="<b>There</b>."), "&lt;b&gt;There&lt;/b&gt;.")],
)  # fmt: skip
async def test_the_form_says_where_the_token_is(config: WebConfig, shown: str) -> None:
    """In the words of whoever started the server, as text."""
    sent = await asked(config, "/login")
    assert f"<p>{shown}</p>" in bytes(sent[1]["body"]).decode()


def test_the_token_is_made_once_and_for_its_owner(base: Settings) -> None:
    """Without a token file one is made beside the signing key, mode 0600; its text is not printed."""
    with running_web(base, token="") as web:
        file = base.home / "web.token"
        token = file.read_text(encoding="ascii").strip()
        assert (file.stat().st_mode & 0o777, len(token)) == (0o600, 43)
        assert token not in web.log
        assert str(file) in web.log
        assert web.get("/api/v1/jobs", token=token).status == 200


def test_a_token_file_of_others_is_refused(base: Settings, tmp_path: Path) -> None:
    """A file that others can read, that is a link, or that holds no token is refused with what to do."""
    open_to_all, short, link = tmp_path / "open", tmp_path / "short", tmp_path / "link"
    open_to_all.write_text("x" * 40, encoding="ascii")
    open_to_all.chmod(0o644)
    short.write_text("short", encoding="ascii")
    short.chmod(0o600)
    link.symlink_to(short)
    for file, words in ((open_to_all, "chmod 600"), (short, "at least 16"), (link, "is a symbolic link")):
        ran = CliRunner().invoke(main, ["web", "--url", base.url or "", "--token-file", str(file)])
        assert (ran.exit_code, words in ran.output) == (2, True), ran.output


@pytest.mark.parametrize("named_by", ["--token-file", "NBQUEUE_TOKEN_FILE"])
def test_a_token_file_that_was_named_has_to_be_there(base: Settings, tmp_path: Path, named_by: str) -> None:
    """A mistyped path is refused with the line that makes a token there, which works; nothing is made before."""
    file = tmp_path / "a folder" / "web.tokn"
    file.parent.mkdir()
    by_option = ["--token-file", str(file)] if named_by.startswith("-") else []
    environment = {} if by_option else {named_by: str(file)}
    ran = CliRunner().invoke(main, ["web", "--url", base.url or "", *by_option], env=environment)
    begin, line, end = ran.output.split("`")
    assert (ran.exit_code, begin.partition(": ")[2], end) == (
        2,
        f"There is no token {file}, which --token-file or NBQUEUE_TOKEN_FILE names: check the path, or make one with ",
        ".\n",
    )
    assert list(file.parent.iterdir()) == []
    subprocess.run(["/bin/sh", "-c", line], check=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(read_token(file)) == 64


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try what another user can do")
@pytest.mark.parametrize(
    ("owner", "mode", "told"),
    [
        (0, 0o640, "a-token-of-root-S3cr3t"),
        (
            0,
            0o644,
            "is open to others (mode 644): run `chmod 640 FILE`, and put a new token there if others may have read it.",
        ),
        (0, 0o660, "is open to others (mode 660): run `chmod 640 FILE`"),
        (NOBODY, 0o640, "is open to others (mode 640): run `chmod 600 FILE`"),
        (12_345, 0o640, "belongs to another user (uid 12345): give a file of your own, or of root, with --token-file."),
    ],
)
def test_a_token_file_of_root_is_taken(owner: int, mode: int, told: str) -> None:
    """What root has put there for a group is taken, as by PostgreSQL; one of any other user, or open to all, is not."""
    file = Path(tempfile.mkdtemp(prefix="nbq-token-", dir="/tmp")) / "token"
    file.parent.chmod(0o755)
    file.write_text("a-token-of-root-S3cr3t\n", encoding="ascii")
    os.chown(file, owner, NOBODY)
    file.chmod(mode)
    ran = subprocess.run([sys.executable, "-c", AS_NOBODY, str(file)], capture_output=True, text=True, check=False)
    shutil.rmtree(file.parent)
    assert told.replace("FILE", str(file)) in ran.stdout + ran.stderr


def test_logging_in_knows_nothing_of_what_a_proxy_puts_before_it(web: Web) -> None:
    """No address of the form or of the way to it and out of it begins at a root, which may be another one."""
    head = ["../", "../static/icon.svg", "../", "../failures", "../schedules"]
    html = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    asked = web.get("/groups/abc", token=None, headers=html)
    pages = [
        web.get(path, token=token, headers=html).body.decode() for path, token in (("/login", None), ("/a/b", TOKEN))
    ]
    found = [re.findall(r'(?:href|src|action)="([^"]*)"', page) for page in pages]
    assert (asked.headers["location"], found) == (
        "../login?to=%2Fgroups%2Fabc",
        [
            ["./static/icon.svg", "./static/board.css", "./login"],
            ["../static/icon.svg", "../static/board.css", *head, "../"],
        ],
    )


def test_a_link_that_was_used_leads_to_the_login(web: Web) -> None:
    """A browser gets the form with a sentence, and its token is in no further address; a program gets a 401."""
    html = {"Accept": "text/html"}
    asked = web.get("/jobs/abc?token=used-S3cr3t&x=1", token=None, headers=html)
    assert (asked.status, asked.headers["location"]) == (303, "../login?used=1&to=%2Fjobs%2Fabc%3Fx%3D1")
    form = web.get(asked.headers["location"].removeprefix(".."), token=None, headers=html).body.decode()
    assert "This link was used already" in form
    assert web.get("/?token=used-S3cr3t", token=None).status == 401
