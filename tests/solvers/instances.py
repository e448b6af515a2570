"""Problems with known answers, as plain numbers: what each adapter builds its models from."""

import itertools
import json
from importlib import resources

#: sizes and values of things, and the room there is: the best things to take are worth BEST
SIZES = (5, 4, 3, 7, 9, 2, 6, 8)
VALUES = (6, 5, 3, 9, 11, 2, 7, 9)
ROOM = 20
BEST = 25

#: coins that give AMOUNT exactly: three of 21 are the fewest
COINS = (1, 5, 10, 21, 25)
AMOUNT = 63
FEWEST = 3

#: points of the affine space of this dimension over three elements; no three of the chosen ones on a line
DIMENSION = 4
#: the most that can be chosen (OEIS A090245): found within seconds, proven in minutes
LARGEST_CAP = 20


def lines() -> list[tuple[int, int, int]]:
    """The lines of that space, as the places of their three points."""
    points = list(itertools.product(range(3), repeat=DIMENSION))
    place = {point: index for index, point in enumerate(points)}
    found = set()
    for first, second in itertools.combinations(points, 2):
        third = tuple(-(a + b) % 3 for a, b in zip(first, second, strict=True))
        found.add(tuple(sorted((place[first], place[second], place[third]))))
    return [(a, b, c) for a, b, c in sorted(found)]


def is_cap(chosen: list[float]) -> bool:
    """Whether no line has all its points chosen."""
    return not any(all(chosen[place] > 0.5 for place in line) for line in lines())


def shop(name: str) -> tuple[list[list[int]], list[list[int]]]:
    """Times and machines of a job shop that comes with the demo."""
    text = resources.files("nbqueue.demo").joinpath("jobshop.json").read_text(encoding="utf-8")
    [found] = [each for each in json.loads(text)["instances"] if each["name"] == name]
    return found["durations"], found["machines"]
