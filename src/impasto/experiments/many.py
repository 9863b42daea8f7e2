"""Many paintings: several content pictures, in one style, in each of several, or pair by pair."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from impasto.errors import ImpastoError, InputError, RunError, StoppedError
from impasto.experiments.planning import Output, Painting, identity_of, plan
from impasto.files.reading import is_file_object
from impasto.files.writing import is_there, remove_parts
from impasto.network import devices
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.cache import SHARED_BYTES, Measurements, measurements
from impasto.pictures import images, inputs, sizes, writers
from impasto.pictures.images import Picture
from impasto.pictures.inputs import (
    StyleSource,
    called,
    named,
    numbered,
    path_of,
    source_of,
    styles_of,
)
from impasto.pictures.masks import Mask
from impasto.process import interrupts
from impasto.process.memory import memory_errors
from impasto.run import instant, levels
from impasto.run.either import paints_in_one_pass
from impasto.run.estimate import forecast
from impasto.run.named import Named
from impasto.run.prepare import begin, load_network
from impasto.run.prepared import Prepared
from impasto.run.result import ASKED_TO_STOP, INTERRUPTED, OnStep, Result
from impasto.run.run import Run
from impasto.settings.keywords import check_keywords
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.style import Style

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from impasto.settings.keywords import ManySettings

OnPicture = Callable[[int, int, str], None]  # number of the painting, number of all, its name
Save = Callable[[Any, Path], None]  # of a result, which has a method `save`


@dataclass(frozen=True, eq=False, repr=False)
class Painted:
    """What became of one of many paintings.

    Attributes:
        content: the content picture.
        style: the style picture; a tuple of :class:`Style` if there are several or if it has
            settings of its own; None if the recipe needs none.
        path: the file of the painting; None if there is none.
        result: the result of the run, if the painting is not written to a file; else None.
        error: why it could not be painted; None if it could.
        skipped: whether its file existed, and it was not painted again.
    """

    content: images.Source
    style: StyleSource | tuple[Style, ...] | None
    path: Path | None = None
    result: Result | None = None
    error: ImpastoError | None = None
    skipped: bool = False

    def __repr__(self) -> str:
        shown = str(self.content) if isinstance(self.content, str | os.PathLike) else "in memory"
        outcome = "skipped" if self.skipped else self.error or self.path or self.result
        return f"<Painted: {shown}: {outcome}>"


@dataclass(frozen=True)
class Watch:
    """What is called while many paintings are made.

    Attributes:
        on_picture: called before each painting.
        on_run: called with each run before it is painted.
        on_painted: called with each record.
        on_step: a callback for every step; if it returns False, no more is painted.
    """

    on_picture: OnPicture | None = None
    on_run: Callable[[Prepared], None] | None = None
    on_painted: Callable[[Painted], None] | None = None
    on_step: OnStep | None = None


WATCH_NOTHING = Watch()


class Paints(Protocol):
    """What paints one picture after another."""

    def paint(self, painting: Painting, save: Save, watch: Watch) -> Painted:
        """Paint and write a picture; the record says so if it cannot be painted."""


def stylize_many(  # noqa: PLR0913 – as many as `stylize` has, and a few for many pictures
    contents: images.Source | Iterable[images.Source],
    styles: StyleSource | Iterable[StyleSource] | None = None,
    recipe: RecipeSource | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    each: bool = False,
    pairs: bool = False,
    skip_existing: bool = False,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    on_picture: OnPicture | None = None,
    on_painted: Callable[[Painted], None] | None = None,
    on_step: OnStep | None = None,
    **settings: Unpack[ManySettings],
) -> list[Painted]:
    """Paint several pictures, as :func:`impasto.stylize` paints one.

    The network is loaded once, and every style is read once. A picture that cannot be painted does
    not stop the others.

    Args:
        contents: the content pictures: a path, a folder, a pattern such as ``"photos/*.jpg"``, a
            picture in memory, or an iterable of these.
        styles: the style picture or pictures, as for :func:`impasto.stylize`. Several are blended.
            With a folder or a pattern, every content picture is painted in each style of it.
        recipe: the settings, as for :func:`impasto.stylize`.
        output: where the paintings are written: a folder, in which they are named
            ``CONTENT-STYLE.png``, or a template such as ``"out/{number:03}-{content}.jpg"`` with
            the fields ``content``, ``style``, ``preset`` and ``number``. None writes no files and
            returns the results.
        each: paint every content picture in each of the styles alone.
        pairs: paint the first content picture in the first style, the second in the second …
        skip_existing: do not paint again what has been written already.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: ``bundled``, or the path of a weight file.
        weights_input: the input that a weight file expects, ``caffe`` or ``torchvision``.
        on_picture: called before each painting with its number, the number of all, and its name.
        on_painted: called with each record as soon as it is known.
        on_step: a callback for every :class:`Step`; if it returns False, no more is painted, and
            the painting in progress is dropped.
        settings: settings of the recipe as keywords, as for :func:`impasto.stylize`.

    Returns:
        A record for each painting, in order. There are fewer if ``on_step`` or Ctrl-C ended it.

    Raises:
        InputError: the recipe, the weights, the device or the names of the files cannot be used,
            or there is nothing to paint.
        OSError: a painting could not be written.
    """
    check_keywords(settings, stylize_many)
    chosen = Recipe.read(recipe, **settings)
    preset = settings.get("preset") or _preset_of(recipe)
    if output is not None:
        path_of(output, "output")
    planned = plan(
        _listed(contents),
        None if styles is None else named(styles),
        chosen,
        None if output is None else Output(os.fspath(output), preset),
        each=each,
        pairs=pairs,
        skip_existing=skip_existing,
    )
    own = [] if str(weights) == "bundled" else [path_of(weights, "weight file")]
    with planned.checked(chosen, own):
        return paint(
            planned.paintings,
            partial(Painter, chosen, device, weights, weights_input),
            skip_existing=skip_existing,
            watch=Watch(on_picture, None, on_painted, on_step),
        )


def _listed(contents: Any) -> list[Any]:
    """The content pictures as a list: one picture, or an iterable of several."""
    several = images.are_several(contents) and not isinstance(contents, Mapping)
    return list(contents) if several else [contents]


def _preset_of(recipe: Any) -> str:
    """What stands for a recipe in the name of a painting: the preset, or the stem of the file."""
    if recipe is None:
        return "default"
    return Path(recipe).stem if isinstance(recipe, str | os.PathLike) else "recipe"


def paint(
    paintings: Sequence[Painting],
    make_painter: Callable[[], Paints],
    *,
    skip_existing: bool = False,
    save: Save = Result.save,
    watch: Watch = WATCH_NOTHING,
) -> list[Painted]:
    """Paint what was planned; see :func:`stylize_many`.

    Args:
        paintings: the paintings.
        make_painter: makes what paints them; it is called before the first, if any is painted.
        skip_existing: do not paint again what has been written already.
        save: writes a painting.
        watch: what is called while the paintings are made.

    Returns:
        A record for each painting until the work was interrupted.

    Raises:
        InputError: the weights, the device or a picture that all paintings need cannot be used.
        OSError: a painting could not be written.
    """
    records: list[Painted] = []
    painter: Paints | None = None
    with interrupts.ctrl_c_asks(), suppress(StoppedError):
        for number, painting in enumerate(paintings, start=1):
            if skip_existing and painting.path is not None and is_there(painting.path):
                record = recorded(painting, skipped=True)
            else:
                interrupts.check()
                if painter is None:
                    painter = make_painter()
                if watch.on_picture is not None:
                    watch.on_picture(number, len(paintings), painting.name)
                record = painter.paint(painting, save, watch)
            records.append(record)
            if watch.on_painted is not None:
                watch.on_painted(record)
    return records


def recorded(painting: Painting, **outcome: Any) -> Painted:
    """The record of a painting, with what became of it."""
    return Painted(painting.content, painting.style, **{"path": painting.path, **outcome})


class Painter:
    """Paints one picture after another with one network, and reads and measures a style once.

    Args:
        recipe: the settings.
        device: the device that computes.
        weights: the network's weights.
        weights_input: the input that a weight file expects.
        form: format, quality and bits per channel of the files, as :func:`writers.check_output`
            takes them.
        loaded: the weights, if they have been loaded.
        threads: number of CPU threads of one pass; an optimisation takes PyTorch's number.

    Raises:
        InputError: the weights, the device, or a picture of the recipe cannot be used.
        RunError: there is not enough memory.
    """

    @memory_errors()
    def __init__(
        self,
        recipe: Recipe,
        device: str | torch.device = "auto",
        weights: str | os.PathLike[str] = "bundled",
        weights_input: str | None = None,
        form: Mapping[str, Any] | None = None,
        loaded: Weights | None = None,
        threads: int | None = None,
    ) -> None:
        self._recipe, self._form, self._threads = recipe, form or {}, threads
        self._device = devices.choose(device, recipe.precision)
        self._named = Named("", (), weights, weights_input)
        self._common = inputs.read_shared((), recipe)
        self._loaded: Weights | None = None  # for one pass, which has networks of its own
        if paints_in_one_pass(recipe):
            instant.check_arguments(None, device, weights, weights_input)
        else:
            self._loaded = loaded or load_network(self._named)
        self._cache: Measurements = measurements(SHARED_BYTES)
        self._network: VGG | None = None
        self._styles: tuple[Style, ...] | None = None  # those that were read last
        self._shared: dict[str, Picture | Mask] | InputError = {}
        self._broken: dict[Hashable, InputError] = {}  # content pictures that cannot be read
        self._contents: dict[int, images.Source] = {}  # what was in file objects, by their id

    def paint(
        self,
        painting: Painting,
        save: Save = Result.save,
        watch: Watch = WATCH_NOTHING,
    ) -> Painted:
        """Paint and write a picture; the record says so if it cannot be painted.

        Raises:
            StoppedError: the work was interrupted, and the painting was dropped.
            OSError: the painting could not be written.
        """
        try:
            result = self.result(painting, watch)
        except StoppedError:
            raise
        except (InputError, RunError) as error:
            error.__context__ = None  # whose frames hold pictures
            return recorded(painting, path=None, error=error.with_traceback(None))
        if painting.path is None:
            return recorded(painting, result=result)
        with interrupts.shielded():
            remove_parts(painting.path)
            save(result, painting.path)
        return recorded(painting)

    def result(self, painting: Painting, watch: Watch = WATCH_NOTHING) -> Result:
        """Paint a picture without writing it.

        Raises:
            InputError: a picture cannot be used.
            RunError: the run ended early.
            StoppedError: the work was interrupted.
        """
        run = self.prepare(painting)
        if watch.on_run is not None:
            watch.on_run(run)
        result = run.paint(watch.on_step)
        self._network = run.network_for_others if isinstance(run, Run) else None
        if result.stopped in (ASKED_TO_STOP, INTERRUPTED):
            raise StoppedError
        if result.stopped is not None:
            raise RunError("many.ended-early", name=painting.name, reason=result.stopped)
        return result

    @memory_errors()
    def prepare(self, painting: Painting) -> Prepared:
        """Prepare the run of a painting; the run before it must be over.

        Raises:
            InputError: a picture cannot be used.
            RunError: there is not enough memory.
        """
        run = self._begun(painting)
        if painting.path is not None:
            writers.check_output(painting.path, size=run.output_size, **self._form)
        return run

    def _begun(self, painting: Painting) -> Prepared:
        content = self._taken(painting.content)
        named = Named(content, painting.styles, self._named.weights, self._named.weights_input)
        if self._loaded is None:
            return instant.begin(self._recipe, named, self._threads)
        pictures = self._read(painting, content)
        return begin(
            self._recipe,
            named,
            pictures,
            levels.plan_for(pictures, self._recipe),
            self._loaded,
            self._device,
            cache=self._cache,
            network=self._network,
        )

    def _taken(self, content: images.Source) -> images.Source:
        """The content picture; a file object is read once, for all styles that it is painted in.

        Raises:
            InputError: it cannot be read.
        """
        if not is_file_object(content):
            return content
        if id(content) not in self._contents:
            self._contents[id(content)] = source_of(content, "content picture")
        return self._contents[id(content)]

    def _read(self, painting: Painting, content: images.Source) -> inputs.Inputs:
        """The pictures of a painting; the styles are read again only if they are others.

        Args:
            painting: the painting.
            content: its content picture, without a file object.

        Raises:
            InputError: a picture cannot be read.
        """
        key, recipe = identity_of(painting.content), self._recipe
        if key in self._broken:
            raise self._broken[key]
        if painting.styles is not self._styles:
            self._styles = painting.styles
            try:
                self._shared = inputs.read_shared(painting.styles, recipe, self._common)
            except InputError as error:
                self._shared = error
        if isinstance(self._shared, InputError):
            raise self._shared
        styles = styles_of(painting.styles or None, recipe, content)
        try:
            return inputs.read(content, styles, recipe, self._shared)
        except InputError as error:
            self._broken[key] = error
            raise


NEW, EXISTS = "to be painted", "exists already"  # what a dry run says of a painting


@dataclass(frozen=True)
class Expected:
    """What many paintings are expected to take.

    Attributes:
        seconds: for one of them, on average.
        all_seconds: for all of them.
        bytes: of memory, on the device.
    """

    seconds: float
    all_seconds: float
    bytes: float


def looked_over(
    paintings: Sequence[Painting], recipe: Recipe, *, skip_existing: bool = False
) -> list[str | InputError]:
    """What would become of each painting, as far as the headers of its pictures tell.

    Args:
        paintings: the paintings.
        recipe: the settings.
        skip_existing: whether paintings that exist are skipped.

    Returns:
        For each painting :data:`NEW`, :data:`EXISTS`, or why it cannot be painted.
    """
    seen: dict[Hashable, tuple[int, int] | InputError] = {}

    def size_of(picture: images.Source, key: str) -> tuple[int, int]:
        found = seen.get(identity_of(picture))
        if found is None:
            try:
                found = width_and_height(picture, called(key))
            except InputError as error:
                found = error
            seen[identity_of(picture)] = found
        if isinstance(found, InputError):
            raise found
        return found

    def look(painting: Painting) -> str | InputError:
        if skip_existing and painting.path is not None and is_there(painting.path):
            return EXISTS
        try:
            styles = [
                size_of(style.picture, numbered("style", number))
                for number, style in enumerate(painting.styles, start=1)
            ]
            sizes.check_sizes(size_of(painting.content, "content"), styles, recipe)
        except InputError as error:
            return error
        return NEW

    return [look(painting) for painting in paintings]


def width_and_height(picture: images.Source, role: str) -> tuple[int, int]:
    """The size of a picture in pixels; only the header of a file is read.

    Raises:
        InputError: it is no picture, as far as can be seen so.
    """
    if isinstance(picture, str | os.PathLike):
        return images.size_of(picture, role)
    return images.read(picture, role).size


def expected(paintings: Sequence[Painting], recipe: Recipe, painter: Painter) -> Expected | None:
    """Estimate time and memory of paintings whose headers can be read.

    The first whose pictures can be read is prepared and timed; the others are taken to last as long
    for each pixel of their canvases.

    Returns:
        The estimate; None if no picture can be read.
    """
    canvases = [
        sizes.canvas_size(width_and_height(one.content, called("content")), recipe)
        for one in paintings
    ]
    for painting in paintings:
        try:
            run = painter.prepare(painting)
        except InputError:
            continue
        if not isinstance(run, Run):
            return None
        one = forecast(run)
        pixels = sum(width * height for width, height in canvases)
        seconds = one.seconds * pixels / (run.size[0] * run.size[1])
        return Expected(seconds / len(paintings), seconds, one.bytes)
    return None
