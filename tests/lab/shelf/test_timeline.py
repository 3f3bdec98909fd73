"""The timeline of a recording as the replay page fetches it."""

from tests.lab.shelf.conftest import browser


def test_it_is_fetched_for_whoever_may_see_the_recording(learner) -> None:
    told = learner.get("/lab/recordings/smollm2-cpu-overflow/steps/").json()
    assert len(told["steps"]) > 100 and told["requests"]
    page = learner.get("/lab/replay/smollm2-cpu-overflow/").content.decode()
    assert 'data-url="/lab/recordings/smollm2-cpu-overflow/steps/"' in page
    assert browser().get("/lab/recordings/nobody/steps/").status_code == 404
