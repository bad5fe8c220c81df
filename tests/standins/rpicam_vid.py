"""Stands in for rpicam-vid: its options, its words, and JPEGs one after the other on `-o -`."""

import argparse
import os
import sys
import time
from pathlib import Path

MODE = os.environ.get("EDGE_STANDIN", "")
parser = argparse.ArgumentParser()
for option in ("--camera", "--width", "--height", "--verbose", "--timeout"):
    parser.add_argument(option, type=int, required=True)
parser.add_argument("--codec", choices=["mjpeg"], required=True)
parser.add_argument("-o", choices=["-"], required=True)
parser.add_argument("--nopreview", action="store_true", required=True)
parser.add_argument("--flush", action="store_true", required=True)
options = parser.parse_args()

print("[0:01:03.559] INFO Camera camera_manager.cpp:330 libcamera v0.5.2", file=sys.stderr)
if options.verbose:
    print("Running without preview window", flush=True)  # into the pictures, as the real one does
if MODE == "none":
    print("ERROR: *** no cameras available ***", file=sys.stderr)
    sys.exit(255)
if path := os.environ.get("EDGE_STANDIN_PID"):
    Path(path).write_text(str(os.getpid()))
jpegs = [Path(path).read_bytes() for path in os.environ["EDGE_STANDIN_JPEGS"].split(os.pathsep)]
for count in range(options.timeout or 100_000):
    data = jpeg = jpegs[count % len(jpegs)]
    if MODE == "cut" and count == 3:
        data = jpeg[: len(jpeg) // 2]
    if MODE == "always cut" and count > 3:
        data = jpeg[: len(jpeg) // 2]
    if MODE == "silent" or (MODE == "stalls" and count > 3):
        time.sleep(3600)
    if MODE == "dies" and count > 3:
        print("ERROR: *** failed to dequeue buffer ***", file=sys.stderr)
        sys.exit(255)
    os.write(1, data)
    time.sleep(0.005)
