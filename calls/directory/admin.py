"""The directory in Django's admin. Edits go through the models' own save, so boards notice them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from calls.directory.models import (
    Access,
    AccountCode,
    Carrier,
    Contact,
    Department,
    Did,
    DirectoryRevision,
    Extension,
    Feed,
    Outage,
    Trunk,
)

admin.site.site_header = admin.site.site_title = "Tollbook"
admin.site.index_title = "Administration"


class NamedAdmin(admin.ModelAdmin):
    """Bulk deletion goes past the model's delete, so the revision is advanced here."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        DirectoryRevision.advance()


@admin.register(Extension)
class ExtensionAdmin(NamedAdmin):
    list_display = ["number", "name", "kind", "department", "feed"]
    list_display_links = ["number"]
    list_editable = ["name", "kind", "department"]
    list_filter = ["feed", "kind", "department"]
    list_select_related = ["feed", "department"]
    search_fields = ["number", "name"]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Extension]) -> None:
        for extension in queryset:
            extension.delete()


@admin.register(Trunk)
class TrunkAdmin(NamedAdmin):
    list_display = ["number", "name", "carrier", "outside_prefix", "area_code", "feed"]
    list_display_links = ["number"]
    list_editable = ["name", "carrier", "outside_prefix", "area_code"]
    list_filter = ["feed", "carrier"]
    list_select_related = ["feed", "carrier"]
    search_fields = ["number", "name"]


@admin.register(Did)
class DidAdmin(NamedAdmin):
    list_display = ["number", "name", "department", "feed"]
    list_filter = ["feed", "department"]
    list_select_related = ["feed", "department"]
    search_fields = ["number", "name"]


@admin.register(AccountCode)
class AccountCodeAdmin(NamedAdmin):
    list_display = ["code", "name"]
    search_fields = ["code", "name"]


@admin.register(Contact)
class ContactAdmin(NamedAdmin):
    """Outside numbers in full: not for those from whom digits are hidden."""

    list_display = ["name", "number_e164"]
    search_fields = ["name", "number_e164"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and not Access.hides_digits_from(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and not Access.hides_digits_from(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not Access.hides_digits_from(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not Access.hides_digits_from(request.user)


@admin.register(Department, Carrier)
class NameAdmin(NamedAdmin):
    search_fields = ["name"]


@admin.register(Feed)
class FeedAdmin(NamedAdmin):
    list_display = ["name", "active", "push_enabled", "push_port", "local_enabled", "local_host"]


@admin.register(Outage)
class OutageAdmin(admin.ModelAdmin):
    list_display = ["feed", "kind", "began_at", "ended_at"]
    list_filter = ["feed", "kind"]
    list_select_related = ["feed"]


class AccessInline(admin.StackedInline):
    model = Access
    filter_horizontal = ["departments"]


admin.site.unregister(User)


@admin.register(User)
class TollbookUserAdmin(UserAdmin):
    inlines = [AccessInline]
