"""The pages of capacity planning, at the addresses that they always had."""

from django.urls import include, path

app_name = "capacity"
urlpatterns = [
    path("hardware/", include("capacity.hardware.urls")),
    path("fleet/", include("capacity.fleet.urls")),
    path("challenge/", include("capacity.challenge.urls")),
]
