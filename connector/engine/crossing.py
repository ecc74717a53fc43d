"""The exact moment at which fading alone carries a score across a threshold.

Every fact stands still, so that a sum of scores is a function of time. Where all that fades in it has one half-life,
what is left of it is one number times 2^(-t/half-life): the crossing is a logarithm, put right to the microsecond by a
few looks around it. Else it is searched for by halving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, inf, log2

from connector.engine.fading import left_of, limited, whole
from connector.engine.scoring import ScoreResult
from connector.policy.model import ScoreDef
from connector.policy.windows import shift

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
"""A score that goes over a threshold and back within less than this is not noticed."""
_HALVINGS = 64
"""After this many half-lives nothing that a threshold could see is left."""
_MARGIN = timedelta(milliseconds=1)
"""No logarithm that is trusted misses the crossing by so much."""
CLOSE = 2 * _MARGIN
"""A crossing that is said to be near comes within this."""
_TRUSTED = (1e-6, 1 - 1e-12)
"""The share of what fades that is left at a crossing: where it is nearly nothing or nearly all, rounding decides."""


class Fall:
    """One score as a function of time: what stays, what falls, what rises. `left` of it fades, `standing` does not."""

    __slots__ = ("_lines", "_result", "_seconds", "decay", "definition", "left", "moves", "standing")

    def __init__(self, definition: ScoreDef, result: ScoreResult) -> None:
        self.definition, self.decay = definition, definition.decay
        self._result = result
        self._lines: list[tuple[float, Sequence[datetime]]] | None = None
        half_life = definition.decay.half_life if definition.decay is not None else None
        self._seconds = half_life.total_seconds() if half_life is not None else None
        self.moves = False
        left = standing = 0.0
        if definition.decay is not None:
            for _, points, at in result.parts:
                if at:
                    self.moves = True
                    left += points
                else:
                    standing += points
        self.left, self.standing = left, standing

    @property
    def lines(self) -> list[tuple[float, Sequence[datetime]]]:
        """What each rule gives for one occurrence, with the occurrences that count."""
        if self._lines is None:
            self._lines = [(rule.points, at) for rule, _, at in self._result.parts]
        return self._lines

    def value(self, moment: datetime) -> float:
        """The limited score, by the same steps as `Program.scores` at that moment."""
        total, seconds = 0.0, self._seconds
        for points, occurred in self.lines:
            if len(occurred) == 1 and seconds is not None:  # as mostly: `left_of` without a call
                total += 0.5 ** ((moment - occurred[0]).total_seconds() / seconds) * points
            else:
                total += left_of(self.decay, occurred, moment) * points if occurred else points
        return limited(self.definition, total)

    def at(self, moment: datetime) -> tuple[float, float]:
        """Its gains and losses apart: gains only fall with time, losses only rise."""
        total = losses = 0.0
        for points, occurred in self.lines:
            given = left_of(self.decay, occurred, moment) * points if occurred else points
            total += given
            if points < 0:
                losses += given
        return total - losses, losses

    def ends(self, now: datetime) -> datetime:
        """When nothing fades any more."""
        if self.decay is None:
            return now
        if self.decay.half_life is not None:
            return shift(now, self.decay.half_life * _HALVINGS)
        latest = max(moment for _, occurred in self.lines for moment in occurred)
        return shift(latest, self.decay.to_zero_after or timedelta())


@dataclass(slots=True)
class _Curve:
    """A sum of which one part alone fades, by one half-life: `steady` + limited(`standing` + `fading` × 2^-t)."""

    definition: ScoreDef
    half_life: timedelta
    steady: float
    standing: float
    fading: float

    def reaches(self, edge: float) -> float | None:
        """After how many half-lives the sum passes this edge; infinity where rounding decides, None: never."""
        end = self.steady + limited(self.definition, self.standing)
        if end == edge and self.fading < 0:
            return inf  # it comes as near as rounding lets it
        if (end >= edge) == (self.fading > 0):
            return None
        share = (edge - self.steady - self.standing) / self.fading
        return -log2(share) if _TRUSTED[0] < share < _TRUSTED[1] else inf


class Fade:
    """A sum of scores from `now` on: each by the value that it has now, and as a function of time."""

    __slots__ = ("_afters", "_curve", "_exact", "_falls", "_found", "_shown", "_values", "moves", "now")

    def __init__(self, parts: Sequence[tuple[float, Fall | None]], now: datetime) -> None:
        """`parts`: what each score comes to now; how it falls, if it can."""
        self.now = now
        self._values = [value for value, _ in parts]
        self._exact = sum(self._values)
        self._shown = whole(self._exact)
        self._afters: dict[float, float | None] = {}  #: What `soonest` has found out of `_after`.
        self._falls = {place: fall for place, (_, fall) in enumerate(parts) if fall is not None and fall.moves}
        self._found: dict[float, datetime | None] = {}
        self.moves = bool(self._falls)
        self._curve = self._one_curve() if len(self._falls) == 1 else None

    def soonest(self, thresholds: Sequence[float]) -> tuple[datetime, float] | None:
        """Which of these is crossed first, with a moment shortly before it (or that of the crossing); None: none ever.

        Of a sum that falls (or rises) for ever that is the nearest one below (or above).
        """
        curve = self._curve
        if curve is None:
            found = [(at, one) for one in dict.fromkeys(thresholds) if (at := self.crossing(one)) is not None]
            return min(found, default=None)
        rising, shown = curve.fading < 0, self._shown
        edges = [(edge, one) for one in thresholds if (edge := _edge(one, shown, rising=rising)) is not None]
        if not edges or curve.fading == 0:
            return None
        edge, threshold = min(edges) if rising else max(edges)
        after = self._afters[threshold] = curve.reaches(edge)
        if after is None:
            return None
        if after < inf:
            return max(shift(self.now, curve.half_life * after - _MARGIN), self.now), threshold
        at = self.crossing(threshold)
        return None if at is None else (at, threshold)

    def crossing(self, threshold: float) -> datetime | None:
        """The first moment after `now` at which the sum, in whole points, stands otherwise to `threshold`.

        Exact to the microsecond: it stands otherwise at this moment and did not yet just before. None: never.
        """
        if not self.moves:
            return None
        if threshold not in self._found:
            after = self._after(threshold)
            found = None if after is None else self._around(threshold, after) or self._searched(threshold)
            self._found[threshold] = found
        return self._found[threshold]

    def _one_curve(self) -> _Curve | None:
        ((place, fall),) = self._falls.items()
        half_life = fall.decay.half_life if fall.decay is not None else None
        if half_life is None:
            return None
        steady = sum([value for other, value in enumerate(self._values) if other != place])
        return _Curve(fall.definition, half_life, steady, fall.standing, fall.left)

    def _after(self, threshold: float) -> float | None:
        """After how many half-lives it crosses, nearly; infinity where it has to be searched for, None: never."""
        curve = self._curve
        if curve is None:
            return inf
        if curve.fading == 0:
            return None
        if threshold in self._afters:
            return self._afters[threshold]
        edge = _edge(threshold, self._shown, rising=curve.fading < 0)
        return None if edge is None else curve.reaches(edge)

    def _around(self, threshold: float, after: float) -> datetime | None:
        """The crossing, looked for around where the logarithm puts it; None where it is not to be found so."""
        if after == inf or self._curve is None:
            return None
        side = _side(self._exact, threshold)
        later = shift(self.now, self._curve.half_life * after)
        step = _MICROSECOND
        while _side(self.value(later), threshold) == side:
            later, step = later + step, step * 2
            if step > _MARGIN:
                return None
        earlier, step = later - _MICROSECOND, _MICROSECOND
        while earlier > self.now and _side(self.value(earlier), threshold) != side:
            earlier, later, step = max(earlier - step, self.now), earlier, step * 2
            if step > _MARGIN:
                return None
        while later - earlier > _MICROSECOND:
            middle = earlier + (later - earlier) // 2
            if _side(self.value(middle), threshold) == side:
                earlier = middle
            else:
                later = middle
        return later

    def value(self, moment: datetime) -> float:
        """What the sum will be, every fact standing still."""
        values = self._values.copy()
        for place, fall in self._falls.items():
            values[place] = fall.value(moment)
        return sum(values)

    def _searched(self, threshold: float) -> datetime | None:
        """The crossing by halving.

        A stretch of time is passed over when the sum cannot leave its side of the threshold in it (gains at their end
        with losses at their start, and the other way round, are its bounds); else the earlier half is looked at first.
        """
        falls, side = list(self._falls.values()), _side(self._exact, threshold)
        steady = sum([value for place, value in enumerate(self._values) if place not in self._falls])
        horizon = max(fall.ends(self.now) for fall in falls)
        waiting: list[tuple[_Point, _Point]] = []
        if horizon > self.now:
            waiting.append((_point(falls, self.now), _point(falls, horizon)))
        while waiting:
            start, end = waiting.pop()
            if _stays(falls, steady, start, end, threshold, side):
                continue
            length, changed = end[0] - start[0], _side(self.value(end[0]), threshold) != side
            if length <= _MICROSECOND and changed:
                return end[0]
            if length > (_MICROSECOND if changed else _SECOND):
                middle = _point(falls, start[0] + length / 2)
                waiting += [(middle, end), (start, middle)]
        return None


_Point = tuple[datetime, Sequence[tuple[float, float]]]
"""A moment, with the gains and losses of what fades."""


def _point(falls: Sequence[Fall], moment: datetime) -> _Point:
    return moment, [fall.at(moment) for fall in falls]


def _edge(threshold: float, shown: float, *, rising: bool) -> float | None:
    """The exact sum at which the shown one leaves its side of the threshold; None: it moves away from it.

    A falling sum leaves when it is less than the edge, a rising one as soon as it is there.
    """
    if rising:
        if shown > threshold:
            return None
        return floor(threshold) + 0.5 if shown == threshold else ceil(threshold) - 0.5
    if shown < threshold:
        return None
    return threshold - 0.5 if shown == threshold else floor(threshold) + 0.5


def _side(exact: float, threshold: float) -> int:
    value = whole(exact)
    return (value > threshold) - (value < threshold)


def _stays(falls: Sequence[Fall], steady: float, start: _Point, end: _Point, threshold: float, side: int) -> bool:
    """True when the sum is on this side of the threshold from `start` to `end`."""
    low = high = steady
    for fall, (gains, losses), (gains_left, losses_left) in zip(falls, start[1], end[1], strict=True):
        low += limited(fall.definition, gains_left + losses)
        high += limited(fall.definition, gains + losses_left)
    return _side(low, threshold) == side == _side(high, threshold)
