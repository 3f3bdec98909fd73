"""The hardware calculator's pages, under capacity's."""

from django.urls import path

from capacity.hardware import views

urlpatterns = [
    path("", views.hardware, name="hardware"),
    path("config/", views.upload, name="hardware-config"),
    path("engine/", views.engine, name="hardware-engine"),
]
