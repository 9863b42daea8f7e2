"""impasto's errors, which are English sentences, in Korean."""

from __future__ import annotations

import re

from impasto.studio.texts import SETTINGS, TEXTS, said

PICTURE = r"The [a-z ]+\d* '(?:.*[/\\])?(?P<file>.+?)' "
MASK = r"The (?P<what>(?:style )?mask|protected region)(?: \d+)? ('.+?' )?"
SIDES = r"The (?P<what>[a-z ]+) would be (?P<size>\d+×\d+) pixels"
CANNOT = r"(?P<name>\w+) cannot be (?P<value>.+): "
SHOULD = CANNOT + "it should be "
REFUSED = "{name}에 {value} 값은 쓸 수 없습니다. "

# What visitors meet: a pattern of the sentence, and the Korean one.
SENTENCES = {
    PICTURE + r"is damaged or not a picture .+: use (?P<kinds>.+) or (?P<last>\w+)\.": (
        "{file}: 손상되었거나 읽을 수 없는 그림입니다. {kinds}, {last} 파일을 쓰세요."
    ),
    PICTURE + r"is damaged or of an unusual kind .+": (
        "{file}: 손상되었거나 흔치 않은 형식의 그림입니다. PNG나 JPEG로 다시 저장하세요."
    ),
    PICTURE + r"is empty\.": "{file}: 빈 파일입니다.",
    PICTURE + r"has .*more than (?P<most>[\d,]+)( pixels)?: make it smaller\.": (
        "{file}: 한도인 {most}픽셀을 넘습니다. 더 작게 줄이세요."
    ),
    PICTURE + r"has .+: make it smaller\.": "{file}: 너무 큰 그림입니다. 더 작게 줄이세요.",
    SIDES + r", and this studio paints (?P<most>[\d.]+) megapixels at most: .+": (
        "{what} 크기가 {size}픽셀이 되는데, 이 스튜디오의 한도는 {most}메가픽셀입니다. "
        "더 작은 크기를 고르세요."
    ),
    r"The uploaded picture is (?P<size>\d+×\d+) pixels, and this studio reads (?P<most>[\d.]+) "
    r"megapixels at most: .+": (
        "올린 그림이 {size}픽셀인데, 이 스튜디오의 한도는 {most}메가픽셀입니다. 더 작게 줄이세요."
    ),
    r"The uploaded picture has (?P<count>\d+) channels, and this studio reads "
    r"(?P<most>\d+) at most: .+": (
        "올린 그림의 채널이 {count}개인데, 이 스튜디오의 한도는 {most}개입니다. 색의 채널만 남겨 "
        "저장하세요."
    ),
    r"The uploaded pictures take (?P<size>[\d.]+) megabytes in memory, and this studio reads "
    r"(?P<most>[\d.]+) at most: .+ (?P<bits>\d+) bits a channel\.": (
        "올린 그림들이 메모리에서 {size}메가바이트가 되는데, 이 스튜디오의 한도는 {most}메가바이트"
        "입니다. 더 작게 줄이거나 채널마다 {bits}비트로 저장하세요."
    ),
    r"The painting would take (?P<work>[\d,.e+]+) trillion multiplications, and this studio does "
    r"(?P<most>[\d,.e+]+) trillion at most: .+": (
        "이 그림에는 곱셈이 {work}조 번 드는데, 이 스튜디오의 한도는 {most}조 번입니다. 더 작은 "
        "크기, 더 적은 스텝, 더 큰 타일이나 다른 스타일 손실을 고르세요."
    ),
    SIDES + r" .+, but (?P<layer>\w+) needs (?P<least>\d+) pixels a side: .+": (
        "{what} 크기가 {size}픽셀이 되는데, {layer} 층에는 한 변에 {least}픽셀이 필요합니다. "
        "더 큰 크기나 덜 길쭉한 그림을 고르세요."
    ),
    r"(?P<steps>\d+) steps are more than the (?P<most>\d+) that this studio takes: .+": (
        "{steps}스텝은 이 스튜디오의 한도인 {most}스텝을 넘습니다. 더 적게 정하세요."
    ),
    r"There are (?P<many>\d+) paintings in the line already: try again later\.": (
        "이미 그림 {many}장이 차례를 기다립니다. 나중에 다시 시도하세요."
    ),
    r"Memory ran out at (?P<size>\d+×\d+) pixels: .+": (
        "{size}픽셀에서 메모리가 모자랐습니다. 더 작은 크기를 고르세요."
    ),
    r"Memory ran out: .+": "메모리가 모자랐습니다. 더 작은 크기를 고르세요.",
    r"The loss of the first canvas is not finite: .+": (
        "초기 캔버스의 손실이 유한하지 않습니다. 층의 가중치, 알파, 베타를 줄이거나 "
        "다른 초기 캔버스를 고르세요."
    ),
    r"This file holds no recipe\.": "이 파일에는 레시피가 없습니다.",
    r"The recipe is not valid TOML: .+ \(at line (?P<line>\d+), column (?P<column>\d+)\)\.": (
        "레시피가 올바른 TOML이 아닙니다({line}행 {column}열)."
    ),
    r"The recipe is not valid TOML: .+": "레시피가 올바른 TOML이 아닙니다.",
    r"There is no setting '(?P<name>.+?)'.+": "'{name}' 설정은 없습니다.",
    SHOULD + r"at least (?P<least>\S+)\.": REFUSED + "{least} 이상이어야 합니다.",
    SHOULD + r"at most (?P<most>\S+)\.": REFUSED + "{most} 이하여야 합니다.",
    SHOULD + r"greater than (?P<bound>\S+)\.": REFUSED + "{bound}보다 커야 합니다.",
    SHOULD + r"a whole number\.": REFUSED + "정수여야 합니다.",
    SHOULD + r"a( finite)? number\.": REFUSED + "유한한 수여야 합니다.",
    SHOULD + r"(?P<words>'.+') or (?P<last>'.+')\.": (
        REFUSED + "{words}, {last} 가운데 하나여야 합니다."
    ),
    SHOULD + r"(?P<words>.*)one number of pixels, as in (?P<one>\d+), or .+ (?P<two>\w+)\.": (
        REFUSED + "{words}{one} 같은 픽셀 수나 {two} 같은 두 수여야 합니다."
    ),
    SHOULD + r"(?P<words>'.+') or a whole number from (?P<least>\d+) to (?P<most>\d+)\.": (
        REFUSED + "{words} 또는 {least}에서 {most} 사이의 정수여야 합니다."
    ),
    SHOULD + r"(?P<words>'.+') or a multiple of (?P<step>\d+) from .+ to (?P<most>\d+) pixels\.": (
        REFUSED + "{words} 또는 {most} 이하인 {step}의 배수여야 합니다."
    ),
    CANNOT + r"its sides should lie between (?P<least>\d+) and (?P<most>\d+) pixels\.": (
        REFUSED + "각 변은 {least}에서 {most} 사이의 픽셀 수여야 합니다."
    ),
    CANNOT + r"there is no layer (?P<layer>'.+?')[;.].*": REFUSED + "{layer} 층은 없습니다.",
    CANNOT + r"the (style|content) loss (?P<loss>'.+') looks at the whole picture at once; .+": (
        REFUSED + "{loss} 손실은 그림 전체를 한 번에 봅니다. auto로 두거나 다른 손실을 고르세요."
    ),
    r"The style loss (?P<loss>'.+?') takes one style picture, everywhere .+": (
        "{loss} 손실에는 스타일 그림 한 장만 쓸 수 있습니다. 두 번째 스타일과 대칭을 빼거나 다른 "
        "손실을 고르세요."
    ),
    r"alpha and beta cannot both be (?P<zero>0): .+": (
        "알파와 베타가 모두 {zero}일 수는 없습니다. 하나에는 가중치를 주세요."
    ),
    CANNOT + r"the weight of (?P<layer>\w+) should be a number that is at least 0\.": (
        REFUSED + "{layer}의 가중치는 0 이상의 수여야 합니다."
    ),
    CANNOT + r"it should name .+, as in (?P<example>\S+)\.": (
        REFUSED + "{example}처럼 층의 이름을 적으세요."
    ),
    # What a visitor should know about a picture that can be used.
    PICTURE + r"is transparent in places; it is laid on white\.": (
        "{file}: 투명한 곳이 있어 흰 바탕에 놓았습니다."
    ),
    PICTURE + r"has (?P<bits>\d+) bits a channel; it is read as (?P<read>\d+) bit.*\.": (
        "{file}: 채널마다 {bits}비트이지만 {read}비트로 읽었습니다."
    ),
    PICTURE + r"has (?P<bits>\d+) bits a channel; its colour profile .* (?P<used>\d+) bits\.": (
        "{file}: 채널마다 {bits}비트이지만 색 프로파일은 {used}비트로 변환했습니다."
    ),
    PICTURE + r"has a colour profile of (?P<size>\d+ MB); it is ignored\.": (
        "{file}: 색 프로파일이 {size}나 되어 쓰지 않았습니다."
    ),
    PICTURE + r"has a colour profile for another kind of picture; it is ignored\.": (
        "{file}: 색 프로파일이 다른 종류의 그림을 위한 것이라 쓰지 않았습니다."
    ),
    PICTURE + r"has a damaged colour profile; it is ignored\.": (
        "{file}: 색 프로파일이 손상되어 쓰지 않았습니다."
    ),
    PICTURE + r"has damaged EXIF data; it is taken to be upright\.": (
        "{file}: EXIF 정보가 손상되어 똑바로 선 그림으로 보았습니다."
    ),
    PICTURE + r"has (over )?(?P<count>\d+) (pages|frames); the first is used\.": (
        "{file}: 그림이 {count}장 들어 있어 첫 장을 썼습니다."
    ),
    r"The .+ is (?P<mask>\d+×\d+) pixels, and is stretched to the (?P<size>\d+×\d+) .+": (
        "{mask}픽셀인 마스크를 그림의 {size}픽셀에 맞게 늘였습니다."
    ),
    MASK + r"marks all of its picture: .+": "{what}: 그림 전체가 칠해져 있습니다.",
    MASK + r"is (nearly )?black everywhere.*": "{what}: 칠한 곳이 없습니다. 칠할 곳을 칠하세요.",
    r"Memory ran out at (?P<size>\d+×\d+) pixels; going on with tiles of (?P<side>\d+)\.": (
        "{size}픽셀에서 메모리가 모자라 한 변이 {side}픽셀인 타일로 나누어 계속합니다."
    ),
    r"The run is not saved any more: .+": (
        "서버에 저장할 수 없어, 서버가 멈추면 이어 그릴 수 없습니다."
    ),
    PICTURE + r"is a camera raw file: develop it, and give the picture as (?P<kinds>.+) or "
    r"(?P<last>\w+)\.": (
        "{file}: 카메라 RAW 파일입니다. 현상해서 {kinds}, {last} 파일로 올리세요."
    ),
    PICTURE + r"is marked as a reduced copy, .+": (
        "{file}: 축소본으로 표시된 그림뿐입니다. 원래 그림을 올리거나 PNG로 다시 저장하세요."
    ),
    PICTURE + r"is damaged: .+": "{file}: 손상된 그림입니다.",
    PICTURE + r"carries a text .+": "{file}: 그 안의 레시피가 손상되었거나 너무 깁니다.",
    PICTURE + r"holds .+ values: save it with 8 or 16 bits a channel\.": (
        "{file}: 쓸 수 없는 값이 들어 있습니다. 채널마다 8비트나 16비트로 저장하세요."
    ),
    PICTURE + r"does not fit into memory: make it smaller\.": (
        "{file}: 메모리에 들어가지 않습니다. 더 작게 줄이세요."
    ),
    r"balance cannot be 'absolute' without beta: .+, as in (?P<example>\d+)\.": (
        "균형(balance)을 'absolute'로 하려면 베타(beta)도 {example}처럼 정해야 합니다."
    ),
}
NAMES = {
    "canvas": "캔버스",
    "painting": TEXTS["painting"][1],
    "style picture": TEXTS["style"][1],
    "mask": "마스크",
    "style mask": "스타일 그림의 마스크",
    "protected region": "보호할 영역",
    **{name: f"{label}({name})" for name, (label, _) in SETTINGS.items()},
}


def korean(sentence: str) -> str:
    """An error's sentence in Korean; one that is not known stands after a Korean lead-in.

    >>> korean("This file holds no recipe.")
    '이 파일에는 레시피가 없습니다.'
    >>> korean("The sky fell.")
    '문제가 생겼습니다: The sky fell.'
    """
    sentence = re.sub(r"^In the recipe '.*?': ", "", sentence)
    for pattern, text in SENTENCES.items():
        if found := re.fullmatch(pattern, sentence):
            return text.format(
                **{key: NAMES.get(part, part) for key, part in found.groupdict().items()}
            )
    return said("other", "ko", sentence=sentence)
