"""The exit codes of `mgm` and of the stages: a script may rely on them."""

DONE = 0
FAILED = 1
MISUSED = 2
INTERRUPTED = 130

MEANINGS = {
    DONE: "done",
    FAILED: "refused, or failed because of an input, a setting or a stage; the last lines of stderr say why",
    MISUSED: "wrong usage, such as an unknown command or a missing argument",
    INTERRUPTED: "interrupted (Ctrl-C); the same command continues where it stopped",
}
