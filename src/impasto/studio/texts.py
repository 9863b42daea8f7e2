"""Every text of the studio in English and Korean, by its key."""

from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import Any

from impasto.errors import WithMessage
from impasto.messages.message import LANGUAGES, Message, catalogue
from impasto.settings.recipe import Recipe

PREFIX = "impasto-"  # of keys, since the page translates every text that equals a key, even values

TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "Paint a photograph in the style of a painting",
        "사진을 그림의 스타일로 그리기",
    ),
    "switch": ("한국어", "English"),
    "kind": ("What is painted", "그릴 것"),
    "content": ("Photograph", "사진"),
    "clip": ("Clip", "영상"),
    "first_frame": ("First frame", "첫 프레임"),
    "clip_use": (
        "MP4, MOV, WebM, MKV or GIF of at most {most} frames ({seconds} at {rate} a second). The "
        "sound stays.",
        "MP4, MOV, WebM, MKV, GIF 영상을 최대 {most}프레임(초당 {rate}프레임이면 {seconds})까지 "
        "그립니다. 소리는 그대로 남습니다.",
    ),
    "clip_blend": (
        "In a clip, both styles are blended.",
        "영상에서는 두 스타일을 섞습니다.",
    ),
    "no_clips": (
        "This studio paints no clips, since it was installed without the extra 'video'.",
        "이 스튜디오는 'video' 추가 기능 없이 설치되어 영상을 그릴 수 없습니다.",
    ),
    "preset_painter": ("painter", "화가"),
    "painter_use": (
        "A painter has learned a style, and paints every photograph in it in a moment. Choose its "
        "file, or train one.",
        "화가는 스타일을 한 번 배운 뒤 어떤 사진이든 그 스타일로 바로 그립니다. 화가의 파일을 "
        "고르거나 새로 학습시키세요.",
    ),
    "painter": ("Painter (.safetensors)", "화가(.safetensors)"),
    "painters": ("Trained in this visit", "이번 방문에서 학습시킨 화가"),
    "painter_style": ("Its style, or a mixture", "화가의 스타일 또는 섞은 스타일"),
    "learn_use": (
        "A painter learns the style picture, and the second one if there is one. Longer is better, "
        "and you can stop at any time and keep it.",
        "화가가 스타일 그림을, 두 번째 그림이 있으면 그것도 배웁니다. 오래 배울수록 잘 그리며, "
        "언제든 멈추고 남길 수 있습니다.",
    ),
    "minutes_to_learn": ("Minutes", "시간(분)"),
    "learn": ("Learn this style", "이 스타일 배우기"),
    "no_training": (
        "This studio trains no painters.",
        "이 스튜디오에서는 화가를 학습시킬 수 없습니다.",
    ),
    "style": ("Style picture", "스타일 그림"),
    "ours": ("Or one of ours", "또는 제공되는 그림"),
    "preset": ("How fine", "얼마나 정교하게"),
    "strength": ("How much of the style", "스타일의 세기"),
    "paint": ("Paint", "그리기"),
    "stop": ("Stop and keep it", "멈추고 남기기"),
    "go_on": ("Continue the interrupted painting", "중단된 그림 이어 그리기"),
    "painting": ("Painting", "그림"),
    "glimpse": ("Quick preview", "빠른 미리 보기"),
    "compare": ("Photograph and painting", "사진과 그림 비교"),
    "losses": ("Loss", "손실"),
    "step": ("Step", "스텝"),
    "files": ("Download", "내려받기"),
    "history": ("Painted in this visit", "이번 방문에서 그린 그림"),
    "expert": ("All settings", "모든 설정"),
    "second": ("A second style, and where it goes", "두 번째 스타일과 칠할 곳"),
    "second_style": ("Second style picture", "두 번째 스타일 그림"),
    "second_weight": ("Its weight", "가중치"),
    "brush": ("Where it goes", "칠할 곳"),
    "brush_use": (
        "Paint over the photograph where the second style goes. If you paint nothing, both styles "
        "are blended.",
        "두 번째 스타일을 입힐 곳을 사진 위에 칠하세요. 칠하지 않으면 두 스타일을 섞습니다.",
    ),
    "live": ("Live: paint what the camera sees", "실시간: 카메라에 보이는 것 그리기"),
    "live_use": (
        "Choose a style picture, and start the camera.",
        "스타일 그림을 고르고 카메라를 켜세요.",
    ),
    "camera": ("Camera", "카메라"),
    "live_painting": ("Painted live", "실시간 그림"),
    "rate": ("{rate:.1f} frames a second", "초당 {rate:.1f}프레임"),
    "recipe": ("Recipe", "레시피"),
    "recipe_in": (
        "A recipe (TOML), or a picture painted by impasto",
        "레시피(TOML) 또는 impasto로 그린 그림",
    ),
    "recipe_out": ("These settings as TOML", "현재 설정(TOML)"),
    "ready": (
        "Choose what is painted and a style picture, and paint.",
        "그릴 것과 스타일 그림을 고르고 그리기를 누르세요.",
    ),
    "glimpsed": (
        "This is a quick preview. Choose how fine the painting should be, and paint.",
        "빠른 미리 보기입니다. 얼마나 정교하게 그릴지 고르고 그리기를 누르세요.",
    ),
    "missing": (
        "Choose a photograph and a style picture first.",
        "먼저 사진과 스타일 그림을 고르세요.",
    ),
    "painter_missing": (
        "Choose a photograph or a clip, and a painter first.",
        "먼저 사진이나 영상, 그리고 화가를 고르세요.",
    ),
    "style_missing": (
        "Choose a style picture to learn first.",
        "먼저 배울 스타일 그림을 고르세요.",
    ),
    "painter_ready": (
        "This painter has learned: {names}.",
        "이 화가가 배운 스타일: {names}.",
    ),
    "learning": (
        "Learning {names}: {share:.0%}, about {left} left. Step {number}, loss {loss:.3g}.",
        "{names} 배우는 중: {share:.0%}, 약 {left} 남음. {number}스텝, 손실 {loss:.3g}.",
    ),
    "learned": (
        "The painter has learned {names}: {number} steps, {seconds}. Choose a photograph, and "
        "paint.",
        "화가가 {names} 스타일을 배웠습니다: {number}스텝, {seconds}. 사진을 고르고 그리기를 "
        "누르세요.",
    ),
    "learning_stopped": (
        "Stopped after step {number}: the painter is kept as it is.",
        "{number}스텝에서 멈췄습니다. 화가를 지금 그대로 남깁니다.",
    ),
    "unlearned": (
        "Stopped before the first step: nothing is learned yet.",
        "첫 스텝 전에 멈췄습니다. 아직 배운 것이 없습니다.",
    ),
    "reading": ("Reading the pictures …", "그림을 읽는 중…"),
    "waiting": (
        "{ahead} before you in the queue; your turn is in about {seconds}.",
        "앞에 {ahead}장이 있습니다. 약 {seconds} 뒤에 시작합니다.",
    ),
    "going": (
        "Step {number} of {steps} at {size}, about {left} left. Loss {loss:.3g}.",
        "{size} 크기에서 {steps}스텝 중 {number}스텝, 약 {left} 남음. 손실 {loss:.3g}.",
    ),
    "done": (
        "Painted: {width}×{height} pixels, {number} steps, {seconds}.",
        "완성: {width}×{height}픽셀, {number}스텝, {seconds}.",
    ),
    "done_at_once": (
        "Painted: {width}×{height} pixels in one pass.",
        "완성: 한 번에 그린 {width}×{height}픽셀.",
    ),
    "clip_ready": (
        "The clip lasts {seconds}: {count} frames of {width}×{height} pixels.",
        "{seconds} 길이의 영상입니다: {width}×{height}픽셀, {count}프레임.",
    ),
    "clip_missing": (
        "Choose a clip and a style picture first.",
        "먼저 영상과 스타일 그림을 고르세요.",
    ),
    "clip_reading": (
        "Reading the clip: {frames} of {count} frames.",
        "영상을 읽는 중: {count}프레임 중 {frames}프레임.",
    ),
    "clip_begun": (
        "Painting the clip: {frames} of {count} frames.",
        "영상을 그리는 중: {count}프레임 중 {frames}프레임.",
    ),
    "clip_painting": (
        "Painting the clip: {frames} of {count} frames, about {left} left.",
        "영상을 그리는 중: {count}프레임 중 {frames}프레임, 약 {left} 남음.",
    ),
    "clip_writing": (
        "Writing the painted clip: {frames} of {count} frames.",
        "그린 영상을 저장하는 중: {count}프레임 중 {frames}프레임.",
    ),
    "clip_done": (
        "Painted: {count} frames of {width}×{height} pixels, {seconds}.",
        "완성: {width}×{height}픽셀, {count}프레임, 길이 {seconds}.",
    ),
    "clip_stopped": (
        "Stopped after {frames} of {count} frames: this is the beginning of the clip.",
        "{count}프레임 중 {frames}프레임에서 멈췄습니다. 영상의 앞부분입니다.",
    ),
    "clip_unpainted": (
        "Stopped before the first frame was finished: nothing is painted yet.",
        "첫 프레임을 마치기 전에 멈췄습니다. 아직 그린 것이 없습니다.",
    ),
    "film": ("Painted clip", "그린 영상"),
    "stopped": (
        "Stopped after step {number}: this is the best picture so far.",
        "{number}스텝에서 멈췄습니다. 지금까지 가장 좋은 그림입니다.",
    ),
    "unpainted": (
        "Stopped before the first step: nothing is painted yet.",
        "첫 스텝 전에 멈췄습니다. 아직 그린 것이 없습니다.",
    ),
    "saved": (
        "The studio is stopping. Your painting is saved: continue it here later.",
        "스튜디오가 종료됩니다. 그림은 저장되었으니 나중에 이곳에서 이어 그리세요.",
    ),
    "kept": (
        "Stopped. What was done before is saved: continue it when you like.",
        "멈췄습니다. 앞서 하던 것은 저장되어 있으니 원할 때 이어 갈 수 있습니다.",
    ),
    "ended": (
        "The studio is stopping, so the painting is not finished: send the pictures again later.",
        "스튜디오가 종료되어 그림을 마치지 못했습니다. 나중에 그림을 다시 보내세요.",
    ),
    "failed": (
        "The painting failed; the server's log says why.",
        "그림을 그리지 못했습니다. 이유는 서버의 로그에 있습니다.",
    ),
    "edited": (
        "A region can be painted on at most {most} pixels a side.",
        "영역은 한 변에 {most}픽셀까지만 칠할 수 있습니다.",
    ),
    "layers": (
        "A region can be painted on at most {most} layers.",
        "영역은 레이어 {most}개까지만 칠할 수 있습니다.",
    ),
    "malformed": (
        "The call cannot be understood: its values should follow the API's description.",
        "요청을 이해할 수 없습니다. 값은 API 설명을 따라야 합니다.",
    ),
    "gone": ("That painting no longer exists.", "그 그림은 더 이상 남아 있지 않습니다."),
    "tenths": ("{n:.1f} s", "{n:.1f}초"),
    "seconds": ("{n} s", "{n}초"),
    "minutes": ("{n} min", "{n}분"),
}

