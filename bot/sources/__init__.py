"""Where figures come from: one file per metrics source, each behind `bot.ports.MetricSource`.

A source reads and never judges. Trouble of the outside world is a *gap* in the answer, told apart from zero;
it never raises for it. Fills queries from the settings, keeps to time and size limits, and leaves the
verdict to `bot.analysis`.
"""
