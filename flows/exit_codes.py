"""The exit codes of `mgm` and of the stages: a script may rely on them."""

DONE = 0
FAILED = 1
MISUSED = 2
INTERRUPTED = 130

MEANINGS = {
    DONE: "done",
    FAILED: "refused, or an input, a setting or a stage is wrong; the last lines of stderr say what",
    MISUSED: "wrong use of the command line: an unknown command or option, a missing argument",
    INTERRUPTED: "interrupted (Ctrl-C); the same command goes on where it was",
}
