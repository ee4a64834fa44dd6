"""Django's administration, only for accounts: who has which role and area. It has no cases and no steps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User

from portal.desk import released
from portal.desk.models import Officer


class OfficerForm(forms.ModelForm):
    """The area is one that the release has: the city or one of its counties."""

    area_code = forms.ChoiceField(label="县区 area")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        names = released.areas().items()
        self.fields["area_code"].choices = [(code, f"{code} {name['zh']} {name['en']}") for code, name in names]

    class Meta:
        model = Officer
        fields = ("area_code",)


class OfficerInline(admin.StackedInline):
    model = Officer
    form = OfficerForm
    can_delete = False


class AccountAdmin(UserAdmin):
    inlines = (OfficerInline,)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False  # an account that has acted stays; it is made inactive


admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.register(User, AccountAdmin)
