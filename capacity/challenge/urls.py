"""The cost challenge's pages, under capacity's."""

from django.urls import path

from capacity.challenge import views

urlpatterns = [
    path("", views.scenarios, name="challenge"),
    path("name/", views.name, name="challenge-name"),
    path("<slug:scenario_id>/", views.one, name="challenge-one"),
    path("<slug:scenario_id>/hand-in/", views.hand_in, name="challenge-hand-in"),
]
