"""What people do to tariffs is in the audit log. Rows written in bulk are one entry, of the version they belong to."""

from auditlog.registry import auditlog

from calls.costing import models

for model in (models.CostingChoice, models.HolidayCalendar, models.Holiday, models.Tariff):
    auditlog.register(model)
auditlog.register(models.TariffVersion, exclude_fields=["used_since"])
