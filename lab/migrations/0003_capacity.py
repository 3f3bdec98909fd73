"""The models of the challenge are capacity's now: their tables stay as they are."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("lab", "0002_challenge"),
        ("capacity", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name="ChallengeResult"),
                migrations.DeleteModel(name="ClassName"),
                migrations.DeleteModel(name="KeptRequestFile"),
                migrations.DeleteModel(name="RateMeasurement"),
            ],
        ),
    ]
