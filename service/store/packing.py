"""Judgments and items as the store keeps them: each value packed by itself, so that one is read without the others.

A packed value is a byte that names its form, a number (4 bytes, little-endian), and the plain value by raw deflate. The
number is the length of the plain value; of an item's labels and scores it is their CRC-32. All other values are plain:
earlier versions stored no others, and a value that would not get smaller stays as it is. Plain JSON begins with a brace
or a bracket, and plain MessagePack of a list with a byte from 0x90 on.

The forms are what stores hold. None is ever changed, not a byte of its dictionary: a better one gets the next byte.
"""

import zlib
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from service.store.errors import UnreadableRecordError

MAX_JUDGMENT_BYTES = 16 * 1024 * 1024  # larger than any answer that is read; several votes may have one each
MAX_ITEMS_BYTES = 64 * 1024 * 1024  # of items that are stored together: workers and readers hold all of them in memory
MAX_STATE_BYTES = 16 * 1024 * 1024  # an item's labels and scores on a criterion

_NUMBER_BYTES = 4
_HEAD_BYTES = 1 + _NUMBER_BYTES
_FIRST_PLAIN = b"\t"  # lesser bytes name forms, now or later; JSON may begin with white space
_RAW = -zlib.MAX_WBITS  # without a header and a checksum: the store's files have checksums of their own

# A judgment in all parts that most have in common, in the order in which they are written. The likeliest are the last.
JUDGMENT_1 = (
    b'"reason":"no_score"conflict"truncated"refused"empty"tie"provider_error"timeout"rate_limited"budget"'
    b'"finish_reason":"length","error":""tool"json"tag"line"bare"prose","score_from":"logprobs","flags":["'
    b'"outcome":"unscored","reason":""outcome":"failed","reason":""outcome":"cancelled","reason":null,"score":null,'
    b'"votes":[],"usage":{"input_tokens":0,"output_tokens":0,"cost_usd":0.0},"cached":false,"passed":true,"group":"'
    b'"score":null,"label":"A","ranking":[1,2,3],"explanation":"","consistent":false,"spread":null,"votes":[{"model":"'
    b'anthropic/claude-","sample":1,"order":"BA","outcome":"scored","reason":null,"score":null,"label":"B",'
    b'"explanation":"","parsed_from":"json","score_from":"answer","raw_text":"{\\"explanation\\": \\"\\", \\"winner\\":'
    b' \\"A\\"}","finish_reason":"stop","error":null,"asks":0,"attempts":0,"latency_seconds":0.0,"input_tokens":0,'
    b'"output_tokens":0,"cost_usd":0.0,"ranking":null,"cached":true,"served_model":"claude-","score_deviation":null},'
    b'{"model":"openai/gpt-4.1-mini","sample":0,"order":"AB","outcome":"scored","reason":null,"score":null,"label":"'
    b'{"id":"jdg_01k","job_id":"job_01k","item_id":"item_","item_changed":false,"judge":{"name":"helpfulness",'
    b'"version":1,"digest":"sha256:"},"criterion":"helpfulness","outcome":"scored","reason":null,"score":4,'
    b'"label":null,"ranking":null,"explanation":"The ","consistent":null,"spread":0,"votes":[{"model":"openai/gpt-",'
    b'"sample":0,"order":null,"outcome":"scored","reason":null,"score":4,"label":null,"explanation":"The ",'
    b'"parsed_from":"schema","score_from":"answer","raw_text":"{\\"explanation\\": \\"The \\", \\"score\\": 4}",'
    b'"finish_reason":"stop","error":null,"asks":1,"attempts":1,"latency_seconds":1.1,"input_tokens":100,'
    b'"output_tokens":10,"cost_usd":null,"ranking":null,"cached":false,"served_model":"gpt-","score_deviation":null}],'
    b'"usage":{"input_tokens":100,"output_tokens":10,"cost_usd":null},"cached":false,"created_at":"2026-12-01T10:10:10.'
    b'000000Z","finished_at":"2026-12-01T10:10:10.000000Z","flags":[],"tied":null,"missing":[],"group":null,"case":"'
)

