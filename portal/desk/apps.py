"""The desk as an application of Django."""

from __future__ import annotations

from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "portal.desk"
    verbose_name = "风险提示 flags"
