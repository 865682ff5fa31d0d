from ray_promptopt.core.demos import Demo
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.demonstrations import demos_as_messages, demos_as_text

DEMOS = (Demo("my card is gone\n", "lost_card"), Demo("top up?", "top_up"))


def test_demonstrations_as_messages_are_turns_in_their_order() -> None:
    assert demos_as_messages(DEMOS) == (
        ChatMessage("user", "my card is gone\n"),
        ChatMessage("assistant", "lost_card"),
        ChatMessage("user", "top up?"),
        ChatMessage("assistant", "top_up"),
    )
    assert demos_as_messages(()) == ()


def test_demonstrations_as_text_are_numbered_blocks_under_a_heading() -> None:
    assert demos_as_text(DEMOS) == (
        "Here are examples of inputs and the right answers:\n\n"
        "Example 1\nInput: my card is gone\nOutput: lost_card\n\n"
        "Example 2\nInput: top up?\nOutput: top_up"
    )
    assert demos_as_text(()) == ""
