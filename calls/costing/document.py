"""The tariff document: read strictly from JSON, and written as JSON again (docs/tariffs.md lists the fields).

Pure Python, no Django. `parse` reports all that is wrong at once, each problem with its place. `export` gives back
what was read, in canonical form: `parse(export(parse(document))) == parse(document)`.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from calls.costing import values
from calls.costing.checks import check
from calls.costing.terms import (
    BAND_POLICIES,
    DAY_S,
    DEFAULT_CURRENCY,
    DEFAULT_TIMEZONE,
    DEFAULT_VAT,
    DESTINATION_CLASSES,
    ROUNDING_METHODS,
    VAT,
    Band,
    Cap,
    Component,
    Document,
    Part,
    Prefix,
    Rounding,
    Step,
    Terms,
)
from calls.costing.values import DocumentError, Json, Problem, Problems, Reader, joined

RATE, AMOUNT = values.money("a rate"), values.money("an amount")
OF_THE_TARIFF = ("currency", "vat", "timezone")


def load(text: str | bytes) -> Document:
    """The document in a JSON text. Raises DocumentError."""
    return parse(values.load_json(text))


def parse(document: Json) -> Document:
    """The document in what a JSON text holds. Raises DocumentError with every problem found.

    Money may be a string, an integer or, as `load` gives it, a Decimal; a float is refused, as it is not exact.
    """
    if not isinstance(document, dict):
        raise DocumentError([Problem("", f"{values.shown(document)} is not a tariff document, which is a JSON object")])
    problems = Problems()
    head = {name: document.get(name) for name in OF_THE_TARIFF}
    component = _component_reader(head)
    readers = {
        "name": values.text,
        "currency": values.currency,
        "vat": values.one_of(VAT),
        "timezone": values.timezone,
        **PART_FIELDS,
        "components": _list(component),
        "prefixes": _prefixes(_prefix_reader(head, _list(component))),
    }
    fields = values.read_object(document, "", problems, readers)
    read = Document(
        fields.get("name", ""),
        fields.get("currency", DEFAULT_CURRENCY),
        fields.get("vat", DEFAULT_VAT),
        fields.get("timezone", DEFAULT_TIMEZONE),
        _part(fields, frozenset()),
        fields.get("prefixes", ()),
    )
    check(read, problems)
    if problems.found:
        raise DocumentError(problems.found)
    return read


def export(document: Document) -> dict[str, Any]:
    """The document as JSON has it: money as strings, fields in a fixed order, only those that say something."""
    return {
        **_given({"name": document.name or None}),
        "currency": document.currency,
        "vat": document.vat,
        "timezone": document.timezone,
        **_part_json(document.part),
        **_given({"prefixes": [_prefix_json(prefix) for prefix in document.prefixes] or None}),
    }


# Reading


def _list(reader: Reader) -> Reader:
    return lambda value, place, problems: tuple(values.read_list(value, place, problems, reader))


def _step(value: Json, place: str, problems: Problems) -> Step:
    fields = values.read_object(value, place, problems, STEP_FIELDS)
    if isinstance(value, dict) and "from_s" not in fields:
        problems.add(joined(place, "from_s"), "missing: the second of the call at which the step begins")
    return Step(**{"from_s": -1, **fields})


def _steps(value: Json, place: str, problems: Problems) -> tuple[Step, ...]:
    steps = values.read_list(value, place, problems, _step)
    seen: set[int] = set()
    for index, step in enumerate(steps):
        if step.from_s in seen and not problems.any_at(f"{place}[{index}]"):
            problems.add(f"{place}[{index}].from_s", f"another step begins at {step.from_s}, too")
        seen.add(step.from_s)
    return tuple(sorted(steps, key=lambda step: step.from_s))


def _cap(value: Json, place: str, problems: Problems) -> Cap:
    fields = values.read_object(value, place, problems, CAP_FIELDS)
    if isinstance(value, dict) and "amount" not in fields:
        problems.add(joined(place, "amount"), "missing: the most that a call may cost")
    return Cap(**{"amount": Decimal(0), **fields})


def _rounding(value: Json, place: str, problems: Problems) -> Rounding:
    return Rounding(**values.read_object(value, place, problems, ROUNDING_FIELDS))


def _band(value: Json, place: str, problems: Problems) -> Band:
    fields = values.read_object(value, place, problems, BAND_FIELDS)
    if isinstance(value, dict) and "name" not in fields:
        problems.add(joined(place, "name"), "missing: every band has a name")
    if "weekdays" in fields and "dates" in fields:
        problems.add(joined(place, "dates"), "a band has weekdays or dates, not both")
    for name in ("weekdays", "dates"):
        if name in fields and len(set(fields[name])) < len(fields[name]) and not problems.any_at(joined(place, name)):
            problems.add(joined(place, name), "a day is there twice")
    starts, ends = fields.get("from", 0), fields.get("to", DAY_S)
    if starts == ends and not problems.any_at(joined(place, "from")) and not problems.any_at(joined(place, "to")):
        problems.add(place, "no minute falls in it: from equals to; for the whole day write 00:00 to 24:00")
    days = {name: tuple(sorted(fields[name])) for name in ("weekdays", "dates") if name in fields}
    return Band(
        fields.get("name", "?"),
        days.get("weekdays"),
        days.get("dates"),
        starts,
        ends,
        fields.get("priority", 0),
        _terms(fields, values.cleared(value, TERMS_FIELDS)),
    )


def _terms(fields: dict[str, Any], cleared: frozenset[str]) -> Terms:
    return Terms(**{name: fields[name] for name in TERMS_FIELDS if name in fields}, cleared=cleared & TERMS_NAMES)


def _part(fields: dict[str, Any], cleared: frozenset[str]) -> Part:
    own = {name: fields[name] for name in PART_NAMES if name in fields}
    return Part(terms=_terms(fields, cleared), **own, cleared=cleared & PART_NAMES)


def _holidays(value: Json, place: str, problems: Problems) -> tuple[date, ...]:
    return tuple(sorted(set(values.read_list(value, place, problems, values.day))))


def _same_as_tariff(name: str, head: dict[str, Json]) -> Reader:
    """Reads a field that is the tariff's alone; a part that is a whole document may repeat it."""

    def read(value: Json, place: str, problems: Problems) -> None:
        if value != head[name]:
            problems.add(place, f"the {name} is the tariff's: set it there, for all of it")

    return read


