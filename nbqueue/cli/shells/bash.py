"""The script for bash, from 3.2 on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from nbqueue.cli.shells.table import Value, Verb

_HEAD = """\
# Completion of nbqueue for bash. Into ~/.bashrc: source <(nbqueue completion bash)
# or once into a file that bash-completion loads with the first use:
# nbqueue completion bash > ~/.local/share/bash-completion/completions/nbqueue

_nbqueue() {
    local line words word cur verb="" last="" place=0 i broken said found="" server=()
    local verbs="" options="" valued="" arguments="" kind=""
    line=${COMP_LINE:0:COMP_POINT}
    read -ra words <<< "$line"
    cur=""
    case $line in *[![:space:]]) cur=${words[${#words[@]} - 1]}; unset "words[${#words[@]} - 1]" ;; esac
    # what stands before the cursor: the command, its arguments so far, the option that waits for its value
    _nbqueue_verb ""
    for ((i = 1; i < ${#words[@]}; i++)); do
        word=${words[i]}
        if [[ -n $last ]]; then
            case $last in --url | --home | --namespace) server+=("$last" "$word") ;; esac
            last=""
        elif [[ $word == --*=* ]]; then
            case $word in --url=* | --home=* | --namespace=*) server+=("$word") ;; esac
        elif [[ $word == -* ]]; then
            [[ " $valued " == *" $word "* ]] && last=$word
        elif [[ " $verbs " == *" $word "* ]]; then
            verb=${verb:+$verb }$word
            place=0
            _nbqueue_verb "$verb"
        else
            place=$((place + 1))
        fi
    done
    if [[ -z $last && $cur == --*=* ]]; then
        last=${cur%%=*}
        cur=${cur#*=}
    fi
    COMPREPLY=()
    if [[ -n $last ]]; then
        _nbqueue_value "$verb $last"
    elif [[ $cur == -* ]]; then
        found=$options
    elif [[ -n $verbs ]]; then
        [[ $place == 0 ]] && found=$verbs
    else
        read -ra words <<< "$arguments"
        kind=${words[place]}
        if [[ -z $kind && ${#words[@]} -gt 0 && ${words[${#words[@]} - 1]} == *+ ]]; then
            kind=${words[${#words[@]} - 1]}
        fi
        kind=${kind%+}
    fi
    case $kind in
        "" | -) ;;
        file)
            compopt -o filenames 2> /dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
            return
            ;;
        =*) found=${kind#=} && found=${found//,/ } ;;
        *) found=$(nbqueue words "$kind" "$cur" "${server[@]}" < /dev/null 2> /dev/null | cut -f1) ;;
    esac
    # bash replaces what stands behind the last of these
    broken=${cur%"${cur##*[@=:]}"}
    for word in $found; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("${word#"$broken"}")
    done
}
"""
_FOOT = "\ncomplete -F _nbqueue nbqueue\n"


def script(verbs: Sequence[Verb]) -> str:
    """The whole script."""
    top = Verb(name="", options=(), verbs=tuple(verbs))
    every = [top, *(each for verb in verbs for each in (verb, *verb.verbs))]
    return "\n".join((_HEAD, *_verb_function(every), "", *_value_function(every), _FOOT))


def _verb_function(every: Sequence[Verb]) -> Iterator[str]:
    """A function that says what a command has."""
    yield "_nbqueue_verb() {"
    yield '    case "$1" in'
    for verb in every:
        names = [name for option in verb.options for name in option.names] or ["--help", "--version"]
        valued = [name for option in verb.options if option.value is not None for name in option.names]
        arguments = [_kind(value) or "-" for value in verb.arguments]
        if verb.many and arguments:
            arguments[-1] += "+"
        parts = {"verbs": [each.name.split()[-1] for each in verb.verbs], "options": names, "valued": valued,
                 "arguments": arguments}  # fmt: skip
        said = " ".join(f"{name}={shlex.quote(' '.join(words))}" for name, words in parts.items())
        yield f"        {shlex.quote(verb.name)}) {said} ;;"
    yield "    esac"
    yield "}"


def _value_function(every: Sequence[Verb]) -> Iterator[str]:
    """A function that says what stands behind an option of a command."""
    yield "_nbqueue_value() {"
    yield '    case "$1" in'
    found: dict[str, list[str]] = {}
    for verb in every:
        for option in verb.options:
            if option.value is not None and (kind := _kind(option.value)):
                found.setdefault(kind, []).extend(f"{verb.name} {name}" for name in option.names)
    for kind, places in found.items():
        yield f"        {' | '.join(map(shlex.quote, places))}) kind={shlex.quote(kind)} ;;"
    yield "    esac"
    yield "}"


def _kind(value: Value) -> str:
    """In a word: what `nbqueue words` takes, "file", or "=" and the choices with commas between them."""
    return "=" + ",".join(value.choices) if value.choices else value.kind
