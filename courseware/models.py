"""Accounts and learners: who reads, and since when."""

import re
import unicodedata
from html import unescape
from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac


def account_name(typed: str) -> str:
    """The address of an account as it is kept, whatever the spelling: in lower case,
    and in the letters that look-alikes of Unicode (full width, long s) stand for."""
    return unicodedata.normalize("NFKC", typed).strip().lower()


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address; there is no user name."""

    def create_user(
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        """A user who signs in with ``email``; ValueError without one."""
        if not email:
            raise ValueError("A user has an e-mail address: it is what signs in.")
        user = self.model(email=account_name(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        """A user who may do everything in the admin."""
        return self.create_user(
            email, password, **{"is_staff": True, "is_superuser": True, **fields}
        )

    def get_by_natural_key(self, username: str | None) -> "User":
        """Signing in ignores case."""
        return self.get(email=account_name(username or ""))


class User(AbstractUser):
    """An account: the e-mail address is the name that signs in."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    session_round = models.PositiveIntegerField(
        default=0, help_text="Counted up, it ends every session of the account."
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Django's, of the password, and of the round where there was one."""
        if not self.session_round:
            found: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]
            return found
        salt = "courseware.models.User.get_session_auth_hash"
        value = f"{self.password} {self.session_round}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()


class Learner(models.Model):
    """Someone who reads, known only by an opaque id kept in their session."""

    learner_id = models.CharField(max_length=32, primary_key=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="learner"
    )

    def __str__(self) -> str:
        return self.learner_id[:8]


class ChapterQuerySet(models.QuerySet["Chapter"]):
    """Chapters, by who may see them."""

    def published(self) -> "ChapterQuerySet":
        """Those that are no drafts: what contents, search and mentor know."""
        return self.filter(is_draft=False)

    def visible_to(self, user: Any) -> "ChapterQuerySet":
        """Those that this user may open: drafts are for staff."""
        return self.all() if getattr(user, "is_staff", False) else self.published()


class Chapter(models.Model):
    """A chapter as it was loaded; its source is ``courseware/content/<slug>.md``."""

    slug = models.SlugField(primary_key=True, max_length=80)
    title = models.CharField(max_length=200)
    subtitle = models.CharField(max_length=300, blank=True)
    summary = models.TextField()
    position = models.PositiveIntegerField(db_index=True)
    minutes = models.PositiveIntegerField(help_text="Estimated time to read.")
    short_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of the short path, where there is one."
    )
    is_draft = models.BooleanField(default=False, help_text="Only staff may see it.")
    updated_at = models.DateTimeField(auto_now=True)

    objects = ChapterQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "slug"]

    def __str__(self) -> str:
        return self.title


LINK_TO_HEADING = 'href="#{}" aria-label="Link to '
"""What courseware.markdown puts beside each sub-heading, before its title."""


class SectionQuerySet(models.QuerySet["Section"]):
    """Sections, by the headings in them."""

    def with_heading(self, chapter: str, anchor: str) -> "Section | None":
        """The section of a chapter that is, or holds, the heading with this id."""
        within = models.Q(html__contains=LINK_TO_HEADING.format(anchor))
        here = self.filter(chapter_id=chapter)
        return here.filter(models.Q(anchor=anchor) | within).first()


class Section(models.Model):
    """A second-level heading and what follows it, drawn and as plain words."""

    chapter = models.ForeignKey(
        Chapter, on_delete=models.CASCADE, related_name="sections"
    )
    position = models.PositiveIntegerField()
    anchor = models.SlugField(max_length=120, allow_unicode=True)
    number = models.PositiveIntegerField(null=True, blank=True)
    title = models.CharField(max_length=200, blank=True)
    heading = models.TextField(blank=True, help_text="The title as trusted HTML.")
    is_short = models.BooleanField(default=False, help_text="On the short path.")
    short_parts = models.JSONField(
        default=list, help_text="Sub-headings on the short path: anchor and title."
    )
    html = models.TextField(help_text="Drawn by the loader; trusted.")
    text = models.TextField(help_text="Plain words for search and the mentor.")

    objects = SectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["chapter", "position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["chapter", "anchor"], name="one_anchor_per_chapter"
            )
        ]

    def __str__(self) -> str:
        return self.title or self.anchor

    def title_of(self, anchor: str) -> str:
        """The title of the section, or of a sub-heading in it; "" if neither is it."""
        if anchor == self.anchor:
            return self.title
        link = LINK_TO_HEADING.format(re.escape(anchor)) + '([^"]*)"'
        found = re.search(link, self.html)
        return unescape(found[1]) if found else ""


class ReadSection(models.Model):
    """A section that a learner has read to its end."""

    learner = models.ForeignKey(
        Learner, on_delete=models.CASCADE, related_name="read_sections"
    )
    chapter = models.ForeignKey(
        Chapter, on_delete=models.CASCADE, related_name="read_sections"
    )
    anchor = models.CharField(max_length=120)
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["learner", "chapter", "anchor"], name="a_section_is_read_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.chapter_id}#{self.anchor}"
