from django.urls import path

from calls.costing import edit_views, file_views, try_views, views

app_name = "tariffs"
urlpatterns = [
    path("", views.index, name="index"),
    path("choice/", views.choose, name="choose"),
    path("add/", views.add, name="add"),
    path("import/", file_views.new_tariff, name="import"),
    path("try/", try_views.try_it, name="try"),
    path("holidays/add/", edit_views.calendar, name="add-calendar"),
    path("holidays/<int:pk>/", edit_views.calendar, name="calendar"),
    path("<int:pk>/", views.tariff, name="tariff"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("versions/<int:pk>/", views.version, name="version"),
    path("versions/<int:pk>/copy/", views.copy, name="copy"),
    path("versions/<int:pk>/dates/", views.dates, name="dates"),
    path("versions/<int:pk>/publish/", views.publish, name="publish"),
    path("versions/<int:pk>/retire/", views.retire, name="retire"),
    path("versions/<int:pk>/delete/", views.delete, name="delete"),
    path("versions/<int:pk>/terms/", edit_views.terms, name="terms"),
    path("versions/<int:pk>/import/", file_views.into_version, name="import-version"),
    path("versions/<int:pk>/export.csv", file_views.as_csv, name="csv"),
    path("versions/<int:pk>/export.json", file_views.as_json, name="json"),
    path("versions/<int:pk>/prefixes/add/", edit_views.add_prefix, name="add-prefix"),
    path("versions/<int:pk>/prefixes/<int:row>/", edit_views.prefix, name="prefix"),
    path("versions/<int:pk>/prefixes/<int:row>/delete/", edit_views.remove_prefix, name="remove-prefix"),
    path("versions/<int:pk>/bands/add/", edit_views.add_band, name="add-band"),
    path("versions/<int:pk>/bands/<int:row>/", edit_views.band, name="band"),
    path("versions/<int:pk>/bands/<int:row>/delete/", edit_views.remove_band, name="remove-band"),
]
