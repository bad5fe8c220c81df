"""The header as a user meets it: several compilers, two models, pixels, static arena, sections."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge import bundle
from edge.infer import border
from firmware_export import export, toolchain
from firmware_export.model import LICENCE

pytestmark = pytest.mark.train  # compilers do not care which Python starts them

SINE = Path("data") / "tflite-micro" / "hello_world_int8.tflite"
AD = Path("data") / "mlperf-tiny" / "ad01_int8.tflite"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")

TWO_MODELS = """#include "sine.h"
#include "ad.h"
#include <stdio.h>
int main(void)
{
    static int8_t in[AD_INPUT0_COUNT], out[AD_OUTPUT0_COUNT];
    int8_t x = sine_quantize_input0(1.0f), y = 0;

    if (ad_run(in, out) != AD_OK || sine_run(&x, &y) != SINE_OK) { return 1; }
    if (ad_run(in, out) != AD_OK || sine_run(&x, &y) != SINE_OK) { return 2; }
    printf("%d %d %d\\n", out[0], out[639], y);
    return 0;
}
"""


def two_models(shared: Path) -> dict[str, str]:
    files = {**export(shared / SINE, name="sine").files, **export(shared / AD, name="ad").files}
    return {**files, "main.c": TWO_MODELS}


def test_two_models_in_one_program_with_arenas_of_their_own(shared: Path, tmp_path: Path) -> None:
    flags = ("-O1", "-DSINE_STATIC_ARENA", "-DAD_STATIC_ARENA", *toolchain.SANITIZERS)
    program = toolchain.build(two_models(shared), tmp_path, flags)
    first, last, sine = map(int, toolchain.run(program, b"").split())
    real = (sine - zero_point(shared)) * scale(shared)
    assert abs(real - np.sin(1.0)) < 0.1
    assert (first, last) != (0, 0)


def scale(shared: Path) -> float:
    return export(shared / SINE).model.outputs[0].quant.scales[0]


def zero_point(shared: Path) -> int:
    return export(shared / SINE).model.outputs[0].quant.zero_points[0]


@pytest.mark.needs("clang")
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_each_compiler_takes_it_without_a_warning_and_cpp_links_it(
    shared: Path, tmp_path: Path, compiler: str
) -> None:
    for name, text in two_models(shared).items():
        (tmp_path / name.replace("main.c", "main.cpp")).write_text(text)
    sections = [
        f'-D{model}_{what}_ATTR=__attribute__((section(".{what.lower()}")))'
        for model in ("SINE", "AD")
        for what in ("WEIGHTS", "ARENA", "CODE")
    ]
    flags = [*WARNINGS, "-DSINE_STATIC_ARENA", "-DAD_STATIC_ARENA", *sections]
    sources = ["sine.c", "sine_weights.c", "ad.c", "ad_weights.c"]
    objects = [name.replace(".c", ".o") for name in sources]
    for command in (
        [compiler, "-std=c99", "-O2", *flags, "-c", *sources],
        [compiler, "-std=c99", "-O2", *flags, "-DAD_NO_ASM", "-DAD_PROFILE", "-fsyntax-only",
         "ad.c"],
        ["g++", "-std=c++11", *flags, "-c", "main.cpp"],
        ["g++", "-o", "program", "main.o", *objects],
    ):  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    assert len(toolchain.run(tmp_path / "program", b"").split()) == 3
    listed = subprocess.run(
        ["objdump", "-h", "ad.o", "ad_weights.o"], cwd=tmp_path, capture_output=True, text=True
    )
    assert all(section in listed.stdout for section in (".weights", ".arena", ".code"))


PIXELS = """#include "net.h"
#include <stdio.h>
int main(void)
{
    static uint8_t pixels[768];
    static NET_TYPE values[768];
    if (fread(pixels, 1, sizeof pixels, stdin) != sizeof pixels) { return 1; }
    net_input0_from_u8(pixels, values, sizeof pixels);
    fwrite(values, 1, sizeof values, stdout);
    return 0;
}
"""


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((127.5,), (127.5,)),
        ((0.0,), (255.0,)),
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    ],
)
def test_the_pixel_helper_holds_what_the_border_of_edge_run_holds(
    shared: Path, tmp_path: Path, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    model = bundle.read_bare(shared / "data" / "mlperf-tiny" / "vww_96_int8.tflite")
    spec = dataclasses.replace(model.inputs[0], kind="image", mean=mean, std=std)
    made = export(dataclasses.replace(model, name="net", inputs=(spec,)))
    program = toolchain.build({**made.files, "main.c": PIXELS}, tmp_path, ("-DNET_TYPE=int8_t",))
    pixels = np.repeat(np.arange(256, dtype=np.uint8), 3)
    got = np.frombuffer(toolchain.run(program, pixels.tobytes()), np.int8)
    picture = np.resize(pixels, (96, 96, 3))
    want = border.enter(spec)(picture).reshape(-1)[: len(pixels)]
    assert np.array_equal(got, want)
    assert want.min() < 0 < want.max()


def test_every_process_writes_the_same_bytes_with_a_licence(shared: Path) -> None:
    code = (
        "import sys, hashlib; from pathlib import Path; from firmware_export import export\n"
        "files = export(Path(sys.argv[1]), 'cortex-m4').files\n"
        "print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())"
    )
    path = shared / "data" / "mlperf-tiny" / "kws_ref_model.tflite"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(hashes) == 1
    assert all(text.startswith(LICENCE) for text in export(path).files.values())


def test_cores_with_a_cache_align_the_arena_to_its_lines(shared: Path) -> None:
    aligned = {core: export(shared / SINE, core).files for core in ("cortex-m4", "cortex-m7")}
    name = export(shared / SINE).model.upper
    for core, line in (("cortex-m4", 16), ("cortex-m7", 32)):
        header = next(text for file, text in aligned[core].items() if file.endswith(".h"))
        assert f"#define {name}_ALIGN {line}u\n" in header
