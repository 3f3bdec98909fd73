"""What staff see: chapters as they are published, accounts, counts of learners."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from courseware.models import Chapter, Section, User
from courseware.other_browsers import end_sessions
from courseware.progress import readership
from courseware.security_log import note

RIGHTS = ("is_staff", "is_superuser", "groups")


class ReadOnly:
    """Chapters are written in files; the admin only shows them."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SectionInline(ReadOnly, admin.TabularInline):
    """The sections of a chapter in order, and how many readers come how far."""

    model = Section
    fields = ("position", "number", "title", "anchor", "read_by", "stop_here")
    readonly_fields = ("read_by", "stop_here")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Count once for all rows of the chapter that is shown."""
        self._readership = readership(obj) if obj else None
        return super().get_formset(request, obj, **kwargs)

    def read_by(self, section: Section) -> int:
        """Readers who read this section."""
        return (
            self._readership.read_by.get(section.anchor, 0) if self._readership else 0
        )

    def stop_here(self, section: Section) -> int:
        """Readers who read no further."""
        found = self._readership
        return found.stopped_at.get(section.anchor, 0) if found else 0


@admin.register(Chapter)
class ChapterAdmin(ReadOnly, admin.ModelAdmin):
    """Chapters, drafts too, and counts of their readers."""

    list_display = (
        "title",
        "position",
        "is_draft",
        "minutes",
        "readers",
        "updated_at",
    )
    readonly_fields = ("readers",)
    inlines = (SectionInline,)

    def readers(self, chapter: Chapter) -> str:
        """How many read a section, and how many all of them."""
        found = readership(chapter)
        noun = "reader" if found.num_readers == 1 else "readers"
        return f"{found.num_readers} {noun}, {found.num_finished} to the end"


# Their pages show secrets; a second factor is set up and removed by its owner.
for _model in (TOTPDevice, StaticDevice):
    admin.site.unregister(_model)


@admin.register(User)
class AccountAdmin(UserAdmin):
    """Accounts, by e-mail address."""

    ordering = ("email",)
    list_display = ("email", "is_staff", "last_login")
    search_fields = ("email",)
    actions = ("sign_out",)
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (
            "Permissions",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups")},
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out(self, request: HttpRequest, accounts: QuerySet[User]) -> None:
        """Ends every session of the accounts that were chosen, and their sockets."""
        chosen = [one for one in accounts if self.has_change_permission(request, one)]
        for account in chosen:
            end_sessions(account)
            note("signed out by staff", request, of=account.pk)
        self.message_user(request, f"Signed out everywhere: {len(chosen)}.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Accounts of staff are a superuser's to change."""
        is_higher = obj is not None and (obj.is_staff or obj.is_superuser)
        if is_higher and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As has_change_permission."""
        if obj is not None and not self.has_change_permission(request, obj):
            return False
        return super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Rights are a superuser's to give."""
        if request.user.is_superuser:
            return ()
        return RIGHTS

    add_fieldsets = ((None, {"fields": ("email", "password1", "password2")}),)
