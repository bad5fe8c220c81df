"""Stands in for picamera2 in a child that has no numpy: EDGE_STANDIN says what goes wrong."""

import importlib.util
import os
import time

MODE = os.environ.get("EDGE_STANDIN", "")
if MODE == "half-installed":
    raise ImportError("libcamera.so.0.3: cannot open shared object file", name="libcamera")
if importlib.util.find_spec("latest") or importlib.util.find_spec("picamera_child"):
    raise RuntimeError("the modules beside the child's script can be imported by name")

# As they lie in memory: the opposite of what the names say.
ORANGE = {"RGB888": (0, 128, 255), "BGR888": (255, 128, 0)}


class Array:
    """The little of a numpy array that is needed: an orange picture."""

    def __init__(self, width: int, height: int, pixel: tuple[int, int, int], short: int = 0):
        self.shape = (height, width, 3)
        self._bytes = bytes(pixel) * (width * height - short)

    def tobytes(self) -> bytes:
        return self._bytes


class Picamera2:
    @staticmethod
    def global_camera_info() -> list[dict[str, object]]:
        return [] if MODE == "none" else [{"Model": "imx708", "Num": 0, "Id": "/base/i2c@1/imx708"}]

    def __init__(self, camera_num: int = 0) -> None:
        if MODE == "busy":
            raise RuntimeError("Camera __init__ sequence did not complete.\nIs it in use?")
        if path := os.environ.get("EDGE_STANDIN_PID"):
            with open(path, "w") as file:  # noqa: PTH123
                file.write(str(os.getpid()))
        self._count = 0

    def create_video_configuration(self, main: dict[str, object]) -> dict[str, object]:
        return {"main": main}

    def configure(self, config: dict[str, dict[str, object]]) -> None:
        self._size = config["main"]["size"]
        self._pixel = ORANGE[config["main"]["format"]]
        print("libcamera talks on standard output")

    def start(self) -> None:
        pass

    def capture_array(self, name: str) -> Array:
        self._count += 1
        width, height = self._size
        if MODE == "silent" or (MODE == "stalls" and self._count > 3):
            time.sleep(3600)
        if MODE == "dies" and self._count > 3:
            raise OSError("Device timed out")
        if MODE == "killed" and self._count > 3:
            os.abort()
        if MODE == "smaller" and self._count > 3:
            width, height = width // 2, height // 2
        time.sleep(0.005)
        short = 5 if MODE == "short" and self._count > 3 else 0
        return Array(width, height, self._pixel, short)
