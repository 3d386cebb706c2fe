from django.urls import path

from reports import export_views, views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
    path("exports/", export_views.exports, name="exports"),
    path("exports/new/", export_views.new, name="export-new"),
    path("exports/<int:pk>/file/", export_views.file, name="export-file"),
    path("exports/<int:pk>/drop/", export_views.drop, name="export-drop"),
    path("<slug:slug>/", views.report, name="report"),
]
