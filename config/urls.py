"""Every page: each app brings its own paths."""

from django.contrib import admin
from django.urls import include, path

from config.health import healthz, readyz
from config.metrics import metrics
from courseware.accounts import change_password, sign_in_as_staff

handler500 = "config.failures.failed"
urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("admin/login/", sign_in_as_staff),
    path("admin/password_change/", change_password),
    path("admin/", admin.site.urls),
    path("", include("courseware.urls")),
    path("lab/", include("lab.urls")),
    path("lab/", include("capacity.urls")),
    path("mentor/", include("mentor.urls")),
    path("quiz/", include("quizzes.urls")),
]
