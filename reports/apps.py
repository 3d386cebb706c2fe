from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "Reports"

    def ready(self) -> None:
        from auditlog.registry import auditlog  # noqa: PLC0415 - models are loaded by now

        from reports.models import FollowUp  # noqa: PLC0415

        auditlog.register(FollowUp)
