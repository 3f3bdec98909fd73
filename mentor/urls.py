"""What the mentor keeps, without JavaScript; and what staff make new notes of."""

from django.urls import path

from mentor import staff_views, views

app_name = "mentor"
urlpatterns = [
    path("", views.conversations, name="conversations"),
    path(
        "conversations/<uuid:conversation_id>/",
        views.conversation,
        name="conversation",
    ),
    path("conversations/<uuid:conversation_id>/export/", views.export, name="export"),
    path("conversations/<uuid:conversation_id>/rename/", views.rename, name="rename"),
    path("suggestions/", views.suggestions, name="suggestions"),
    path("questions/", staff_views.questions, name="questions"),
    path("questions.csv", staff_views.questions_csv, name="questions-csv"),
    path("new.notes.yaml", staff_views.questions_yaml, name="questions-yaml"),
    path(
        "conversations/<uuid:conversation_id>/delete/",
        views.delete_conversation,
        name="delete",
    ),
]
