"""Angles for instructions that are written without evidence against them: one per number."""

_TIPS = (
    "Be simple: say it in as few words as the task allows.",
    "Be descriptive: say in detail what the input looks like and what a right answer is.",
    "Be strict about the form: begin with the exact form that every answer must have.",
    "Give a procedure: number the steps from reading the input to writing the answer.",
    "Warn of pitfalls: say which cases are easily confused and how to tell them apart.",
    "Set a persona: begin with who the assistant is and what it is an expert in.",
    "Raise the stakes: say why a wrong answer does harm and a check is worth its time.",
    "Go by meaning: say that the intent behind the words counts, not the words themselves.",
    "Decide by elimination: have it rule out the options that do not fit, then choose.",
    "Put what matters most first, and end with a short check of the answer.",
)


def tip(number: int) -> str:
    """The angle of this variant, counted from 1; past the last, two angles at once."""
    turn, place = divmod(number - 1, len(_TIPS))
    shift = turn % len(_TIPS)
    if shift == 0:
        return _TIPS[place]
    return f"{_TIPS[place]} {_TIPS[(place + shift) % len(_TIPS)]}"
