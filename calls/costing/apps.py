from django.apps import AppConfig


class CostingConfig(AppConfig):
    name = "calls.costing"
    label = "costing"
    verbose_name = "Costing"

    def ready(self) -> None:
        from calls.costing import audit  # noqa: F401, PLC0415 - registers the models once they are loaded
