"""Items: the content that is judged, and the names that are not."""

import json

import msgspec
import pytest

from service.contracts.decoding import decode, decode_entry
from service.contracts.items import Item, content_digest, item_case, item_id
from service.contracts.labels import LabelRequest, NewLabel
from service.contracts.refusals import Fault, Refused


def test_group_and_case_are_no_judged_content() -> None:
    plain, named = Item(input="q", output="a"), Item(input="q", output="a", group="v1", case="c")
    assert content_digest(plain) == content_digest(named)
    assert item_id(plain) == item_id(named)


def test_whole_numbers_are_taken_as_texts() -> None:
    item = msgspec.json.decode(b'{"id": 7, "group": 2, "case": -31}', type=Item)
    assert (item.id, item.group, item.case) == ("7", "2", "-31")
    large = json.dumps({"id": 2**63, "group": 2**64, "case": -(10**63 - 1)}).encode()
    item = msgspec.json.decode(large, type=Item)
    assert (item.id, item.group, item.case) == ("9223372036854775808", "18446744073709551616", "-" + "9" * 63)
    label = {"item_id": 2**64 - 1, "criterion": "wit", "annotator": "ann", "score": 4}
    assert msgspec.json.decode(json.dumps(label).encode(), type=NewLabel).item_id == "18446744073709551615"


def test_a_number_longer_than_a_text_is_refused_with_what_would_be_right() -> None:
    label = {"item_id": 10**63, "criterion": "wit", "annotator": "ann", "score": 4}
    with pytest.raises(Refused) as refused:
        decode(json.dumps({"labels": [label]}).encode(), LabelRequest)
    wanted = "an integer of 64 or more digits; send it as text"
    assert refused.value.faults == [Fault("/labels/0/item_id", wanted)]
    line = json.dumps({"id": "a", "output": "b", "case": -(10**63)}).encode()
    assert decode_entry(line, msgspec.json.Decoder(Item), "/items/4") == [Fault("/items/4/case", wanted)]


def test_items_with_the_same_input_are_one_case() -> None:
    assert item_case(Item(id="1", input="q", output="a")) == item_case(Item(id="2", input="q", output="b"))
    assert item_case(Item(input="q")) != item_case(Item(input="r"))
    assert item_case(Item(input="q", case="c")) == "c"


def test_without_an_input_the_id_is_the_case() -> None:
    assert item_case(Item(id="t-1", output="a")) == item_case(Item(id="t-1", output="b")) == "t-1"
    assert len(item_case(Item(id="x" * 500, output="a"))) == 200
