"""The Home tab and mentions: what runs now, what waits for me."""

from bot import operations
from bot.domain.errors import NotAllowed
from bot.views import answers, forms
from bot.views.answers import Answer
from handlers.office import Body, Office, said, whisper


async def home_opened(event: Body, office: Office) -> None:
    """Draw the Home tab anew each time it is opened."""
    if event.get("tab") not in {None, "home"}:
        return
    await said(_publish(office, str(event["user"])))


async def mentioned(event: Body, office: Office) -> None:
    """`@slackwater status` in a thread, where slash commands cannot be typed."""
    person = await office.slack.person(str(event["user"]))
    answer = await said(_status(office, person.id))
    if answer is not None:
        thread = event.get("thread_ts")
        place = (str(event["channel"]), str(thread) if thread else None)
        await whisper(office, place, person.id, answer)


async def _status(office: Office, user: str) -> Answer:
    person = await office.slack.person(user)
    runs = await operations.status(office.desk, person, None)
    return answers.status(runs, await office.setting())


async def _publish(office: Office, user: str) -> None:
    person = await office.slack.person(user)
    try:
        active = await operations.status(office.desk, person, None)
        recent = await operations.history(office.desk, person)
    except NotAllowed as refusal:
        # Slack keeps what was shown last, and the person may have had a role then.
        blocks = list(answers.refused(refusal).blocks)
        await office.slack.publish_home(user, {"type": "home", "blocks": blocks})
        raise
    await office.slack.publish_home(user, forms.home(person, active, recent, office.slack.threads()))
