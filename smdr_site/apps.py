from django.apps import AppConfig
from django.db.backends.signals import connection_created


class SiteConfig(AppConfig):
    name = "smdr_site"
    verbose_name = "Tollbook"

    def ready(self) -> None:
        from smdr_site import checks  # noqa: F401, PLC0415 - registers the system checks
        from smdr_site.instants import read_quickly  # noqa: PLC0415

        connection_created.connect(read_quickly)
