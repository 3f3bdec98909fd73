from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quizzes", "0002_recorded_runs")]

    operations = [
        migrations.AddField(
            model_name="measurement",
            name="copy",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AlterModelOptions(
            name="measurement", options={"ordering": ["run", "copy"]}
        ),
        migrations.RemoveConstraint(model_name="measurement", name="quizzes_one_run"),
        migrations.AddConstraint(
            model_name="measurement",
            constraint=models.UniqueConstraint(
                fields=("answer", "run", "copy"), name="quizzes_one_copy_of_a_run"
            ),
        ),
    ]
