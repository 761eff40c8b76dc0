"""What the file gets wrong, and what customers write: one clear message each, and no harm."""

import pytest

from tests.follow_ups.days import CRM, QUIET, START, push
from tests.jobs.road import CONFIG, Place, small_company
from tests.write_back.portal import Portal

HOSTILE = '"\x1b[2J\x07<script>alert(1)</script>\u202e& ' + "x" * 70_000 + '"'


@pytest.mark.parametrize(
    ("wrong", "message", "remedy"),
    [
        ("[health.inputs.usage]\nweight = 30", "weights must total 100, these total 90",
         "out with weight = 0"),
        ('[health.inputs.usage]\nsignal = "logins"', "unknown signal 'logins'",
         "use one of: active_days_28"),
        ("[health.inputs.nps]\npoints = [[0, 100], [10, 0]]",
         "points fall from 100 to 0 as nps grows from 0 to 10, but more of it is better",
         "turn the pairs around"),
        ("[health.bands]\nyellow = 80", "green = 71 must be above yellow = 80",
         "raise green or lower yellow"),
        ('[health.profiles.new]\nfirst_days = 90\n[health.profiles.new.inputs.usage]\nweight = 50',
         "profiles.new: weights must total 100, these total 110", "out with weight = 0"),
        ("[playbooks.exit_surveys]\nenabled = true",
         "playbooks.exit_surveys.assignee: is missing: these follow-ups belong to no account",
         'add assignee = "name@example.com" to [playbooks.exit_surveys] or to [follow_ups]'),
        ('[playbooks.exit_surveys]\nassignee = "a@b.example"\ntarget = {rate = 0.05}',
         "playbooks.exit_surveys.target.per: is missing", "add per = …"),
        ("[playbooks.detractor_call]\ndue = 3", "playbooks.detractor_call.due: unknown key",
         "did you mean due_in?"),
        ('[playbooks.detractor_call]\ntitle = "Call {name} now"',
         "playbooks.detractor_call.title: there is no field {name}", "use {title}, {body}, {acc"),
        ('[playbooks.detractor_call]\nbody = "{account.__class__}"',
         "playbooks.detractor_call.body: there is no field {account.__class__}", "use {title}"),
        ('[playbooks.detractor_call]\ntitle = "50 % {"',
         "playbooks.detractor_call.title: is not a template", "write a brace itself as {{ or }}"),
        ('[playbooks.detractor_cal]\nenabled = false', "there is no such playbook",
         "did you mean detractor_call?"),
        ('[playbooks.detractor_call]\nmax_age_days = 0', "playbooks.detractor_call.max_age_days",
         "correct max_age_days"),
        ('[follow_ups]\nassignee = "the boss"', "'the boss' is not an e-mail address",
         "write it as name@example.com"),
        ('[follow_ups]\nbusiness_hours = ["17:00", "09:00"]',
         "business_hours must end after they begin", "write the earlier time first"),
        ("[follow_ups]\ndaily_cap = 0", "follow_ups.daily_cap: must be greater than or equal to 1",
         "correct daily_cap"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_one_message(
    tmp_path_factory: pytest.TempPathFactory, wrong: str, message: str, remedy: str
) -> None:
    place = Place(tmp_path_factory.mktemp("wrong"))
    place.configure(CONFIG + "\n" + "\n".join(f"    {line}" for line in wrong.splitlines()))
    ran = place.run("score")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.messages
    assert remedy in ran.messages
    assert ran.err.count("→") == 1
    assert "Traceback" not in ran.err


@pytest.mark.slow("syncs and runs whole commands")
def test_what_customers_write_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory, portal: Portal
) -> None:
    place = small_company(tmp_path_factory.mktemp("hostile"))
    place.configure(CONFIG + CRM + QUIET + START)
    answers = (place.path / "data" / "survey_responses.csv").read_text(encoding="utf-8")
    assert "Too slow" in answers
    place.write("data/survey_responses.csv", answers.replace("Too slow", HOSTILE.strip('"')))
    assert place.run("sync").code == 0
    push(place)
    shown = place.run("explain", "beta").out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    (call,) = (task for task in portal.tasks.values() if "Cleo" in task["title"])
    assert "<script>alert(1)</script>" in call["body"]
    assert all(sign not in call["body"] for sign in ("\x1b", "\x07", "\u202e"))
    assert len(call["body"]) < 2_000
    assert place.run("report").code == 0
    page = (place.path / "cs_sync_report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert len(page) < 1_000_000