def _component_reader(head: dict[str, Json]) -> Reader:
    readers = {
        "name": values.text,
        **{name: _same_as_tariff(name, head) for name in OF_THE_TARIFF},
        **PART_FIELDS,
        "components": _no_components,
        "prefixes": _prefixes(_prefix_reader(head, _no_components)),
    }

    def read(value: Json, place: str, problems: Problems) -> Component:
        fields = values.read_object(value, place, problems, readers)
        fields.pop("components", None)
        own = _part(fields, values.cleared(value, readers))
        return Component(fields.get("name", ""), own, fields.get("prefixes", ()))

    return read


def _no_components(_value: Json, place: str, problems: Problems) -> None:
    problems.add(place, "a component has no components of its own; list them all beside it")


def _prefix_reader(head: dict[str, Json], components: Reader) -> Reader:
    readers = {
        "prefix": values.digits,
        "name": values.text,
        "class": values.one_of(DESTINATION_CLASSES),
        **{name: _same_as_tariff(name, head) for name in OF_THE_TARIFF},
        **PART_FIELDS,
        "components": components,
    }

    def read(value: Json, place: str, problems: Problems) -> Prefix:
        fields = values.read_object(value, place, problems, readers)
        if isinstance(value, dict) and "prefix" not in fields:
            problems.add(joined(place, "prefix"), "missing: the digits that the numbers begin with")
        own = _part(fields, values.cleared(value, readers))
        return Prefix(fields.get("prefix", "?"), fields.get("name", ""), fields.get("class", ""), own)

    return read


def _prefixes(reader: Reader) -> Reader:
    def read(value: Json, place: str, problems: Problems) -> tuple[Prefix, ...]:
        prefixes = values.read_list(value, place, problems, reader)
        first_at: dict[str, int] = {}
        for index, entry in enumerate(prefixes):
            first = first_at.setdefault(entry.prefix, index)
            if first < index and entry.prefix != "?":
                problems.add(f"{place}[{index}].prefix", f"{entry.prefix} is there already, at {place}[{first}]")
        return tuple(prefixes)

    return read


