"""A whole world to try Slackwater in: servers for the bot's own clients, which it could not tell apart.

`workspace` stands in for Slack, beside it stand a simulated cluster and its metrics. The bot reaches them by
URL only; no room below knows that they exist. Everything lies in memory and listens on loopback.
"""
