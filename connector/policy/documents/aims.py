"""What is aimed at, in words: the targets of kpi.yaml and the way back from a revenue goal."""

from __future__ import annotations

from connector.policy.documents.speech import Speech
from connector.policy.model import Target


def aim(speech: Speech, target: Target) -> str:
    """A target's figure and for whom: `15–25 (SDR, per person, monthly)`."""
    words = [speech.choice("track", target.track)] if target.track else []
    words.append(speech.per(target.per))
    if target.every is not None:
        words.append(speech.every(target.every))
    if target.after_start is not None:
        span = speech.span(target.after_start)
        words.append(speech.both(f"開始から{span}後", f"{span} after the start"))
    return speech.both(
        f"{_figure(speech, target)}({speech.joined(words)})", f"{_figure(speech, target)} ({speech.joined(words)})"
    )


def _figure(speech: Speech, target: Target) -> str:
    figure, both = speech.figure, speech.both
    if target.improves_by is not None:
        return both(f"{figure(target.improves_by)}の改善", f"{figure(target.improves_by)} better")
    if target.least is not None and target.most is not None:
        return f"{figure(target.least)}{both('〜', '–')}{figure(target.most)}"
    if target.least is not None:
        return both(f"{figure(target.least)}以上", f"at least {figure(target.least)}")
    return both(f"{figure(target.most)}以下", f"at most {figure(target.most)}") if target.most is not None else ""


def planned(speech: Speech, metric: str) -> str:
    """What the revenue goal asks of a metric; nothing when it says nothing of it."""
    plan = speech.policy.revenue_plan
    if plan is None:
        return ""
    needed = {"mqls": plan.mqls, "sqls": plan.sqls, "meetings": plan.deals, "wins": plan.wins}
    if metric not in needed:
        return ""
    revenue, every = speech.money(plan.revenue), speech.every(plan.every)
    return speech.both(
        f"{every}{needed[metric]:,.0f}件(売上目標{revenue}からの逆算)",
        f"{needed[metric]:,.0f} {every} (for a revenue of {revenue})",
    )