# The labels and scores of an item (`CodedItem`), likewise. The item's id follows: the content of an item that came
# without an id begins with the same digits.
STATE_1 = (
    b'sha256:"~overlap":["1",1.0,null,0,"~length":["2",2.0,null,25,"tie",null,null,null,"A",null,null,null,"B",'
    b'"no",0.0,null,0,"yes",1.0,null,100,"1.5",1.5,null,12,"2.5",2.5,null,37,"3.5",3.5,null,62,"4.5",4.5,null,87,'
    b'"5",5.0,40000,100,"1",1.0,0,0,"2",2.0,10000,25,"3",3.0,20000,50,[{"ann":["4",4.0,30000,75,"r",null,"",180'
    b'0000000000,false,true,"",false],"",180,false,true,"",false]},{"@2 panel gpt-%20%2B%20claude-":{"safety@2 '
    b'correctness@1 google/gemini-":["5",5.0,null,100,"n","faithfulness@1 anthropic/claude-":["1",1.0,null,0,"y",'
    b'"relevance@1 openai/gpt-4.1-mini gpt-4.1-mini-202":["2",2.0,null,25,"","v1"],":["3",3.0,null,50,180'
    b'[{},{"":{"helpfulness@1 openai/gpt-":["4",4.0,null,75,1800000000000,8,"",""]}},0,0]'
)


class Packing(IntEnum):
    """How much is packed, each with all before it. `judged:packed` has the number.

    Judgments and the items of jobs; items' labels and scores, and the places of kept votes; the keys of kept votes.
    """

    NOTHING = 0
    VALUES = 1
    STATES = 2
    VOTES = 3


class _Form(NamedTuple):
    """The first byte of its values, how they were packed, the most bytes that one may have, and its number."""

    byte: int
    level: int
    dictionary: bytes
    most_bytes: int
    number_of: Callable[[bytes], int] = len


_JUDGMENT = _Form(1, 3, JUDGMENT_1, MAX_JUDGMENT_BYTES)  # higher levels take 15 to 40% longer for 1 to 5% less
_ITEMS = _Form(2, 1, b"", MAX_ITEMS_BYTES)  # uploads wait for it; level 6 takes three times as long for 10% less
_STATE = _Form(3, 6, STATE_1, MAX_STATE_BYTES, zlib.crc32)  # counters follow from it: no damaged one is read
_FORMS = {form.byte: form for form in (_JUDGMENT, _ITEMS, _STATE)}


def packed_judgment(json: bytes) -> bytes:
    """Returns the JSON of a judgment packed; as it is if it is packed already, or would not get smaller."""
    return _packed(_JUDGMENT, json)


def packed_items(items: bytes) -> bytes:
    """Returns the MessagePack of a chunk's items packed; as it is if it is packed already, or would not get smaller."""
    return _packed(_ITEMS, items)


def packed_state(state: bytes, item_id: bytes) -> bytes:
    """Returns the JSON of an item's labels and scores packed; as it is if it would not get smaller."""
    return _packed(_STATE, state, item_id)


def _packed(form: _Form, plain: bytes, known: bytes = b"") -> bytes:
    if len(plain) > form.most_bytes or _is_packed(plain):
        return plain
    packer = zlib.compressobj(form.level, zlib.DEFLATED, _RAW, zdict=form.dictionary + known)
    packed = b"%c%b%b%b" % (
        form.byte,
        form.number_of(plain).to_bytes(_NUMBER_BYTES, "little"),
        packer.compress(plain),
        packer.flush(),
    )
    return packed if len(packed) < len(plain) else plain


def unpacked_bytes(stored: bytes) -> int:
    """Returns the number of bytes that a judgment or items have unpacked, as far as they are not damaged."""
    return _number(stored) if _is_packed(stored) else len(stored)


def unpacked(stored: bytes, name: str, known: bytes = b"") -> bytes:
    """Returns what was packed, and a plain value as it is; `name` names it, such as `a judgment of job job_01`.

    `known` is the item's id if these are its labels and scores. Raises UnreadableRecordError if a newer version
    packed it, or it is damaged. No more memory is taken than the value says, and than one of its form may have.
    """
    if not _is_packed(stored):
        return stored
    form = _FORMS.get(stored[0])
    if form is None:
        raise UnreadableRecordError(name, f"it is packed in another form ({stored[0]})")
    number = _number(stored)
    most = number if form.number_of is len else form.most_bytes
    if most > form.most_bytes:
        raise UnreadableRecordError(name, f"it is damaged: {most} bytes are more than it can have")
    unpacker = zlib.decompressobj(_RAW, zdict=form.dictionary + known)
    try:
        plain = unpacker.decompress(stored[_HEAD_BYTES:], most + 1)
    except zlib.error as error:
        raise UnreadableRecordError(name, f"it is damaged: {error}") from error
    if form.number_of(plain) != number or not unpacker.eof or unpacker.unused_data:
        raise UnreadableRecordError(name, "it is damaged: it is not what was packed")
    return plain


def _number(stored: bytes) -> int:
    return int.from_bytes(stored[1:_HEAD_BYTES], "little")


def _is_packed(stored: bytes) -> bool:
    return b"" < stored[:1] < _FIRST_PLAIN
