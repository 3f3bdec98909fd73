"""The fleet simulator's pages, under capacity's."""

from django.urls import path

from capacity.fleet import derived_views, download_views, source_views, views

urlpatterns = [
    path("", views.fleet, name="fleet"),
    path("month/", views.whole_month, name="fleet-month"),
    path("figures.csv", download_views.figures_csv, name="fleet-csv"),
    path("<slug:name>.svg", download_views.drawing, name="fleet-svg"),
    path("file/", source_views.upload, name="fleet-file"),
    path("card/", derived_views.use_card, name="fleet-card"),
    path("rates/", source_views.measure, name="fleet-measure"),
    path("rates/<slug:measurement_id>/", source_views.rates, name="fleet-rates"),
]
