"""The Home tab and mentions: what runs now, what waits for me."""

from bot import operations
from bot.domain.errors import NotAllowed
from bot.views import answers, forms
from bot.views.answers import Answer
from handlers.office import Body, Office, said, whisper


async def home_opened(event: Body, office: Office) -> None:
    """Draw the Home tab anew each time it is opened."""
    user = event.get("user")
    if event.get("tab") not in {None, "home"} or not isinstance(user, str):
        return
    await said(_publish(office, user))


async def mentioned(event: Body, office: Office) -> None:
    """`@slackwater status` in a thread, where slash commands cannot be typed."""
    user, channel = event.get("user"), event.get("channel")
    if not isinstance(user, str) or not isinstance(channel, str):
        return  # a bot's mention names no person
    person = await office.slack.person(user)
    answer = await said(_status(office, person.id))
    if answer is not None:
        thread = event.get("thread_ts")
        place = (channel, str(thread) if thread else None)
        await whisper(office, place, person.id, answer)


async def _status(office: Office, user: str) -> Answer:
    person = await office.slack.person(user)
    active = await operations.status(office.desk, person, None)
    return answers.status(active.runs, await office.setting(), active.unreadable)


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
    threads = office.slack.threads()
    await office.slack.publish_home(user, forms.home(person, active.runs, recent, threads, active.unreadable))
