"""What the mentor keeps, readable and deletable without JavaScript."""

from django.urls import path

from mentor import views

app_name = "mentor"
urlpatterns = [
    path("", views.conversations, name="conversations"),
    path(
        "conversations/<uuid:conversation_id>/",
        views.conversation,
        name="conversation",
    ),
    path(
        "conversations/<uuid:conversation_id>/delete/",
        views.delete_conversation,
        name="delete",
    ),
]
