"""Extensions, trunks and DIDs of the directory without a call in the period."""

from django.db.models import Max, Q

from calls.directory.models import Did, Extension, Trunk
from calls.models import Call, Leg
from reports.engine import Answer, Column, Kind, Question, Report, Values

KINDS = (("Extension", Extension, "extension"), ("Trunk", Trunk, "trunk"), ("DID", Did, "did"))


def run(question: Question) -> Answer:
    """What the directory knows and no call that started in the period used. Departments do not narrow trunks."""
    rows: list[Values] = []
    seen_everything = question.scope.departments is None
    for words, model, name in KINDS:
        if model is Trunk and not seen_everything:
            continue  # a trunk may carry calls that the viewer must not know of
        entries = model._default_manager.select_related("feed")
        if question.feed is not None:
            entries = entries.filter(feed=question.feed)
        if not seen_everything:
            own = Q(department__in=sorted(question.scope.departments or ()))
            entries = entries.filter(own)
        used = _used(question, name)
        rows += [
            {
                "kind": words,
                "number": entry.number,
                "name": entry.name,
                "feed": entry.feed.name,
                "first_seen": getattr(entry, "first_seen_at", None),
            }
            for entry in entries.order_by("feed__name", "number", "pk")
            if (entry.feed_id, entry.number) not in used
        ]
    return Answer(rows, [None] * len(rows), {}, 0, "In the directory, and in no call that started in this period.")


def _used(question: Question, name: str) -> set[tuple[int, str]]:
    period = question.period
    if name == "extension":
        legs = Leg.objects.filter(call_started_at__gte=period.since, call_started_at__lt=period.until).order_by()
        return set(legs.values_list("call__feed_id", "extension").distinct())
    calls = Call.objects.filter(started_at__gte=period.since, started_at__lt=period.until).order_by()
    return {(feed, number) for feed, number, _ in calls.values_list("feed_id", name).annotate(last=Max("pk"))}


REPORT = Report(
    slug="unused",
    title="Not used",
    group="Enough lines?",
    purpose="Extensions, trunks and DIDs that no call used: lines that may be paid for nothing.",
    columns=(
        Column("kind", "Kind", Kind.TEXT),
        Column("number", "Number", Kind.TEXT, named_by="name"),
        Column("name", "Name", Kind.TEXT),
        Column("feed", "Feed", Kind.TEXT),
        Column("first_seen", "First seen", Kind.MOMENT),
    ),
    run=run,
    icon="unplug",
    has_course=False,
    empty="Every extension, trunk and DID of the directory was used.",
)
