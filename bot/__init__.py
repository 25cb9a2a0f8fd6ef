"""Slackwater: a Slack bot that takes software to production safely.

The rooms, from the ground up: `domain` holds the words; `ports`, `config` and `analysis` say what may be
asked; `views`, `gates` and `clients` shape what comes in and goes out; `engine`, `steps`, `platforms`,
`sources` and `slack` act; `operations` is what a person may ask for; `wiring` introduces everybody; `sim`
is a whole world to try it in. Arrows point down, and `lint-imports` keeps it so.
"""
