"""Cases that nobody meant: whatever a line says, it is answered."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from calls.costing.cases import Pricer
from tests.calls.costing.strategies import Json, tariffs

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70),
    st.sampled_from(
        [10**30, -1, 1e300, 0.1, "", "1,20", "-1", "24:00", "9999-12-31", "\ud800", [], {}, [[]], {"a": 1}]
    ),
    st.text(max_size=5),
)


@st.composite
def spoilt(draw: st.DrawFn) -> Json:
    """A sound case with one value somewhere in it changed, or a field added."""
    case: Json = {
        "rate": draw(tariffs()),
        "answered_at": "2026-10-25T01:59:30",
        "duration_s": 700,
        "number": "447912345678",
    }
    holder: Any = case
    while True:
        keys = [*(range(len(holder)) if isinstance(holder, list) else holder), "cap"]
        key = draw(st.sampled_from(keys))
        inner = holder[key] if key in holder or (isinstance(holder, list) and key != "cap") else None
        if isinstance(inner, (dict, list)) and inner and draw(st.integers(0, 4)):
            holder = inner
            continue
        if isinstance(holder, list) and key == "cap":
            holder.append(draw(ANYTHING))
        else:
            holder[key] = draw(ANYTHING)
        return case


@given(spoilt())
def test_every_case_is_answered(case: Json) -> None:
    answer = Pricer().answer(json.dumps(case))
    assert set(answer) in ({"cost", "trace"}, {"error"})
    assert json.loads(json.dumps(answer)) == answer


@given(st.binary(max_size=40))
def test_every_line_is_answered(line: bytes) -> None:
    assert list(Pricer().answer(line)) == ["error"]
