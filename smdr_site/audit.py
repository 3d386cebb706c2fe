"""The audit log's middleware, kept off the health check."""

from auditlog.middleware import AuditlogMiddleware
from django.http import HttpRequest, HttpResponse


class AuditUnlessHealth(AuditlogMiddleware):
    """Who acts is read from the session's table; /healthz has to answer when that is gone."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            response: HttpResponse = self.get_response(request)
            return response
        answered: HttpResponse = super().__call__(request)
        return answered
