"""What every page's frame needs."""

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, object]:
    from calls.directory.health import worst_state  # noqa: PLC0415 - models are not loaded when settings name this

    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    return {
        "site_name": "Tollbook",
        "saved_reports": request.session.get("saved_reports", []) if signed_in else [],
        "feed_health": worst_state() if signed_in else "none",
    }
