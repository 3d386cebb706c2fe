from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "calls.directory"
    label = "directory"
    verbose_name = "Directory"

    def ready(self) -> None:
        from calls.directory import audit  # noqa: F401, PLC0415 - registers the models once they are loaded
