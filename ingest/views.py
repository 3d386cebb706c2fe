"""Pages of feeds: how they are, how they are set up, and what could not be read."""

from urllib.parse import urlencode

from auditlog.models import LogEntry
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calls.access import scope_of
from calls.directory.models import Feed
from ingest.again import Tried, parse_again, parse_packed_again, triable
from ingest.feed_pages import LINES_A_PAGE, feed_heads, outage_rows, quarantine_row, reasons
from ingest.forms import FeedForm
from ingest.models import QuarantinedLine
from ingest.quarantine import packed_summary
from ingest.status import feed_statuses

LONGEST_KEY = 19  # digits
MAY_TRY_AGAIN = "ingest.change_quarantinedline"


@require_safe
@permission_required("directory.view_feed", raise_exception=True)
def index(request: HttpRequest) -> HttpResponse:
    """Every feed: its health, its last 30 days, its counters."""
    heads = feed_heads(feed_statuses(), timezone.now())
    return render(
        request,
        "feeds/index.html",
        {
            "heads": heads,
            "may_edit": request.user.has_perm("directory.change_feed"),
            "may_add": request.user.has_perm("directory.add_feed"),
        },
    )


@require_safe
@permission_required("directory.view_feed", raise_exception=True)
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One feed with its outages (`outages` a page, or `outage` one of them) and quarantine (`page`, `reason`)."""
    now, scope = timezone.now(), scope_of(request.user)
    statuses = feed_statuses(pk)
    if not statuses:
        raise Http404
    status = statuses[0]
    chosen = request.GET.get("reason", "")
    lines = QuarantinedLine.objects.filter(feed=status.feed).order_by("-received_at", "-pk")
    if chosen:
        lines = lines.filter(reason=chosen)
    page = Paginator(lines, LINES_A_PAGE).get_page(request.GET.get("page"))
    outages, outage_page = outage_rows(status, now, request.GET.get("outages", ""), request.GET.get("outage", ""))
    known = reasons(status.feed)
    return render(
        request,
        "feeds/detail.html",
        {
            "head": feed_heads(statuses, now)[0],
            "status": status,
            "now": now,
            "outages": outages,
            "outage_page": outage_page,
            "page": page,
            "rows": [quarantine_row(line, scope) for line in page],
            "packed": packed_summary(pk),
            "reasons": known,
            "reason": next((reason for reason in known if reason.name == chosen), None),
            "may_edit": request.user.has_perm("directory.change_feed"),
            "may_try": request.user.has_perm(MAY_TRY_AGAIN),
        },
    )


@require_POST
@permission_required(MAY_TRY_AGAIN, raise_exception=True)
def try_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Parse quarantined lines again: one (`line`), all of a `reason`, or those that are `packed`."""
    feed = get_object_or_404(Feed, pk=pk)
    one, reason = request.POST.get("line", ""), request.POST.get("reason", "")
    if one.isascii() and one.isdigit() and len(one) < LONGEST_KEY:
        tried, asked = parse_again(feed, triable(feed).filter(pk=int(one))), {"line": one}
    elif reason:
        tried, asked = parse_again(feed, triable(feed).filter(reason=reason)), {"reason": reason}
    elif request.POST.get("packed"):
        tried, asked = parse_packed_again(feed), {"packed": "all"}
    else:
        return HttpResponseBadRequest("Say which line, or which reason.", content_type="text/plain; charset=utf-8")
    done = {"events": tried.events, "duplicates": tried.duplicates, "still quarantined": tried.still}
    LogEntry.objects.log_create(
        feed,
        force_log=True,
        action=LogEntry.Action.UPDATE,
        changes={"quarantined lines parsed again": [str(asked), str(done)]},
    )
    _say(request, tried)
    address = reverse("feeds:detail", args=[feed.pk])
    query = f"?{urlencode({'reason': reason})}" if reason and tried.still else ""
    return redirect(f"{address}{query}#quarantine")


def _say(request: HttpRequest, tried: Tried) -> None:
    stored = tried.events + tried.duplicates
    if stored:
        duplicates = f", {tried.duplicates:,} of them known already" if tried.duplicates else ""
        messages.success(request, f"{_lines(stored)} read and stored{duplicates}.")
    if tried.still:
        stay = "stays" if tried.still == 1 else "stay"
        messages.warning(request, f"{_lines(tried.still)} still cannot be read and {stay} in quarantine.")
    if tried.left:
        messages.info(request, f"{_lines(tried.left)} were too many for one go. Parse again for the next.")
    if not (stored or tried.still):
        messages.info(request, "Nothing to parse again: these lines have left quarantine, or are not whole.")


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("directory.add_feed", raise_exception=True)
def add(request: HttpRequest) -> HttpResponse:
    return _form(request, Feed(push_port=2008))


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("directory.change_feed", raise_exception=True)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, get_object_or_404(Feed, pk=pk))


def _form(request: HttpRequest, feed: Feed) -> HttpResponse:
    form = FeedForm(request.POST or None, instance=feed)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, f"{saved} saved. The worker follows within seconds.")
        return redirect("feeds:detail", saved.pk)
    groups = [
        ("Feed", [form["name"], form["active"]]),
        ("Push: the Communication Service connects to us", [form[name] for name in PUSH]),
        ("Local: we connect to the Communication Service", [form[name] for name in LOCAL]),
        ("How its lines are read", [form[name] for name in READING]),
        ("How its calls are judged", [form[name] for name in JUDGING]),
    ]
    return render(request, "feeds/form.html", {"form": form, "feed": feed, "groups": groups})


PUSH = ("push_enabled", "push_host", "push_port", "allow_list")
LOCAL = ("local_enabled", "local_host", "local_port")
READING = ("padding", "clock", "time_zone", "region")
JUDGING = ("answer_target_seconds", "short_call_seconds", "stale_after_hours", "silent_after_minutes")
