"""Inputs of runs, and the command line as tests call it."""

import csv

import numpy as np

from zoo.cli import main

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (5, 40, 50, 3), "uint8")
SMOOTH = (PICTURES[:, ::8, ::10] // 2 + 60).repeat(8, axis=1).repeat(10, axis=2)
RECORDING = RNG.uniform(0, 900, (6, 100, 3))
SERIES = [RNG.uniform(2, 4, n) for n in (700, 40, 900)]
TRACK = RNG.uniform(-0.5, 0.5, (3, 6, 80))


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(*arguments):
    return main([str(argument) for argument in arguments])