STEP_FIELDS: dict[str, Reader] = {
    "from_s": values.whole(0),
    "rate": RATE,
    "rate_unit_s": values.whole(1),
    "increment_s": values.whole(1),
    "step_charge": AMOUNT,
}
CAP_FIELDS: dict[str, Reader] = {
    "amount": AMOUNT,
    "window_s": values.whole(1),
    "includes_connection": values.flag,
}
ROUNDING_FIELDS: dict[str, Reader] = {
    "method": values.one_of(ROUNDING_METHODS),
    "dp": values.whole(0, values.MOST_DP, "a whole number of digits"),
}
TERMS_FIELDS: dict[str, Reader] = {
    "connection_charge": AMOUNT,
    "initial_s": values.whole(0),
    "increment_s": values.whole(1),
    "rate": RATE,
    "rate_unit_s": values.whole(1),
    "initial_charge": AMOUNT,
    "steps": _steps,
    "free_s": values.whole(0),
    "allowance_s": values.whole(0),
    "cap": _cap,
    "min_charge": AMOUNT,
}
BAND_FIELDS: dict[str, Reader] = {
    "name": values.text,
    "weekdays": _list(values.weekday),
    "dates": _list(values.day),
    "from": values.clock(is_end=False),
    "to": values.clock(is_end=True),
    "priority": values.whole(-1_000_000, 1_000_000, "a whole number"),
    **TERMS_FIELDS,
}
PART_FIELDS: dict[str, Reader] = {
    **TERMS_FIELDS,
    "bands": _list(_band),
    "band_policy": values.one_of(BAND_POLICIES),
    "bank_holidays": _holidays,
    "bank_holiday_as": values.text,
    "markup_pct": values.percent,
    "rounding": _rounding,
}
TERMS_NAMES = frozenset(TERMS_FIELDS)
PART_NAMES = frozenset(
    {"bands", "band_policy", "bank_holidays", "bank_holiday_as", "components", "markup_pct", "rounding"}
)


# Writing


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _clock(seconds: int) -> str:
    hours, minutes, seconds = (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}" if seconds else f"{hours:02}:{minutes:02}"


def _step_json(step: Step) -> dict[str, Any]:
    return {"from_s": step.from_s} | _given(
        {
            "rate": _money(step.rate),
            "rate_unit_s": step.rate_unit_s,
            "increment_s": step.increment_s,
            "step_charge": _money(step.step_charge),
        }
    )


def _cap_json(cap: Cap) -> dict[str, Any]:
    window = _given({"window_s": cap.window_s})
    return {"amount": _money(cap.amount), **window, "includes_connection": cap.includes_connection}


def _terms_json(terms: Terms) -> dict[str, Any]:
    fields = {
        "connection_charge": _money(terms.connection_charge),
        "initial_s": terms.initial_s,
        "increment_s": terms.increment_s,
        "rate": _money(terms.rate),
        "rate_unit_s": terms.rate_unit_s,
        "initial_charge": _money(terms.initial_charge),
        "steps": None if terms.steps is None else [_step_json(step) for step in terms.steps],
        "free_s": terms.free_s,
        "allowance_s": terms.allowance_s,
        "cap": None if terms.cap is None else _cap_json(terms.cap),
        "min_charge": _money(terms.min_charge),
    }
    return {name: value for name, value in fields.items() if value is not None or name in terms.cleared}


def _band_json(band: Band) -> dict[str, Any]:
    when = {
        "weekdays": None if band.weekdays is None else list(band.weekdays),
        "dates": None if band.dates is None else [day.isoformat() for day in band.dates],
        "from": _clock(band.starts_s),
        "to": _clock(band.ends_s),
        "priority": band.priority or None,
    }
    return {"name": band.name, **_given(when), **_terms_json(band.terms)}


def _part_json(part: Part) -> dict[str, Any]:
    fields = {
        "bands": None if part.bands is None else [_band_json(band) for band in part.bands],
        "band_policy": part.band_policy,
        "bank_holidays": None if part.bank_holidays is None else [day.isoformat() for day in part.bank_holidays],
        "bank_holiday_as": part.bank_holiday_as,
        "components": None if part.components is None else [_component_json(entry) for entry in part.components],
        "markup_pct": _money(part.markup_pct),
        "rounding": None if part.rounding is None else {"method": part.rounding.method, "dp": part.rounding.dp},
    }
    own = {name: value for name, value in fields.items() if value is not None or name in part.cleared}
    return {**_terms_json(part.terms), **own}


def _component_json(component: Component) -> dict[str, Any]:
    prefixes = [_prefix_json(prefix) for prefix in component.prefixes]
    return {
        **_given({"name": component.name or None}),
        **_part_json(component.part),
        **_given({"prefixes": prefixes or None}),
    }


def _prefix_json(prefix: Prefix) -> dict[str, Any]:
    named = _given({"name": prefix.name or None, "class": prefix.destination_class or None})
    return {"prefix": prefix.prefix, **named, **_part_json(prefix.part)}
