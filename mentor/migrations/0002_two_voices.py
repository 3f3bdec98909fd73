"""A turn has two voices: what the course says, and the engine's words, checked.

One question of a learner may be open: where there are several, the newest stays so and
the others are given up; a report that still comes counts all the same.
"""

from typing import Any

from django.db import migrations, models


def name_learners(apps: Any, schema_editor: Any) -> None:
    for conversation in apps.get_model("mentor", "Conversation").objects.iterator():
        conversation.turns.update(learner_id=conversation.learner_id)
    turns, seen = apps.get_model("mentor", "Turn").objects, set()
    for turn in turns.filter(state="open").order_by("-created_at", "-pk"):
        if turn.learner_id in seen:
            turn.state, turn.error = "failed", "You asked another question meanwhile."
            turn.save(update_fields=["state", "error"])
        seen.add(turn.learner_id)


class Migration(migrations.Migration):
    dependencies = [("mentor", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Preference",
            fields=[
                (
                    "learner_id",
                    models.CharField(max_length=32, primary_key=True, serialize=False),
                ),
                ("level", models.CharField(default="standard", max_length=8)),
            ],
        ),
        migrations.AddField(
            "turn",
            "learner_id",
            models.CharField(default="", max_length=32),
            preserve_default=False,
        ),
        migrations.AddField(
            "turn", "level", models.CharField(default="standard", max_length=8)
        ),
        migrations.AddField(
            "turn",
            "section",
            models.CharField(blank=True, max_length=120, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            "turn",
            "selected",
            models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField("turn", "is_replaced", models.BooleanField(default=False)),
        migrations.AddField(
            "turn",
            "kind",
            models.CharField(blank=True, max_length=8, default=""),
            preserve_default=False,
        ),
        migrations.AddField("turn", "course", models.JSONField(null=True)),
        migrations.AddField("turn", "found", models.JSONField(null=True)),
        migrations.AddField("turn", "checked", models.JSONField(null=True)),
        migrations.AddField(
            "turn",
            "verdict",
            models.CharField(blank=True, max_length=5, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            "turn",
            "reason",
            models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AlterField("turn", "prompt", models.TextField(blank=True)),
        migrations.RunPython(name_learners, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            "turn",
            models.UniqueConstraint(
                condition=models.Q(state="open"),
                fields=["learner_id"],
                name="mentor_one_open_turn_a_learner",
            ),
        ),
    ]