# The descriptions of the settings in Korean; the English ones are those of the recipe.
SETTINGS: dict[str, str] = {
    "size": ("가로x세로, 비율을 유지한 긴 변의 픽셀 수, 또는 사진의 원래 크기인 'original'."),
    "output_size": (
        "'working'(작업 크기), 'content'(사진의 원래 크기), 또는 작업 크기와 같은 형식으로 적은 "
        "크기."
    ),
    "content_fit": (
        "콘텐츠 그림과 비율이 다른 크기에 그림을 맞추는 방법: 비율을 바꾸어 늘이기(stretch), 양쪽 "
        "가장자리를 똑같이 잘라 내기(crop)."
    ),
    "style_fit": (
        "스타일 그림을 작업 크기에 맞추는 방법: 비율을 유지하고 긴 변을 캔버스에 맞추기(aspect), "
        "비율을 무시하고 캔버스에 맞추기(squeeze), 원래 크기 그대로 쓰기(original)."
    ),
    "style_scale": ("크기를 맞춘 스타일 그림의 배율. 1보다 크면 붓질이 커지고 작으면 작아집니다."),
    "style_symmetry": (
        "스타일을 좌우로 뒤집은 그림(mirror), 90도씩 돌린 그림(rotate), 또는 그 모두(all)에서도 "
        "얻어 붓질이 다른 방향으로도 놓이게 할지."
    ),
    "color": (
        "어느 색을 쓸지: 스타일 그림의 색(style), 그림의 밝기에 사진의 색상과 채도(content), "
        "실행 전에 스타일을 사진의 색으로 맞추기(match), 실행 후에 사진의 히스토그램에 "
        "맞추기(histogram), 그림의 밝기에 사진의 색상을 스타일의 팔레트로 옮겨 입히기(palette)."
    ),
    "rescale": "두 그림의 값을 전체 범위 0…255에 맞춥니다.",
    "initial": (
        "스타일의 색을 입힌 콘텐츠(recolored-content), 콘텐츠(content), 노이즈를 섞은 "
        "콘텐츠(noisy-content), 스타일(style), 노이즈(noise), 신경망이 한 번에 그린 "
        "그림(instant)."
    ),
    "noise_ratio": "초기 캔버스가 noisy-content일 때 노이즈의 비율.",
    "seed": "노이즈의 시드.",
    "content_layers": "콘텐츠를 비교할 층과 가중치. 예: conv4_2:1",
    "style_layers": ("스타일을 비교할 층과 가중치. 예: conv1_1:0.5,conv2_1:1"),
    "method": (
        "무엇을 줄일지: 층마다 콘텐츠 손실과 스타일 손실을 재는 방법(layers), 또는 스타일 층들의 "
        "하이퍼칼럼을 비교하는 방법(strotss, nnst, 그리고 스타일의 모든 부분을 고르게 쓰는 "
        "even-nnst), 또는 손실 없이 학습된 신경망이 한 번에 그리는 방법(instant)."
    ),
    "coarse": (
        "레벨이 여럿일 때 640픽셀 이하의 레벨에서 무엇을 줄일지: same은 다른 레벨과 같은 손실, "
        "auto는 손실과 층이 기본값이고 일부 층만 맡은 스타일이 없으면 붓질이 스타일을 닮는 "
        "even-nnst의 손실."
    ),
    "balance": (
        "층의 손실을 재는 기준: 비교 대상인 그림이 그 층에서 내는 특징의 크기에 "
        "상대적으로(relative), 또는 공개된 예제처럼 절대적으로(absolute)."
    ),
    "style_loss": (
        "스타일을 무엇으로 볼지: 어떤 특징이 함께 나타나는지, 특징이 어떻게 분포하는지, 또는 "
        "자리마다 무엇과 닮았는지."
    ),
    "content_loss": ("콘텐츠를 무엇으로 볼지: 자리마다의 특징, 또는 어느 자리끼리 닮았는지."),
    "alpha": "콘텐츠 손실의 가중치.",
    "beta": "스타일 손실의 가중치. 스타일의 세기 대신 씁니다.",
    "tv_weight": ("캔버스를 매끄럽게 하는 총변동(total variation)의 가중치. 2부터 눈에 띕니다."),
    "tv": (
        "총변동을 재는 방법: 오른쪽과 아래 픽셀과의 차이의 절댓값(anisotropic), 또는 이웃한 여덟 "
        "픽셀과의 차이의 제곱(nine-point)."
    ),
    "pooling": "신경망의 풀링: 평균(average) 또는 최댓값(max).",
    "padding": (
        "신경망의 합성곱이 테두리 바깥을 무엇으로 볼지: 테두리의 픽셀(replicate), 또는 공개된 "
        "예제처럼 0(zeros)."
    ),
    "optimizer": "캔버스를 다듬는 최적화 방법.",
    "variable": (
        "Adam이 바꾸는 것: 캔버스의 픽셀(pixels), 또는 라플라시안 피라미드의 각 레벨(pyramid). "
        "L-BFGS는 크기마다 알맞은 스텝을 스스로 찾습니다."
    ),
    "learning_rate": (
        "Adam의 스텝 크기이자 L-BFGS 첫 스텝의 최소 RMS 길이. 0…255의 밝기 단위입니다."
    ),
    "steps": "손실과 기울기를 계산하는 횟수. 모든 레벨을 합한 것입니다.",
    "levels": (
        "캔버스가 거치는 크기의 수. 크기는 매번 두 배가 되고 한 변이 48픽셀보다 작지 않습니다. "
        "auto는 약 128픽셀에서 시작합니다. 기본 설정처럼 거친 레벨이 even-nnst나 strotss이면 "
        "32픽셀과 64픽셀입니다."
    ),
    "tile": (
        "그림을 나누어 처리하는 타일의 한 변으로, 16픽셀의 배수입니다. auto는 메모리가 허락하는 "
        "만큼 크게, off는 그림 전체를 한 번에 처리합니다. 어느 쪽이든 같은 그림이 나옵니다."
    ),
    "keep": (
        "손실이 가장 작은 스텝에서 남길 것: 손실을 잰 캔버스(measured), 또는 그 스텝에서 갱신한 "
        "뒤의 캔버스(updated, Adam만)."
    ),
    "precision": (
        "수의 형식: auto는 장치에서 똑같이 좋은 그림을 가장 빨리 그리는 형식이고, float32는 모든 "
        "합성곱을 직접 계산합니다."
    ),
}

