"""`python -m portal COMMAND`: Django's commands and our own (prepare, flag), with the portal's settings."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    execute_from_command_line(["portal", *sys.argv[1:]])
