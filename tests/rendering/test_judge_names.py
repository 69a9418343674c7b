"""The names of judge versions."""

from service.rendering.judge_names import judge_name, judge_reference

NAMED = {"name": "wit", "version": 3, "digest": "sha256:0123456789abcdef"}
INLINE = {"name": None, "version": None, "digest": "sha256:0123456789abcdef"}


def test_a_judge_has_its_name_and_version_or_its_digest() -> None:
    assert [judge_name(NAMED), judge_name(INLINE)] == ["wit@3", "sha256:0123456789ab"]
    assert [judge_reference(NAMED), judge_reference(INLINE)] == ["wit@3", "sha256:0123456789abcdef"]