# Descriptions that differ on the page, where visitors cannot name files of the server.
HERE = {"initial": "First canvas."}

# Messages for visitors, in place of those for the user of the machine.
FOR_VISITORS = {
    "painter.color": "studio.painter-color",
    "painter.later": "studio.painter-later",
    "painter.no-own-photos": "studio.no-training",
    "memory.ran-out": "studio.memory-ran-out",
    "memory.ran-out-at": "studio.memory-ran-out-at",
    "checkpoint.not-saved": "studio.not-saved",
    "device.slow-bfloat16": "studio.slow-bfloat16",
    "device.no-float64": "studio.no-float64",
    "clip.is-still": "studio.still",
    "clip.needs-av": "studio.no-clips",
    "clip.no-space": "studio.no-space",
    "clip.not-one": "studio.no-clip",
    "flow.not-installed": "studio.no-clips",
    "instant.not-installed": "studio.no-instant",
    "instant.damaged": "studio.no-instant",
    "picture.needs-heif": "studio.needs-heif",
    "picture.needs-jxl": "studio.needs-jxl",
    "picture.needs-raw": "studio.needs-raw",
    "picture.needs-tiff": "studio.needs-tiff",
    "picture.deep-without-tifffile": "studio.deep",
}


def spoken(language: str) -> str:
    """The language of the page for the language of a browser.

    >>> spoken("ko-KR"), spoken("fr")
    ('ko', 'en')
    """
    return "ko" if str(language).startswith("ko") else "en"


