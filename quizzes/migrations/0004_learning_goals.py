from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quizzes", "0003_copies_of_a_run")]

    operations = [
        migrations.CreateModel(
            name="LearningGoal",
            fields=[
                (
                    "name",
                    models.SlugField(max_length=80, primary_key=True, serialize=False),
                ),
                ("text", models.CharField(max_length=300)),
                ("chapter", models.SlugField(max_length=80)),
                ("section", models.CharField(max_length=120)),
                ("position", models.PositiveIntegerField(default=0)),
                ("is_current", models.BooleanField(default=True)),
            ],
            options={"ordering": ["position", "name"]},
        ),
        migrations.AddField(
            model_name="questionrevision",
            name="goal",
            field=models.SlugField(blank=True, max_length=80),
            preserve_default=True,
        ),
    ]
