from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from calls import recost_views
from calls.board_views import board, wall
from calls.comparing import compare
from calls.missing_rate import missing_rate
from calls.saved_boards import forget, keep
from calls.wall_views import linked_wall, links, revoke
from smdr_site.first_run import first_costing, first_run
from smdr_site.views import SignIn, healthz

urlpatterns = [
    path("", board, name="board"),
    path("board/wall/", wall, name="board-wall"),
    path("board/links/", links, name="wall-links"),
    path("board/links/<int:pk>/revoke/", revoke, name="wall-revoke"),
    path("board/saved/", keep, name="board-save"),
    path("board/saved/<int:pk>/forget/", forget, name="board-forget"),
    path("wall/", linked_wall, name="wall"),
    path("calls/", include("calls.urls")),
    path("reports/", include("reports.urls")),
    path("directory/", include("calls.directory.urls")),
    path("tariffs/versions/<int:pk>/compare/", compare, name="tariffs-compare"),
    path("tariffs/missing-rate/", missing_rate, name="missing-rate"),
    path("tariffs/recost/", recost_views.recosts, name="recosts"),
    path("tariffs/recost/<int:pk>/", recost_views.recost, name="recost"),
    path("tariffs/recost/<int:pk>/apply/", recost_views.apply, name="recost-apply"),
    path("tariffs/recost/<int:pk>/go-on/", recost_views.go_on, name="recost-go-on"),
    path("tariffs/recost/<int:pk>/forget/", recost_views.forget, name="recost-forget"),
    path("tariffs/", include("calls.costing.urls")),
    path("feeds/", include("ingest.urls")),
    path("accounts/login/", SignIn.as_view(), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("accounts/password/", auth_views.PasswordChangeView.as_view(), name="password_change"),
    path("accounts/password/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("first-run/<str:token>/", first_run, name="first-run"),
    path("set-up/costing/", first_costing, name="first-costing"),
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
]
