"""Data quality: what of the period's calls is doubtful or missing, and why."""

from django.db.models import Count, Exists, F, OuterRef, Q

from calls.directory.models import Did, Extension, Feed
from calls.filters import PARTIAL, QUALITY, STALE
from calls.outage_notes import outages_between
from calls.records import Flag
from reports.engine import Answer, Column, Kind, Question, Report, Values

MEANING = {
    PARTIAL: "Its first line is missing",
    STALE: "No end was received; closed by the sweep",
    "clock_later_candidate": "Its 12-hour stamp fitted neither half of the day",
    "clock_no_id_time": "Its call id holds no time",
    "clock_id_disagrees": "Its call id's time and its receipt disagree",
    "clock_missing_hour": "In the hour that spring skipped",
    "clock_repeated_hour": "In the hour that autumn repeats",
    "unknown_event": "Has a line with an event that no table knows",
    "number_full_width": "Its number fills the field: it may be cut",
    "number_ambiguous": "Its number can be read in two ways",
    "trunk_changed": "Its lines name several trunks",
    "second_answer": "Answered a second time",
    "event_after_end": "Lines after its end",
    "event_while_talking": "Rang or queued while talking",
    "out_of_order": "Its lines came out of order",
    "direction_changed": "Its lines name both directions",
    "count_limited": "A count or duration was capped",
    "answer_unseen": "The line of its answer is missing",
}


def run(question: Question) -> Answer:
    asked = {PARTIAL: Count("pk", filter=Q(partial=True)), STALE: Count("pk", filter=Q(stale=True))}
    calls = question.calls()
    annotated = calls
    for flag in Flag:
        (name,) = flag.names()
        annotated = annotated.alias(**{f"is_{name}": F("flags").bitand(int(flag))})
        asked[name] = Count("pk", filter=Q(**{f"is_{name}__gt": 0}))
    found = annotated.aggregate(
        calls=Count("pk"),
        no_device=Count("pk", filter=~Q(extension="") & ~Q(_in_directory(Extension, "extension"))),
        no_did=Count("pk", filter=~Q(did="") & ~Q(_in_directory(Did, "did"))),
        **asked,
    )
    rows: list[Values] = []
    keys: list[dict[str, str] | None] = []
    for name, words in QUALITY:
        rows.append({"what": words, "meaning": MEANING[name], "count": found[name]})
        keys.append({"quality": name})
    for name, words, meaning in (
        ("no_device", "Unallocated device", "Its first device is not in the directory"),
        ("no_did", "Unallocated DID", "Its DID is not in the directory"),
    ):
        rows.append({"what": words, "meaning": meaning, "count": found[name]})
        keys.append(None)
    outages = outages_between(question.period.since, question.period.until, question.now, question.feed)
    rows.append({"what": "Outages", "meaning": "Times in which lines may be missing", "count": len(outages)})
    keys.append(None)
    feeds = Feed.objects.filter(pk=question.feed) if question.feed is not None else Feed.objects.all()
    if question.scope.departments is None:
        lines = sum(feeds.values_list("state__quarantined", flat=True))
        rows.append({"what": "Quarantined lines", "meaning": "Ever: lines that could not be read", "count": lines})
        keys.append(None)
    return Answer(rows, keys, {}, found["calls"], "A call can be counted in several rows, or in none.")


def _in_directory(model: type[Extension] | type[Did], name: str) -> Exists:
    return Exists(model._default_manager.filter(feed=OuterRef("feed"), number=OuterRef(name)).exclude(name=""))


REPORT = Report(
    slug="data-quality",
    title="Data quality",
    group="Can we trust it?",
    purpose="Outages, calls whose beginning or end was not seen, odd lines, and devices without a name.",
    columns=(
        Column("what", "What", Kind.TEXT),
        Column("meaning", "Meaning", Kind.TEXT),
        Column("count", "Count", opens={}, bar=True),
    ),
    run=run,
    icon="shield-check",
    has_course=False,
)
