"""The fleet simulator and the cost challenge, under the lab's."""

from django.urls import path

from lab.challenge import download_views, scenario_views, source_views, views

urlpatterns = [
    path("fleet/", views.fleet, name="fleet"),
    path("fleet/month/", views.whole_month, name="fleet-month"),
    path("fleet/figures.csv", download_views.figures_csv, name="fleet-csv"),
    path("fleet/<slug:name>.svg", download_views.drawing, name="fleet-svg"),
    path("fleet/file/", source_views.upload, name="fleet-file"),
    path("fleet/rates/", source_views.measure, name="fleet-measure"),
    path("fleet/rates/<slug:measurement_id>/", source_views.rates, name="fleet-rates"),
    path("challenge/", scenario_views.scenarios, name="challenge"),
    path("challenge/name/", scenario_views.name, name="challenge-name"),
    path("challenge/<slug:scenario_id>/", scenario_views.one, name="challenge-one"),
    path(
        "challenge/<slug:scenario_id>/hand-in/",
        scenario_views.hand_in,
        name="challenge-hand-in",
    ),
]
