from django.urls import path

from calls.directory import views

app_name = "directory"
urlpatterns = [
    path("", views.index, name="index"),
    path("<slug:section>/", views.section, name="section"),
    path("<slug:section>/add/", views.add, name="add"),
    path("<slug:section>/import/", views.load, name="import"),
    path("<slug:section>/export.csv", views.export, name="export"),
    path("<slug:section>/<int:pk>/", views.edit, name="edit"),
    path("<slug:section>/<int:pk>/delete/", views.delete, name="delete"),
]
