"""The script for zsh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbqueue.cli.shells.table import FILE, Option, Value, Verb

_HEAD = """\
#compdef nbqueue
# Completion of nbqueue for zsh. Into a folder of $fpath: nbqueue completion zsh > ~/.zfunc/_nbqueue
# or behind compinit in ~/.zshrc: source <(nbqueue completion zsh)

_nbqueue_words() {
    local -a found said server
    local line i
    for ((i = 1; i < ${#_nbqueue_line}; i++)); do
        case ${_nbqueue_line[i]} in
            --url | --home | --namespace) server+=(${_nbqueue_line[i]} ${(Q)_nbqueue_line[i + 1]}) ;;
            --url=* | --home=* | --namespace=*) server+=(${(Q)_nbqueue_line[i]}) ;;
        esac
    done
    while IFS= read -r line; do
        found+=("${line%%$'\\t'*}")
        said+=("${line//$'\\t'/  }")
    done < <(command nbqueue words "$1" "$PREFIX" $server < /dev/null 2> /dev/null)
    compadd -l -d said -a found
}
"""
_FOOT = """
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _nbqueue "$@"
else
    compdef _nbqueue nbqueue
fi
"""


def script(verbs: Sequence[Verb]) -> str:
    """The whole script."""
    return "\n".join((_HEAD, *_function("_nbqueue", verbs), _FOOT))


def _function(name: str, verbs: Sequence[Verb]) -> Iterator[str]:
    """A function for commands, and those for the commands of these."""
    for verb in verbs:
        if verb.verbs:
            yield from _function(_named(verb), verb.verbs)
            yield ""
    yield f"{name}() {{"
    yield '    local curcontext="$curcontext" state line'
    yield "    local -A opt_args"
    yield "    local -a verbs"
    if name == "_nbqueue":
        yield '    local -a _nbqueue_line=("${words[@]}")'
    yield "    _arguments -C '(- *)'{-h,--help}'[Show what it does.]' '1:command:->verb' '*::argument:->rest'"
    yield '    case "$state" in'
    yield "        verb)"
    yield "            verbs=("
    yield from (f"                {_quoted(f'{each.name.split()[-1]}:{each.help}')}" for each in verbs)
    yield "            )"
    yield "            _describe -t commands command verbs"
    yield "            ;;"
    yield "        rest)"
    yield '            case "$words[1]" in'
    for verb in verbs:
        yield f"                {verb.name.split()[-1]})"
        yield f"                    {_named(verb) if verb.verbs else ' '.join(('_arguments -s', *_specs(verb)))}"
        yield "                    ;;"
    yield "            esac"
    yield "            ;;"
    yield "    esac"
    yield "}"


def _named(verb: Verb) -> str:
    return f"_nbqueue_{verb.name.replace(' ', '_')}"


def _specs(verb: Verb) -> Iterator[str]:
    """Options and arguments as `_arguments` takes them."""
    for option in verb.options:
        yield from (_spec(option, name) for name in option.names)
    for place, value in enumerate(verb.arguments, start=1):
        last = verb.many and place == len(verb.arguments)
        yield _quoted(f"{'*' if last else place}:argument:{_action(value)}")


def _spec(option: Option, name: str) -> str:
    others = " ".join(option.names)
    before = "*" if option.many else f"({others})"
    if option.value is None:
        return _quoted(f"{before}{name}[{_told(option.help)}]")
    behind = "=" if name.startswith("--") else "+"
    return _quoted(f"{before}{name}{behind}[{_told(option.help)}]:value:{_action(option.value)}")


def _action(value: Value) -> str:
    if value.choices:
        return f"({' '.join(value.choices)})"
    if value.kind == FILE:
        return "_files"
    # behind a blank, as nothing is to stand between the two words
    return f" _nbqueue_words {value.kind}" if value.kind else " "


def _told(text: str) -> str:
    """A help that may stand in brackets."""
    return "".join(f"\\{each}" if each in "[]:\\" else each for each in " ".join(text.split()))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
