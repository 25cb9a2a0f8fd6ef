"""Slack's limits on texts, elements and views, as data: `blocks.py` walks, this file knows the figures.

Sources stand in Slack's Block Kit reference and its SDKs; where they conflict, the stricter figure holds.
"""

BLOCKS_IN_MESSAGE = 50
BLOCKS_IN_VIEW = 100
# Undocumented; measured by users of bolt-js (#2509).
CHARACTERS_IN_MESSAGE = 13_200
MARKDOWN_IN_MESSAGE = 12_000
TEXT_OF_MESSAGE = 40_000
ATTACHMENTS = 100
METADATA_BYTES = 16_384
ID = 255
VIEW_TITLE = 24
PRIVATE_METADATA = 3_000
VIEW_BYTES = 250_000
STACK = 3

BUTTON_TEXT = 75
BUTTON_VALUE = 2_000
BUTTON_URL = 3_000
ACCESSIBILITY_LABEL = 75
PLACEHOLDER = 150
OPTION_TEXT = 75
# Slack's SDKs say 75, its later documentation 150.
OPTION_VALUE = 150
OPTION_DESCRIPTION = 75
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
ALT_TEXT = 2_000
IMAGE_TITLE = 2_000
IMAGE_URL = 3_000
INPUT_LABEL = 2_000
INPUT_HINT = 2_000

# How many options an element holds at most (and at least one).
OPTIONS = {
    "static_select": 100,
    "multi_static_select": 100,
    "overflow": 5,
    "checkboxes": 10,
    "radio_buttons": 10,
}

_SELECTS = tuple(
    f"{prefix}{kind}_select"
    for prefix in ("", "multi_")
    for kind in ("static", "external", "users", "conversations", "channels")
)
_PICKERS = ("datepicker", "timepicker", "datetimepicker")
_CHOICES = ("checkboxes", "radio_buttons")

ACTION_ELEMENTS = frozenset(
    {
        "button",
        "overflow",
        "workflow_button",
        "feedback_buttons",
        "icon_button",
        *_SELECTS,
        *_PICKERS,
        *_CHOICES,
    }
)
ACCESSORIES = ACTION_ELEMENTS | {"image"}
INPUT_ELEMENTS = frozenset(
    {
        "plain_text_input",
        "email_text_input",
        "url_text_input",
        "number_input",
        "rich_text_input",
        "file_input",
        *_SELECTS,
        *_PICKERS,
        *_CHOICES,
    }
)

# Which surfaces know a block at all. "message" is a message, "modal" and "home" are views.
SURFACES = {
    "actions": ("message", "modal", "home"),
    "alert": ("modal",),
    "card": ("message",),
    "carousel": ("message",),
    "container": ("message", "modal", "home"),
    "context": ("message", "modal", "home"),
    "context_actions": ("message",),
    "data_table": ("message",),
    "data_visualization": ("message",),
    "divider": ("message", "modal", "home"),
    "file": ("message",),
    "header": ("message", "modal", "home"),
    "image": ("message", "modal", "home"),
    "input": ("message", "modal", "home"),
    "markdown": ("message",),
    "plan": ("message",),
    "rich_text": ("message", "modal", "home"),
    "section": ("message", "modal", "home"),
    "table": ("message",),
    "task_card": ("message",),
    "video": ("message", "modal", "home"),
}
TASK_STATUS = ("pending", "in_progress", "complete", "error")
TASKS_IN_PLAN = 50
CHARTS_IN_MESSAGE = 2
DATA_CHARACTERS = 20_000
# Copies of the documentation say 101 or 201 with the header; the stricter one.
DATA_ROWS = 101
DATA_COLUMNS = 20
TABLE_ROWS = 100
TABLE_COLUMNS = 20
