from django.urls import path

from reports import export_views, kept_views, views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
    path("exports/", export_views.exports, name="exports"),
    path("exports/new/", export_views.new, name="export-new"),
    path("exports/<int:pk>/file/", export_views.file, name="export-file"),
    path("exports/<int:pk>/drop/", export_views.drop, name="export-drop"),
    path("saved/", kept_views.save, name="save"),
    path("saved/<int:pk>/", kept_views.change, name="saved-change"),
    path("unreturned/<int:pk>/", kept_views.follow_up, name="follow-up"),
    path("cost-by-department/bills/", views.bills, name="bills"),
    path("<slug:slug>/", views.report, name="report"),
]
