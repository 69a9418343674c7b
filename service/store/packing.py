"""Judgments and items as the store keeps them: each value packed by itself, so that one is read without the others.

A packed value is a byte that names its form, the number of bytes that were packed (4 bytes, little-endian), and these
bytes by raw deflate. All other values are plain: earlier versions stored no others, and a value that would not get
smaller stays as it is. Plain JSON begins with a brace, and plain MessagePack of a list with a byte from 0x90 on.

The forms are what stores hold. None is ever changed, not a byte of its dictionary: a better one gets the next byte.
"""

import zlib
from typing import NamedTuple

from service.store.errors import UnreadableRecordError

MAX_JUDGMENT_BYTES = 16 * 1024 * 1024  # larger than any answer that is read; several votes may have one each
MAX_ITEMS_BYTES = 64 * 1024 * 1024  # of items that are stored together: workers and readers hold all of them in memory

_SIZE_BYTES = 4
_HEAD_BYTES = 1 + _SIZE_BYTES
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


class _Form(NamedTuple):
    """What begins a value, how it was packed, and the most bytes that may have been packed."""

    byte: int
    level: int
    dictionary: bytes
    most_bytes: int


_JUDGMENT = _Form(1, 3, JUDGMENT_1, MAX_JUDGMENT_BYTES)  # higher levels take 15 to 40% longer for 1 to 5% less
_ITEMS = _Form(2, 1, b"", MAX_ITEMS_BYTES)  # uploads wait for it; level 6 takes three times as long for 10% less
_FORMS = {form.byte: form for form in (_JUDGMENT, _ITEMS)}


def packed_judgment(json: bytes) -> bytes:
    """Returns the JSON of a judgment packed; as it is if it is packed already, or would not get smaller."""
    return _packed(_JUDGMENT, json)


def packed_items(items: bytes) -> bytes:
    """Returns the MessagePack of a chunk's items packed; as it is if it is packed already, or would not get smaller."""
    return _packed(_ITEMS, items)


def _packed(form: _Form, plain: bytes) -> bytes:
    if len(plain) > form.most_bytes or _is_packed(plain):
        return plain
    packer = zlib.compressobj(form.level, zlib.DEFLATED, _RAW, zdict=form.dictionary)
    packed = b"%c%b%b%b" % (
        form.byte,
        len(plain).to_bytes(_SIZE_BYTES, "little"),
        packer.compress(plain),
        packer.flush(),
    )
    return packed if len(packed) < len(plain) else plain


def unpacked_bytes(stored: bytes) -> int:
    """Returns the number of bytes that a stored value has unpacked, as far as it is not damaged."""
    if not _is_packed(stored):
        return len(stored)
    return int.from_bytes(stored[1:_HEAD_BYTES], "little")


def unpacked(stored: bytes, name: str) -> bytes:
    """Returns what was packed, and a plain value as it is; `name` names it, such as `a judgment of job job_01`.

    Raises UnreadableRecordError if a newer version packed it, or it is damaged. No more memory is taken than the value
    says, and than a judgment or a chunk of items may have.
    """
    if not _is_packed(stored):
        return stored
    form = _FORMS.get(stored[0])
    if form is None:
        raise UnreadableRecordError(name, f"it is packed in another form ({stored[0]})")
    size = unpacked_bytes(stored)
    if size > form.most_bytes:
        raise UnreadableRecordError(name, f"it is damaged: {size} bytes are more than it can have")
    unpacker = zlib.decompressobj(_RAW, zdict=form.dictionary)
    try:
        plain = unpacker.decompress(stored[_HEAD_BYTES:], size + 1)
    except zlib.error as error:
        raise UnreadableRecordError(name, f"it is damaged: {error}") from error
    if len(plain) != size or not unpacker.eof or unpacker.unused_data:
        raise UnreadableRecordError(name, "it is damaged: its size is not the one that was packed")
    return plain


def _is_packed(stored: bytes) -> bool:
    return b"" < stored[:1] < _FIRST_PLAIN