def said(key: str, language: str, **values: object) -> str:
    """A text in a language, with its values filled in.

    >>> said("seconds", "ko", n=5), said("seconds", "fr", n=5)
    ('5초', '5 s')
    """
    return TEXTS[key][LANGUAGES.index(spoken(language))].format(**values)


def told(message: Message, language: str) -> str:
    """The sentence of an error or a note for a visitor, in their language.

    >>> told(Message("input.empty", what="mask", path="/var/cache/jobs/mask.png"), "en-GB")
    "The mask 'mask.png' is empty."
    """
    return _for_visitors(message).text(spoken(language))


def _for_visitors(message: Message) -> Message:
    """The message with file names in place of paths, so that it shows no folders of the server."""
    code = FOR_VISITORS.get(message.code, message.code)
    parts = Formatter().parse(catalogue("en").get(code, ""))
    paths = {name for _, name, _, conversion in parts if conversion == "q"}
    bare = {name: _bare(value, name in paths) for name, value in message.values.items()}
    return Message(code, **bare)


def _bare(value: Any, is_path: bool) -> Any:
    """A value with file names in place of paths."""
    if isinstance(value, tuple):
        return tuple(_bare(part, is_path) for part in value)
    if isinstance(value, WithMessage):
        value = value.message
    if isinstance(value, Message):
        return _for_visitors(value)
    return Path(str(value)).name if is_path or isinstance(value, Path) else value


def lasting(seconds: float, language: str) -> str:
    """A time in seconds or minutes, for a sentence.

    >>> lasting(12.3, "en"), lasting(200, "en")
    ('12 s', '3 min')
    """
    if seconds < 90:
        return said("seconds", language, n=round(seconds))
    return said("minutes", language, n=round(seconds / 60))


def lasting_briefly(seconds: float, language: str) -> str:
    """The length of a clip in tenths of seconds, for a sentence.

    >>> lasting_briefly(2.04, "en")
    '2.0 s'
    """
    return said("tenths", language, n=seconds)


def table(language: str) -> dict[str, str]:
    """Every text in a language by key; settings have ``setting-NAME`` and ``explained-NAME``."""
    index = LANGUAGES.index(language)
    texts = {key: both[index] for key, both in TEXTS.items()}
    for name, korean in SETTINGS.items():
        english = HERE.get(name) or Recipe.model_fields[name].description or ""
        labels = name.replace("_", " "), catalogue("ko")[f"nouns.{name}"]
        texts[f"setting-{name}"] = labels[index]
        texts[f"explained-{name}"] = (english, korean)[index]
    return {PREFIX + key: text for key, text in texts.items()}
