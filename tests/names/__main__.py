"""`make names`: how many names of each kind are read right, title and numbers, in the tuned and in the held-out set.

PYTHONPATH=tests .venv/bin/python -m names [--wrong] [--baseline]

--wrong lists what was misread, of the tuned set only; --baseline is what guessit alone makes of them.
"""

from __future__ import annotations

import sys
from collections import Counter

from names.sets import FORMS, SETS, cases, judge, read


def main(arguments: list[str]) -> int:
    """Print the score per kind."""
    reader, facts = read, [f"({fact})" for fact in FACTS.values()]
    if "--baseline" in arguments:
        from names import baseline

        reader, facts = baseline.read, []
    good: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for which in SETS:
        for case in cases(which):
            release = reader(case)
            verdict = judge(case, release)
            total[which, case.kind] += 1
            good[which, case.kind] += verdict.good
            for fact in (*verdict.right, *verdict.wrong):
                total[which, f"({FACTS[fact]})"] += 1
                good[which, f"({FACTS[fact]})"] += fact in verdict.right
            if "--wrong" in arguments and which == "tuning" and not (verdict.good and not verdict.wrong):
                print(f"{case.kind}: {case.name}\n    wanted {case.title} | {case.facts}\n    {release}")
    print(f"{'kind':<14}" + "".join(f"{which:>18}" for which in SETS))
    for kind in (*FORMS, *facts):
        print(f"{kind:<14}" + "".join(_share(good[which, kind], total[which, kind]) for which in SETS))
    sums = [[sum(found[which, kind] for kind in FORMS) for found in (good, total)] for which in SETS]
    print(f"{'all':<14}" + "".join(_share(right, names) for right, names in sums))
    return 0


FACTS = {"q": "quality", "g": "group", "l": "languages", "x": "edition", "v": "version"}


def _share(right: int, names: int) -> str:
    return f"{right:>6} of {names:<3}{100 * right // names:>4}% " if names else f"{'–':>18}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
