"""Tariffs in Django's admin: to be looked at. They are edited on their pages, which check a version as a whole."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from calls.costing.models import CostingChoice, Destination, Holiday, HolidayCalendar, Tariff, TariffVersion, TimeBand


class ReadOnly:
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


class VersionInline(ReadOnly, admin.TabularInline):
    model = TariffVersion
    fields = ["number", "valid_from", "valid_to", "supersedes", "published_at", "used_since"]
    readonly_fields = ["published_at", "used_since"]
    fk_name = "tariff"


class BandInline(ReadOnly, admin.TabularInline):
    model = TimeBand
    fields = ["position", "name", "fields"]


class HolidayInline(admin.TabularInline):
    model = Holiday
    extra = 0


@admin.register(Tariff)
class TariffAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "carrier", "direction", "did", "currency", "is_example"]
    list_filter = ["direction", "carrier"]
    list_select_related = ["carrier"]
    search_fields = ["name"]
    inlines = [VersionInline]


@admin.register(TariffVersion)
class TariffVersionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["tariff", "number", "valid_from", "valid_to", "published_at", "used_since"]
    list_display_links = ["number"]
    list_filter = ["tariff"]
    list_select_related = ["tariff"]
    inlines = [BandInline]


@admin.register(Destination)
class DestinationAdmin(ReadOnly, admin.ModelAdmin):
    """Versions that have priced calls share these names, so a name stays."""

    list_display = ["name", "charge_class"]
    list_filter = ["charge_class"]
    search_fields = ["name"]


@admin.register(HolidayCalendar)
class HolidayCalendarAdmin(admin.ModelAdmin):
    list_display = ["name"]
    inlines = [HolidayInline]


@admin.register(CostingChoice)
class CostingChoiceAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["is_on", "chargeback"]
