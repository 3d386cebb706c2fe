from django.apps import AppConfig


class CostingConfig(AppConfig):
    name = "calls.costing"
    label = "costing"
    verbose_name = "Costing"
