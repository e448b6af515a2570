"""What is said of an attribute that there is not: what to write here for a name that is familiar from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping


def by_name(sentences: Mapping[str, str]) -> Mapping[str, str]:
    """The sentence for each name, of the names that share one, with spaces between them."""
    return {name: sentence for sentence, names in sentences.items() for name in names.split()}


def missing(of: object, name: str, hints: Mapping[str, str]) -> AttributeError:
    """The error for an attribute that there is not, with the hint for its name if there is one."""
    kind, hint = type(of).__name__, hints.get(name)
    article = "An" if kind[0] in "AEIOU" else "A"
    said = f"{article} {kind} has no {name!r}: {hint}." if hint else f"{kind!r} object has no attribute {name!r}"
    return AttributeError(said, name=name, obj=of)
