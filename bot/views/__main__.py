"""`python -m bot.views`: one picture, told as JSON on stdin, drawn to stdout.

Drawing takes a library of 90 MB and a second of a processor. A process of its own takes both and gives them
back, while the bot goes on answering.
"""

import sys

from bot.views.items import Picture
from bot.views.plots import draw


def main() -> None:
    sys.stdout.buffer.write(draw(Picture.model_validate_json(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
