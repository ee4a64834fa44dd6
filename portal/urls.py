"""Every address of the portal. All need a login, except the login itself and the choice of the language."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from portal.desk import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="flags")),
    path("flags/", views.flags, name="flags"),
    path("flags/<slug:flag_id>/", views.flag, name="flag"),
    path("funnel/", views.funnel, name="funnel"),
    path("login/", auth.LoginView.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", auth.PasswordChangeView.as_view(success_url="/flags/"), name="password"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("admin/", admin.site.urls),
]
