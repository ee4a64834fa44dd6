import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Officer",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("area_code", models.CharField(max_length=12, verbose_name="县区 area")),
            ],
        ),
        migrations.CreateModel(
            name="TakenRelease",
            fields=[
                ("release_id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("business_date", models.DateField()),
                ("taken_at", models.DateTimeField()),
                ("n_flags", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Case",
            fields=[
                ("flag_id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("rule_code", models.CharField(max_length=8)),
                ("rule_name_zh", models.TextField()),
                ("rule_name_en", models.TextField()),
                ("area_code", models.CharField(max_length=12)),
                ("area_name_zh", models.TextField()),
                ("area_name_en", models.TextField()),
                ("indicator_id", models.TextField(blank=True)),
                ("indicator_name_zh", models.TextField(blank=True)),
                ("indicator_name_en", models.TextField(blank=True)),
                ("feed_code", models.TextField(blank=True)),
                ("cause_id", models.TextField(blank=True)),
                ("colour_code", models.CharField(max_length=8)),
                ("urgency", models.SmallIntegerField()),
                ("observed", models.FloatField(null=True)),
                ("expected", models.FloatField(null=True)),
                ("threshold", models.FloatField(null=True)),
                ("since", models.DateField(null=True)),
                ("detail_zh", models.TextField()),
                ("detail_en", models.TextField()),
                ("raised_on", models.DateField()),
                ("raised_at", models.DateTimeField()),
                ("standing_on", models.DateField()),
                ("state_code", models.CharField(max_length=12)),
                ("entered_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("n_steps", models.PositiveIntegerField()),
                (
                    "assignee",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("from_state", models.CharField(blank=True, max_length=12)),
                ("to_state", models.CharField(max_length=12)),
                ("reason_code", models.CharField(max_length=24)),
                ("text", models.TextField(blank=True)),
                ("evidence", models.TextField(blank=True)),
                (
                    "assignee",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="desk.case"
                    ),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="desk.case"
                    ),
                ),
            ],
            options={
                "ordering": ("number",),
            },
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["state_code", "urgency", "due_at"], name="case_by_urgency"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["rule_code", "area_code", "indicator_id", "feed_code", "state_code", "entered_at"],
                name="case_by_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state_code__in", ["raised", "assigned", "verified", "confirmed", "cleared", "expired", "merged"])
                ),
                name="case_has_a_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.UniqueConstraint(fields=("case", "number"), name="step_once"),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("from_state", "raised"), ("to_state", "assigned")),
                    models.Q(("from_state", "assigned"), ("to_state", "assigned")),
                    models.Q(("from_state", "assigned"), ("to_state", "verified")),
                    models.Q(("from_state", "verified"), ("to_state", "assigned")),
                    models.Q(("from_state", "verified"), ("to_state", "confirmed")),
                    models.Q(("from_state", "verified"), ("to_state", "cleared")),
                    models.Q(("from_state", "raised"), ("to_state", "merged")),
                    models.Q(("from_state", "assigned"), ("to_state", "merged")),
                    models.Q(("from_state", "verified"), ("to_state", "merged")),
                    models.Q(("from_state", ""), ("to_state", "raised")),
                    models.Q(("from_state", "raised"), ("to_state", "expired")),
                    _connector="OR",
                ),
                name="step_is_a_move",
            ),
        ),
    ]
