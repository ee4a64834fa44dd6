"""What the desk keeps: one case a released flag, its steps (only ever added), and who may act where."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Subquery

from portal.desk import life
from portal.desk.language import in_language

SUBJECT = ("rule_code", "area_code", "indicator_id", "feed_code")  # flags that agree in these are of the same thing


class Officer(models.Model):
    """Where a user may look and act: one county, or the whole city under its own code. Roles are the user's groups."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)
    area_code = models.CharField("县区 area", max_length=12)

    @property
    def is_of_city(self) -> bool:
        return self.area_code == settings.CITY_AREA

    @property
    def roles(self) -> frozenset[str]:
        if not hasattr(self, "_roles"):
            names = self.user.groups.values_list("name", flat=True)
            self._roles = frozenset(names) & frozenset(life.ROLES)
        return self._roles

    def covers(self, area_code: str) -> bool:
        return self.is_of_city or self.area_code == area_code


class CaseSet(models.QuerySet["Case"]):
    def seen_by(self, officer: Officer) -> CaseSet:
        """Cases of the officer's area; none if the officer has no role."""
        if not officer.roles:
            return self.none()
        return self if officer.is_of_city else self.filter(area_code=officer.area_code)

    def with_cleared_before(self) -> CaseSet:
        """Adds `cleared_before`: the id of a flag about the same thing, cleared in the 30 days before this one."""
        same = {name: OuterRef(name) for name in SUBJECT}
        since = OuterRef("raised_at") - life.RERAISED_WITHIN
        cleared = Case.objects.filter(**same, state_code=life.CLEARED, entered_at__range=(since, OuterRef("raised_at")))
        return self.annotate(cleared_before=Subquery(cleared.order_by("-entered_at").values("pk")[:1]))


class Case(models.Model):
    """A released flag with the words of its newest release, and how far it has come."""

    flag_id = models.CharField(max_length=32, primary_key=True)
    rule_code = models.CharField(max_length=8)
    rule_name_zh = models.TextField()
    rule_name_en = models.TextField()
    area_code = models.CharField(max_length=12)
    area_name_zh = models.TextField()
    area_name_en = models.TextField()
    indicator_id = models.TextField(blank=True)
    indicator_name_zh = models.TextField(blank=True)
    indicator_name_en = models.TextField(blank=True)
    feed_code = models.TextField(blank=True)
    cause_id = models.TextField(blank=True)  # first flag of the same cause, as the release says
    colour_code = models.CharField(max_length=8)  # the most urgent that it has had
    urgency = models.SmallIntegerField()  # of the colour, for the order of lists
    observed = models.FloatField(null=True)
    expected = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    since = models.DateField(null=True)
    detail_zh = models.TextField()
    detail_en = models.TextField()
    raised_on = models.DateField()  # business date of the first release with it
    raised_at = models.DateTimeField()  # when it was taken over
    standing_on = models.DateField()  # business date of the newest release with it
    state_code = models.CharField(max_length=12)
    entered_at = models.DateTimeField()  # when it came into the state
    due_at = models.DateTimeField(null=True)
    n_steps = models.PositiveIntegerField()
    red_told_on = models.DateField(null=True)  # business date of the digest that told of it as a new red flag
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = CaseSet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=["state_code", "urgency", "due_at"], name="case_by_urgency"),
            models.Index(fields=[*SUBJECT, "state_code", "entered_at"], name="case_by_subject"),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(state_code__in=list(life.STATES)), name="case_has_a_state"),
        )

    @property
    def rule_name(self) -> str:
        return in_language(self, "rule_name")

    @property
    def area_name(self) -> str:
        return in_language(self, "area_name")

    @property
    def subject(self) -> str:
        """What of the area the flag is about: an indicator, a feed, or nothing narrower."""
        return in_language(self, "indicator_name") or self.feed_code

    @property
    def detail(self) -> str:
        return in_language(self, "detail")

    @property
    def mark(self) -> str:
        return life.MARKS[self.colour_code]

    @property
    def colour(self) -> str:
        return life.COLOURS[self.colour_code]

    @property
    def state(self) -> str:
        return life.STATES[self.state_code]

    @property
    def is_open(self) -> bool:
        return self.state_code in life.OPEN

    def same_subject(self) -> CaseSet:
        """Other cases of the same rule about the same thing."""
        return Case.objects.filter(**{name: getattr(self, name) for name in SUBJECT}).exclude(pk=self.pk)


class Step(models.Model):
    """One step of a case. PostgreSQL refuses to change or remove one (migrations/0002_append_only.py)."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField()  # 1, 2, 3 … within the case
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # null: the system
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    reason_code = models.CharField(max_length=24)
    text = models.TextField(blank=True)
    evidence = models.TextField(blank=True)  # a link, or sha256:<hash of a file>
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    merged_into = models.ForeignKey(Case, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=["case", "number"], name="step_once"),
            models.CheckConstraint(
                condition=models.Q(*(
                    models.Q(from_state=source, to_state=target)
                    for source, target in (*life.MOVES, *life.MOVES_OF_SYSTEM)
                ), _connector=models.Q.OR),
                name="step_is_a_move",
            ),
        )  # fmt: skip

    @property
    def is_link(self) -> bool:
        return self.evidence.startswith("http")

    @property
    def move(self) -> str:
        return {**life.MOVES, **life.MOVES_OF_SYSTEM}[self.from_state, self.to_state]

    @property
    def reason(self) -> str:
        return life.REASON_WORDS[self.reason_code]


class TakenRelease(models.Model):
    """A release whose flags were taken over."""

    release_id = models.CharField(max_length=40, primary_key=True)
    business_date = models.DateField()
    taken_at = models.DateTimeField()
    n_flags = models.PositiveIntegerField()


class SentDigest(models.Model):
    """A digest that somebody was sent. `channel`: mail, or the SHA-256 of a webhook's address, which is a secret.

    Of a reminder it is the SHA-256 of both, what it is about and the former.
    """

    business_date = models.DateField()
    channel = models.CharField(max_length=64)
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["business_date", "channel"], name="digest_once"),)


class SignInTry(models.Model):
    """A failed try to sign in, of the last minutes: two rows each, one of its account and one of its address."""

    subject = models.CharField(max_length=64)  # keyed hash of either (sign_in.py)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = (models.Index(fields=["subject", "at"], name="try_by_subject"),)
