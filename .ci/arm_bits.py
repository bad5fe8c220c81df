"""Whether a runtime answers alike on two machines: models asked on each, and the comparison.

`arm_bits.py ask DATA QUESTIONS`: write what each model is asked (NPZ). Needs OpenCV.
`arm_bits.py answer DATA QUESTIONS ANSWERS`: answer with the first runtime that works here.

Integer models come out of reference kernels alike everywhere, int8 out of XNNPACK alike on x86-64
and aarch64. XNNPACK's uint8 kernels round as the processor likes, and the optimised built-in ones
differ by one step in an operator, which a whole model can multiply: its SOFTMAX most of all.
"""

import importlib
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

PICTURES = ("cat.bmp", "face.jpg", "grace_hopper.bmp", "hot_dog.jpg", "parrot.jpg")
NOISES = 5
# ours, as edge.infer.runtime names them
KERNELS = ("reference", "default", "no-delegate")
FLOAT_TOLERANCE = 1e-6  # of scores from 0 to 1; machines fuse multiplications with additions
# Fewer different values than this prove nothing by being equal.
LEAST_SPREAD = 4

# Kind of model -> largest difference from x86-64 that each of KERNELS may show; None: any, since
# it is reported only. 32-bit XNNPACK takes no int8, so what it would say is not known.
LIMITS: dict[str, tuple[float | None, float | None, float | None]] = {
    "int8": (0, 0, None),
    "uint8": (0, None, None),
    "operator": (0, 1, 1),
    "float": (FLOAT_TOLERANCE,) * 3,
    "hybrid": (FLOAT_TOLERANCE, FLOAT_TOLERANCE, None),  # int8 weights, float otherwise
}
WITHOUT_XNNPACK = "armv7l"


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the shared data, its kind (a key of LIMITS), and where it cannot be asked."""

    path: str
    kind: str
    not_on: str = ""


MODELS = (
    Model("coral/mobilenet_v1_0.25_128_quant.tflite", "uint8"),
    Model("mlperf-tiny/ad01_int8.tflite", "int8"),
    Model("mlperf-tiny/kws_ref_model.tflite", "int8"),
    Model("mlperf-tiny/kws_ref_model_float32.tflite", "hybrid"),
    Model("mlperf-tiny/pretrainedResnet_quant.tflite", "int8"),
    Model("mlperf-tiny/vww_96_float.tflite", "float"),
    Model("mlperf-tiny/vww_96_int8.tflite", "int8"),
    Model("openmv/fomo_face_detection.tflite", "int8"),
    Model("tflite-micro/micro_speech_quantized.tflite", "int8"),
    Model("tflite-micro/trained_lstm_int8.tflite", "int8"),
    Model("suites/derived-int8/LiteRT__add.int8.tflite", "operator"),
    # tflite-runtime 2.14 knows no scales per channel in FULLY_CONNECTED: its reference kernel
    # reads past the end, on x86-64 as well, and this model kills its optimised one on armv7l
    Model(
        "suites/derived-int8/ai-edge-quantizer__channel_i4rangedvalues_fc.int8.tflite",
        "operator",
        not_on="armv7l",
    ),
    Model("suites/derived-int8/ai-edge-quantizer__single_resize_bilinear.int8.tflite", "operator"),
    Model("suites/derived-int8/mediapipe__1x256x256x3_softmax.int8.tflite", "operator"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """How the answers of one model and kernel differ: values that do, of how many, at most by."""

    model: Model
    kernel: str
    differing: int
    values: int
    most: float

    def __str__(self) -> str:
        """Return one line."""
        most = f"{self.most:.0f}" if self.most >= 1 else f"{self.most:.1e}"
        name = Path(self.model.path).name
        return f"{name}, {self.kernel}: {self.differing} of {self.values} by up to {most}"


def ask(data: Path) -> Arrays:
    """Return each model's input, named by its path, one question a row: photographs or noise."""
    tflite = importlib.import_module("edge.tflite")
    noise = np.random.default_rng(4)
    questions: Arrays = {}
    for model in MODELS:
        graph = tflite.read((data / model.path).read_bytes())
        for position, index in enumerate(graph.inputs):
            tensor = graph.tensors[index]
            shape = tuple(tensor.shape)
            if len(shape) == 4 and shape[-1] == 3 and model.kind != "operator":
                values = photographs(data, shape)
            else:
                values = noise.integers(0, 256, (NOISES, *shape), dtype=np.uint8)
            questions[f"{model.path}|{position}"] = as_type(values, tensor.dtype)
    return questions


