from django.urls import path

from ingest import views

app_name = "feeds"
urlpatterns = [
    path("", views.index, name="index"),
    path("add/", views.add, name="add"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/again/", views.try_again, name="again"),
    path("<int:pk>/edit/", views.edit, name="edit"),
]
