"""The reader's pages."""

from django.urls import path

from courseware import accounts, figure_views, second_factor, sign_up, views

app_name = "courseware"
urlpatterns = [
    path("", views.home, name="home"),
    path("favicon.ico", views.favicon),
    path("chapters/<slug:slug>/", views.chapter, name="chapter"),
    path("chapters/<slug:slug>/read/", views.read, name="read"),
    path("glossary/", views.glossary, name="glossary"),
    path("search/", views.search, name="search"),
    path("design/", views.design, name="design"),
    path("figures/cards/", views.cards, name="cards"),
    path("figures/<slug:name>.json", views.figure_data, name="figure-data"),
    path("figures/cluster/", figure_views.cluster, name="cluster"),
    path("privacy/", views.privacy, name="privacy"),
    path("privacy/forget/", views.forget, name="forget"),
    path("licences/", views.licences, name="licences"),
    path("account/", accounts.account, name="account"),
    path("account/sign-up/", sign_up.sign_up, name="sign-up"),
    path("account/sign-up/sent/", sign_up.sign_up_sent, name="sign-up-sent"),
    path("account/sign-up/<token>/", sign_up.finish_sign_up, name="finish-sign-up"),
    path("account/sign-in/", accounts.sign_in, name="sign-in"),
    path("account/sign-in/code/", second_factor.second_step, name="second-step"),
    path("account/second-factor/", second_factor.page, name="second-factor"),
    path("account/second-factor/begin/", second_factor.begin, name="begin-factor"),
    path(
        "account/second-factor/confirm/", second_factor.confirm, name="confirm-factor"
    ),
    path("account/second-factor/remove/", second_factor.remove, name="remove-factor"),
    path("account/sign-out/", accounts.sign_out, name="sign-out"),
    path(
        "account/sign-out/everywhere/",
        accounts.sign_out_everywhere,
        name="sign-out-everywhere",
    ),
    path("account/password/", accounts.change_password, name="change-password"),
    path("account/reset/", accounts.reset, name="reset"),
    path("account/reset/sent/", accounts.reset_sent, name="reset-sent"),
    path("account/reset/<uidb64>/<token>/", accounts.new_password, name="new-password"),
]
