import pytest

from ray_promptopt.algorithms.ledger import WorkLedger
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import ProposeText


def item(name: str) -> ProposeText:
    return ProposeText(WorkId(name), (), 0)


def test_take_when_capacity_is_small_hands_out_the_oldest_first() -> None:
    ledger = WorkLedger()
    ledger.issue([item("a"), item("b"), item("c")])
    assert ledger.take(2) == [item("a"), item("b")]
    assert (ledger.num_taken, ledger.num_open) == (2, 3)
    assert ledger.take(-1) == []
    assert ledger.take(9) == [item("c")]


def test_settle_when_an_item_was_not_taken_closes_it_too() -> None:
    ledger = WorkLedger()
    ledger.issue([item("a")])
    assert ledger.find(WorkId("a")) == item("a")
    ledger.settle(WorkId("a"))
    assert ledger.find(WorkId("a")) is None
    assert ledger.take(9) == []
    assert ledger.settled == ("a",)


def test_issue_when_an_item_is_settled_leaves_it_out() -> None:
    ledger = WorkLedger(settled=[WorkId("a")])
    ledger.issue([item("a"), item("b")])
    assert ledger.take(9) == [item("b")]


def test_issue_when_an_id_is_open_is_refused() -> None:
    ledger = WorkLedger()
    ledger.issue([item("a")])
    with pytest.raises(ValueError, match="issued twice"):
        ledger.issue([item("a")])


def test_find_when_the_id_was_never_issued_is_refused() -> None:
    with pytest.raises(ValueError, match="'x', which was never asked for"):
        WorkLedger().find(WorkId("x"))


def test_close_when_a_job_has_ended_knows_its_ids_without_keeping_them() -> None:
    ledger = WorkLedger()
    ledger.issue([item("l1.child.a"), item("l2.child.a")])
    ledger.settle(WorkId("l1.child.a"))
    ledger.close("l1")
    assert ledger.settled == ("l1.*",)
    assert ledger.find(WorkId("l1.child.a")) is None
    assert ledger.find(WorkId("l2.child.a")) == item("l2.child.a")
    restored = WorkLedger(ledger.settled)
    assert restored.find(WorkId("l1.child.a")) is None
    assert restored.settled == ledger.settled
