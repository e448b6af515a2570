"""The script for fish, from 3.1 on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbqueue.cli.shells.table import FILE, Option, Value, Verb

_HEAD = """\
# Completion of nbqueue for fish: nbqueue completion fish > ~/.config/fish/completions/nbqueue.fish

function __nbqueue_plain
    # the words that are no options, from the command on
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; or echo $word
    end
end

function __nbqueue_at
    # whether these are the commands that were named
    set -l plain (__nbqueue_plain)
    test (count $plain) -ge (count $argv); and test "$plain[1..$(count $argv)]" = "$argv"
end

function __nbqueue_bare
    # whether just these commands were named, and nothing behind them
    test "$(__nbqueue_plain)" = "$argv"
end

function __nbqueue_words
    set -l server
    set -l line (commandline -opc)
    for i in (seq (count $line))
        switch $line[$i]
            case --url --home --namespace
                test $i -lt (count $line); and set -a server $line[$i] $line[(math $i + 1)]
            case '--url=*' '--home=*' '--namespace=*'
                set -a server $line[$i]
        end
    end
    set -l begin (string replace -r -- '^--[^=]*=' '' (commandline -ct))
    command nbqueue words $argv[1] "$begin" $server </dev/null 2>/dev/null
end

complete -c nbqueue -f
complete -c nbqueue -n __nbqueue_bare -l version -d 'Show the version.'"""


def script(verbs: Sequence[Verb]) -> str:
    """The whole script."""
    return "\n".join((_HEAD, *_lines("__nbqueue_bare", verbs))) + "\n"


def _lines(where: str, verbs: Sequence[Verb]) -> Iterator[str]:
    """What completes commands, and all that stands behind them."""
    for verb in verbs:
        yield f"complete -c nbqueue -n {_quoted(where)} -a {verb.name.split()[-1]} -d {_quoted(verb.help)}"
    for verb in verbs:
        at = _quoted(f"__nbqueue_at {verb.name}")
        yield from (f"complete -c nbqueue -n {at} {_option(option)}" for option in verb.options)
        for value in dict.fromkeys(verb.arguments):
            if told := _value(value):
                yield f"complete -c nbqueue -n {at} {told}"
        if verb.verbs:
            yield from _lines(f"__nbqueue_bare {verb.name}", verb.verbs)


def _option(option: Option) -> str:
    names = " ".join(f"-l {each[2:]}" if each.startswith("--") else f"-s {each[1:]}" for each in option.names)
    if option.value is None:
        return f"{names} -d {_quoted(option.help)}"
    behind = "-r" if option.value.kind == FILE else "-x"
    return f"{names} -d {_quoted(option.help)} {behind} {_value(option.value)}".rstrip()


def _value(value: Value) -> str:
    if value.choices:
        return f"-a {_quoted(' '.join(value.choices))}"
    if value.kind == FILE:
        return "-F"
    return f"-a {_quoted(f'(__nbqueue_words {value.kind})')}" if value.kind else ""


def _quoted(text: str) -> str:
    clean = " ".join(text.split()).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{clean}'"
