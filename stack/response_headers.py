"""What the services of one machine tell a browser with every answer: guess no type, and let no other site in."""

from __future__ import annotations

# "same-origin", not "no-referrer": without it browsers hide a form's origin, and the form is taken for forged.
RESPONSE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}
