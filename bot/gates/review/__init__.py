"""The rules of the code review: pure functions from one changed file to findings.

`python` reads the syntax tree, so that a string that talks about `print` is no finding. `lines` goes by the
line for the other languages. `secrets` holds what counts as a credential, a host or a port in all of them.
"""
