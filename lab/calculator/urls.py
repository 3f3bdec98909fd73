"""The calculator's pages, under the lab's."""

from django.urls import path

from lab.calculator import views

urlpatterns = [
    path("hardware/", views.hardware, name="hardware"),
    path("hardware/config/", views.upload, name="hardware-config"),
    path("hardware/engine/", views.engine, name="hardware-engine"),
]
