from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "smdr_site"
    verbose_name = "Tollbook"

    def ready(self) -> None:
        from smdr_site import checks  # noqa: F401, PLC0415 - registers the system checks
