"""Replies in languages other than English: their letters, their punctuation and their words for a score."""

import pytest

from service.contracts.judges import Choice, Scale
from service.judging.reading import read_label, read_ranking, read_score

ONE_TO_FIVE = Scale(min=1, max=5)
COMPOSED, DECOMPOSED = "h\u00f6flich", "ho\u0308flich"  # as most keyboards write it, and as macOS writes names


@pytest.mark.parametrize("written", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED])
def test_a_letter_and_its_accent_may_be_one_character_or_two(asked: str, written: str) -> None:
    choices = [Choice(label=asked), Choice(label="grob")]
    for text in (f"Label: {written}", written, f'{{"label": "{written}"}}', f"[[{written}]]"):
        assert read_label(text, choices).label == asked
    for text in (f"{written}: 4", f'{{"{written}": 4}}', f"<{written}>4</{written}>"):
        assert read_score(text, ONE_TO_FIVE, criterion=asked).score == 4


def test_a_syllable_of_hangul_may_be_written_letter_by_letter() -> None:
    assert read_label("Label: \u110b\u1168", [Choice(label="\uc608"), Choice(label="\uc544")]).label == "\uc608"


@pytest.mark.parametrize(
    "text",
    [
        "好。",
        "好．",
        "标签：好。",
        "标签：好，因为完整。",
        "标签：好（完整）",
        "标签：「好」",
        "结论：【好】。",
        "好！",
        "**好**。",
    ],
)
def test_chinese_punctuation_ends_a_label(text: str) -> None:
    label = read_label(text, [Choice(label="好"), Choice(label="差")]).label
    assert label == (None if text == "好！" else "好")  # an exclamation may be praise


@pytest.mark.parametrize("text", ["标签：好坏参半。", "标签：好，差", "标签：好、差", "这个回答很好。"])
def test_a_label_within_a_word_or_beside_another_is_none(text: str) -> None:
    assert read_label(text, [Choice(label="好"), Choice(label="差")]).label is None


@pytest.mark.parametrize(
    ("text", "labels", "label"),
    [
        ("判定：いいえ。理由は二つある。", ["はい", "いいえ"], "いいえ"),
        ("はい。", ["はい", "いいえ"], "はい"),
        ("Label: अच्छा।", ["अच्छा", "बुरा"], "अच्छा"),
    ],
)
def test_other_full_stops_end_a_label(text: str, labels: list[str], label: str) -> None:
    assert read_label(text, [Choice(label=each) for each in labels]).label == label


@pytest.mark.parametrize(
    "text",
    [
        "Puntuación final: 4/5",
        "Puntuación: 4 de 5",
        "Calificación final: 4",
        "Nota final: 4",
        "Nota: 4/5",
        "Pontuação final: 4",
        "Punteggio finale: 4/5",
        "Score final : 4",
        "Score global : 4/5",
        "Score : 4 sur 5",
        "Gesamtbewertung: 4/5",
        "**Bewertung:** 4 von 5",
        "Ocena końcowa: 4/5",
        "Итоговая оценка: 4/5",
        "Оценка: 4 из 5",
        "최종 점수: 4점",
        "総合評価：4",
        "最終スコア：4。",
        "总体评分：4",
        "评分：4／5",
        "评分：４／５",
        "（评分：4）",
        "คะแนน: 4",
        "الدرجة: 4/5",
        "ציון: 4",
        "Note : 4/5",
        "Note finale : **4**",
        "Note: 4 (gut)",
        "Punkte: 4 von 5 Punkten",
        "puntuacion: 4",
        "Puntuación: 4 sobre 5",
        "Valoración: 4 puntos",
        "Avaliação: 4 em 5",
        "Valutazione: 4 su 5",
        "Cijfer: 4",
        "Arvosana: 4",
        "Hodnocení: 4",
        "Értékelés: 4",
        "Punctaj: 4",
        "Итоговый балл: 4",
        "Оценка: 4 балла",
        "Değerlendirme: 4",
        "Đánh giá: 4",
        "评价：4",
        "点数：4",
        "總分：4",
        "评分：4（满分5分）",
        "총점: 4",
        "점수: 4/5점",
        "स्कोर: ४",
        "الدرجة: ٤/٥",
        "الدرجة: ٤ من ٥",
        "少了一点。因此，最终得分为 4 分。",
        "综合来看，评分为4。",
        "したがって、スコアは4です。",
    ],
)
def test_words_for_a_score_are_read(text: str) -> None:
    assert read_score(text, ONE_TO_FIVE).score == 4


@pytest.mark.parametrize(
    "text",
    [
        "Nota: 3 errores",
        "Note: 3 of 5 claims hold.",
        "Voto: 3 errori",
        "Puntuación: 4 de 10",
        "Оценка: 4 из 10",
        "总体评分：4／10",
        "该回答提到了5个要点中的4个。",
        "評価：4（10点満点）",
    ],
)
def test_what_follows_them_counts_as_it_does_in_english(text: str) -> None:
    assert read_score(text, ONE_TO_FIVE).score is None


@pytest.mark.parametrize(
    "text", ["排名：B、A、C。", "排序：B > A > C。", "排名：B，A，C", "順位：B＞A＞C（理由は上記）"]
)
def test_orders_are_read(text: str) -> None:
    assert read_ranking(text, 3).ranking == ((1,), (0,), (2,))
