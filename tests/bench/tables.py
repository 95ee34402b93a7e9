"""Figures as cells of a page's tables; one that is not there is a dash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.figures import Figure

MISSING = "–"

Values = Mapping[tuple[str, str, int, str], Figure]


def by_key(figures: Iterable[Figure]) -> Values:
    """Each by its bench, part, number and metric; the last where one was taken twice."""
    return {(each.bench, each.part, each.n, each.metric): each for each in figures}


def parts_of(values: Values, bench: str) -> list[tuple[str, int]]:
    """Its parts with their numbers; fleets by their size."""
    found = {(part, n) for name, part, n, _ in values if name == bench}
    return sorted(found, key=lambda one: (_size(one[0]), *one))


def _size(part: str) -> int:
    first = part.partition("-")[0]
    return int(first) if first.isdigit() else 0


def line(*cells: str) -> str:
    """A row."""
    return f"| {' | '.join(cells)} |\n"


def ruler(columns: int) -> str:
    """What stands below the first row."""
    return "|---" * columns + "|\n"


def show(values: Values, bench: str, part: str, n: int, metric: str) -> str:
    """One cell; what has no unit is a count."""
    figure = values.get((bench, part, n, metric))
    if figure is None:
        return MISSING
    digits = {"s": 2, "": 0}.get(figure.unit, 1)
    return f"{figure.value:,.{digits}f}"


def show_all(values: Values, bench: str, part: str, n: int, metrics: Iterable[str]) -> str:
    """Several in one cell."""
    return ", ".join(show(values, bench, part, n, metric) for metric in metrics)