def photographs(data: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the pictures, resized to a model's input, colours in the order red, green, blue."""
    cv2 = importlib.import_module("cv2")
    read = [cv2.imread(str(data / "coral" / "images" / name)) for name in PICTURES]
    size = (shape[2], shape[1])
    resized = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in read]
    return np.stack(resized)[:, None, :, :, ::-1]


def as_type(values: npt.NDArray[np.uint8], dtype: str) -> npt.NDArray[Any]:
    """Return bytes as a model takes them: int8 shifted by 128, float from 0 to 1."""
    if dtype == "int8":
        return (values.astype(np.int16) - 128).astype(np.int8)
    return values.astype(np.float32) / np.float32(255) if dtype == "float32" else values


def answer(data: Path, questions: Arrays) -> Arrays:
    """Return each model's answers with each kernel, named `path|kernel|output`, a row a question.

    `runtime` says which runtime answered, on which machine.
    """
    module = importlib.import_module("edge.infer.runtime")
    runtime, machine = module.pick(), platform.machine()
    answers: Arrays = {"runtime": np.array([runtime.description, machine])}
    for model in MODELS:
        for kernel in KERNELS if model.not_on != machine else ():
            interpreter = module.build(runtime, (data / model.path).read_bytes(), 1, kernel)
            rows = [invoke(interpreter, row) for row in rows_of(questions, model)]
            for position, values in enumerate(zip(*rows, strict=True)):
                answers[f"{model.path}|{kernel}|{position}"] = np.stack(values)
    return answers


def rows_of(questions: Arrays, model: Model) -> list[tuple[npt.NDArray[Any], ...]]:
    """Return what a model is asked: for each question all its inputs."""
    names = [name for name in questions if name.startswith(f"{model.path}|")]
    return list(zip(*(questions[name] for name in sorted(names)), strict=True))


def invoke(interpreter: Any, inputs: tuple[npt.NDArray[Any], ...]) -> list[npt.NDArray[Any]]:
    """Return all outputs for one question; what the model remembers of the last is forgotten."""
    interpreter.reset_all_variables()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def compare(here: Arrays, there: Arrays, models: tuple[Model, ...] = MODELS) -> list[Difference]:
    """Return the difference of each model and kernel between this machine and another.

    Raises ValueError where an answer is absent, has another form, or is too uniform to prove
    anything.
    """
    machine = str(there["runtime"][1])
    found = []
    for model in models:
        for kernel in KERNELS if model.not_on != machine else ():
            names = [name for name in here if name.startswith(f"{model.path}|{kernel}|")]
            absent = [name for name in names if name not in there]
            if absent or not names:
                raise ValueError(f"{model.path}, {kernel}: no answer")
            found.append(difference(model, kernel, [(here[name], there[name]) for name in names]))
    return found


def difference(
    model: Model, kernel: str, pairs: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]
) -> Difference:
    """Return how pairs of equal form differ; raise ValueError where they prove nothing."""
    where = f"{model.path}, {kernel}"
    differing, values, most = 0, 0, 0.0
    spread = 0
    for ours, theirs in pairs:
        if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            raise ValueError(f"{where}: {theirs.dtype}{theirs.shape}, not {ours.dtype}{ours.shape}")
        if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
            raise ValueError(f"{where}: an answer is not finite")
        apart = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
        differing += int(np.count_nonzero(apart))
        values += apart.size
        most = max(most, float(apart.max()))
        answers_alike = bool((theirs == theirs[:1]).all())
        spread = max(spread, 0 if answers_alike else int(np.unique(theirs).size))
    if spread < LEAST_SPREAD:
        raise ValueError(f"{where}: answers are too uniform to prove anything")
    return Difference(model, kernel, differing, values, most)


def limit(found: Difference, machine: str) -> float | None:
    """Return the largest difference that may be between x86-64 and a machine; None: any."""
    if machine == WITHOUT_XNNPACK and (found.model.kind, found.kernel) == ("int8", "default"):
        return None
    return LIMITS[found.model.kind][KERNELS.index(found.kernel)]


def main(words: list[str]) -> None:
    """Ask or answer; see the head of this file."""
    data, questions = Path(words[1]), Path(words[2])
    save: Any = np.savez  # its parameters differ from version to version
    if words[0] == "ask":
        save(questions, **ask(data))
    else:
        with np.load(questions) as asked:
            save(words[3], **answer(data, dict(asked)))


if __name__ == "__main__":
    main(sys.argv[1:])
