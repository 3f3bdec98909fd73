"""The tables come from lab, where these models were first: only the state moves."""

import django.utils.timezone
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import capacity.models

STATE = [
    migrations.CreateModel(
        name="ClassName",
        fields=[
            (
                "learner_id",
                models.CharField(max_length=32, primary_key=True, serialize=False),
            ),
            ("name", models.CharField(max_length=40)),
        ],
        options={"db_table": "lab_classname"},
    ),
    migrations.CreateModel(
        name="RateMeasurement",
        fields=[
            (
                "measurement_id",
                models.CharField(
                    default=capacity.models.new_id,
                    max_length=32,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("learner_id", models.CharField(db_index=True, max_length=32)),
            ("alone", models.CharField(max_length=32, unique=True)),
            ("together", models.JSONField(default=list)),
            ("reports", models.JSONField(default=dict)),
            ("engine", models.JSONField(default=dict)),
            ("error", models.CharField(blank=True, max_length=300)),
            ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
        ],
        options={
            "db_table": "lab_ratemeasurement",
            "ordering": ["-created_at"],
        },
    ),
    migrations.CreateModel(
        name="ChallengeResult",
        fields=[
            (
                "result_id",
                models.CharField(
                    default=capacity.models.new_id,
                    max_length=32,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("learner_id", models.CharField(db_index=True, max_length=32)),
            ("scenario", models.CharField(max_length=40)),
            ("fleet", models.JSONField()),
            ("cost_usd", models.FloatField()),
            ("meets_slo", models.BooleanField()),
            ("score", models.PositiveSmallIntegerField()),
            ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
        ],
        options={
            "db_table": "lab_challengeresult",
            "ordering": ["-score", "cost_usd", "created_at"],
            "indexes": [
                models.Index(fields=["scenario", "-score"], name="challenge_best")
            ],
        },
    ),
    migrations.CreateModel(
        name="KeptRequestFile",
        fields=[
            (
                "id",
                models.BigAutoField(
                    auto_created=True,
                    primary_key=True,
                    serialize=False,
                    verbose_name="ID",
                ),
            ),
            ("learner_id", models.CharField(db_index=True, max_length=32)),
            ("digest", models.CharField(max_length=64)),
            ("name", models.CharField(max_length=80)),
            ("num_requests", models.PositiveIntegerField()),
            ("table", models.BinaryField()),
            ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
        ],
        options={
            "db_table": "lab_keptrequestfile",
            "ordering": ["-created_at"],
            "constraints": [
                models.UniqueConstraint(
                    fields=("learner_id", "digest"), name="challenge_one_file"
                )
            ],
        },
    ),
]


def move_content_types(
    apps: StateApps, schema_editor: BaseDatabaseSchemaEditor
) -> None:
    """Permissions hang on content types: they go with the models."""
    content_types = apps.get_model("contenttypes", "ContentType")
    moved = [operation.name.lower() for operation in STATE]
    content_types.objects.using(schema_editor.connection.alias).filter(
        app_label="lab", model__in=moved
    ).update(app_label="capacity")


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("lab", "0002_challenge"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=STATE),
        migrations.RunPython(move_content_types, migrations.RunPython.noop),
    ]
