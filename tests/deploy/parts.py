"""What the files of deploy/ hold: documents of YAML, units of systemd, and each command line of nbqueue in them."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.source import ROOT

DEPLOY = ROOT / "deploy"
DOCKER, KUBERNETES, SLURM, SYSTEMD = (DEPLOY / name for name in ("docker", "kubernetes", "slurm", "systemd"))
PAGE = ROOT / "docs" / "deployment.md"
COMPOSE = DOCKER / "compose.yaml"
DOCKERFILE = DOCKER / "Dockerfile"
UNITS = sorted(SYSTEMD.glob("*.service"))
SCRIPTS = sorted([*DEPLOY.rglob("*.sh"), *DEPLOY.rglob("*.sbatch")])
#: the kinds of processes of which each place has one or more
COMPONENTS = ("server", "worker", "web")

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A call of nbqueue as a file has it."""

    #: the file it is in
    place: str
    #: the words behind `nbqueue`
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.place}: nbqueue {shlex.join(self.words)}"

    def option(self, name: str) -> str:
        """What stands behind an option."""
        return self.words[self.words.index(name) + 1]


@cache
def documents(path: Path) -> list[Document]:
    """The documents of a YAML file."""
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def compose() -> Document:
    """The Compose file."""
    return documents(COMPOSE)[0]


@cache
def manifests() -> list[Document]:
    """Every object that Kubernetes gets, KEDA's included."""
    paths = sorted(path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml")
    return [each for path in paths for each in documents(path)]


def manifest(kind: str, name: str) -> Document:
    """One of them."""
    return next(each for each in manifests() if (each["kind"], each["metadata"]["name"]) == (kind, name))


def pod(name: str) -> Document:
    """What a pod of the server, the workers or the web server is made from."""
    kind = "StatefulSet" if name == "server" else "Deployment"
    found: Document = manifest(kind, name)["spec"]["template"]["spec"]
    return found


def container(name: str) -> Document:
    """Its one container."""
    (found,) = pod(name)["containers"]
    return dict(found)


def unit(path: Path) -> dict[str, list[tuple[str, str]]]:
    """The sections of a unit of systemd: names and values in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found.setdefault(section, []).append((name, value))
    return found


def value(path: Path, name: str) -> str:
    """The last value of a name in a unit's section [Service]."""
    return dict(unit(path)["Service"])[name]


def command_lines() -> Iterator[CommandLine]:
    """Each call of nbqueue that something in deploy/ makes."""
    yield from _of_compose()
    yield from _of_kubernetes()
    yield from _of_systemd()
    yield from _of_dockerfile()
    yield from _of_scripts()
    yield from _of_page()


def _of_compose() -> Iterator[CommandLine]:
    for name in ("worker", "web"):
        yield CommandLine(place="compose.yaml", words=tuple(compose()["services"][name]["command"]))


def _of_kubernetes() -> Iterator[CommandLine]:
    for name in ("worker", "web"):
        yield CommandLine(place=f"kubernetes/base/{name}.yaml", words=tuple(container(name)["args"]))


def _of_systemd() -> Iterator[CommandLine]:
    for path in UNITS:
        program, *words = shlex.split(value(path, "ExecStart").replace("%i", "default"))
        if program.endswith("/nbqueue"):
            yield CommandLine(place=path.name, words=tuple(words))


def _of_dockerfile() -> Iterator[CommandLine]:
    for found in re.findall(r"^(?:HEALTHCHECK.* )?CMD (\[.*\])$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE):
        words = json.loads(found)
        yield CommandLine(place="Dockerfile", words=tuple(words[words[0] == "nbqueue" :]))


def _of_scripts() -> Iterator[CommandLine]:
    for path in SCRIPTS:
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := re.match(r"(?:[^#]*[\s$(])?nbqueue ([a-z-]+\b[^#|>)&]*)", line):
                yield CommandLine(place=path.name, words=_plain(found[1]))
            elif found := re.match(r"\s*options\+?=\((.*)\)", line):
                yield CommandLine(place=path.name, words=("worker", *_plain(found[1])))


def _of_page() -> Iterator[CommandLine]:
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if found := re.match(r"[$#] (?:.*\bexec \S+ )?nbqueue ([a-z-]+[^#|>]*)", line):
                yield CommandLine(place=PAGE.name, words=_plain(found[1]))


def _plain(text: str) -> tuple[str, ...]:
    """The words of a shell's command; a variable stands for 1, and lists of words for nothing."""
    text = re.sub(r'"\$@"|"\$\{\w+\[@\]\}"', "", text)
    return tuple(re.sub(r"\$\{[^}]*\}|\$\w+", "1", word) for word in shlex.split(text))
