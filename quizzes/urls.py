"""Pages of the quizzes; each works by full page loads, and as fragments with htmx."""

from django.urls import path

from quizzes import staff_views, views

app_name = "quizzes"
urlpatterns = [
    path("", views.progress, name="progress"),
    path("names/", views.consent, name="consent"),
    path("statistics/", staff_views.overview, name="statistics"),
    path(
        "statistics/<slug:quiz_name>/", staff_views.statistics, name="quiz_statistics"
    ),
    path(
        "statistics/<slug:quiz_name>/answers.csv",
        staff_views.answers_csv,
        name="answers_csv",
    ),
    path("attempts/<uuid:attempt_id>/", views.attempt, name="attempt"),
    path("attempts/<uuid:attempt_id>/<int:position>/", views.question, name="question"),
    path(
        "attempts/<uuid:attempt_id>/<int:position>/answer/",
        views.answer,
        name="answer",
    ),
    path("attempts/<uuid:attempt_id>/<int:position>/hint/", views.hint, name="hint"),
    path("attempts/<uuid:attempt_id>/<int:position>/retry/", views.retry, name="retry"),
    path("attempts/<uuid:attempt_id>/finish/", views.finish, name="finish"),
    path("<slug:quiz_name>/", views.quiz, name="quiz"),
    path("<slug:quiz_name>/start/", views.start, name="start"),
]
