"""Every text of the studio, in English and Korean, by what it is for."""

from __future__ import annotations

LANGUAGES = ("en", "ko")

TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "Paint a photograph in the style of a painting",
        "사진을 그림의 스타일로 그리기",
    ),
    "switch": ("한국어", "English"),
    "content": ("Photograph", "사진"),
    "style": ("Style picture", "스타일 그림"),
    "ours": ("Or one of ours", "또는 제공되는 그림"),
    "preset": ("How fine", "얼마나 정교하게"),
    "strength": ("How much of the style", "스타일의 세기"),
    "paint": ("Paint", "그리기"),
    "stop": ("Stop and keep it", "멈추고 남기기"),
    "go_on": ("Go on with the painting that was interrupted", "중단된 그림 이어 그리기"),
    "painting": ("Painting", "그림"),
    "compare": ("Photograph and painting", "사진과 그림 비교"),
    "losses": ("Loss", "손실"),
    "step": ("Step", "스텝"),
    "files": ("Download", "내려받기"),
    "history": ("Painted in this visit", "이번 방문에서 그린 그림"),
    "expert": ("All settings", "모든 설정"),
    "second": ("A second style, and where it goes", "두 번째 스타일과 칠할 곳"),
    "second_style": ("Second style picture", "두 번째 스타일 그림"),
    "second_weight": ("Its weight", "가중치"),
    "brush": (
        "Paint over the photograph where the second style goes; nowhere means blended",
        "두 번째 스타일을 입힐 곳을 사진 위에 칠하세요. 칠하지 않으면 두 스타일을 섞습니다",
    ),
    "recipe": ("Recipe", "레시피"),
    "recipe_in": (
        "A recipe (TOML), or a PNG painted by impasto",
        "레시피(TOML) 또는 impasto로 그린 PNG",
    ),
    "recipe_out": ("These settings as TOML", "현재 설정(TOML)"),
    "ready": ("Choose two pictures, and paint.", "그림 두 장을 고르고 그리기를 누르세요."),
    "missing": (
        "Choose a photograph and a style picture first.",
        "먼저 사진과 스타일 그림을 고르세요.",
    ),
    "reading": ("Reading the pictures …", "그림을 읽는 중…"),
    "waiting": (
        "{ahead} before you in the line; your turn in about {seconds}.",
        "앞에 {ahead}명이 있습니다. 약 {seconds} 뒤에 시작합니다.",
    ),
    "going": (
        "Step {number} of {steps} at {size}, about {left} left. Loss {loss:.3g}.",
        "{size} 크기에서 {steps}스텝 중 {number}스텝, 약 {left} 남음. 손실 {loss:.3g}.",
    ),
    "done": (
        "Painted: {width}×{height} pixels, {number} steps, {seconds}.",
        "완성: {width}×{height}픽셀, {number}스텝, {seconds}.",
    ),
    "stopped": (
        "Stopped after step {number}: this is the best picture so far.",
        "{number}스텝에서 멈췄습니다. 지금까지 가장 좋은 그림입니다.",
    ),
    "saved": (
        "The studio is stopping. Your painting is saved: go on with it here later.",
        "스튜디오가 종료됩니다. 그림은 저장되었으니 나중에 이곳에서 이어 그리세요.",
    ),
    "gone": ("That painting is no longer there.", "그 그림은 더 이상 남아 있지 않습니다."),
    "seconds": ("{n} s", "{n}초"),
    "minutes": ("{n} min", "{n}분"),
}


def said(key: str, language: str, **values: object) -> str:
    """A text in a language, with what it speaks of filled in.

    >>> said("seconds", "ko", n=5), said("seconds", "fr", n=5)
    ('5초', '5 s')
    """
    english, korean = TEXTS[key]
    return (korean if language.startswith("ko") else english).format(**values)


def lasting(seconds: float, language: str) -> str:
    """A time in words.

    >>> lasting(12.3, "en"), lasting(200, "en")
    ('12 s', '3 min')
    """
    if seconds < 90:
        return said("seconds", language, n=round(seconds))
    return said("minutes", language, n=round(seconds / 60))


def table(language: str) -> dict[str, str]:
    """Every text in a language, by key."""
    index = LANGUAGES.index(language)
    return {key: texts[index] for key, texts in TEXTS.items()}
