"""The network with parametric bias as one would write it in PyTorch.

    python lstm_pb_torch.py UNITS DEPTH FRAMES THREADS

For `benchmarks.lstm_pb`; needs PyTorch alone. For each line `BATCH STEPS` on standard
input it takes as many learning steps and prints the seconds of each on one line.
"""

import sys
import time

import torch
from torch import nn

FEATURES, PB, CONTEXT = 80, 64, 64


class Grid(nn.Module):
    def __init__(self, units, depth):
        super().__init__()
        self.input = nn.Linear(CONTEXT, units)
        self.along_time = nn.ModuleList(
            nn.Linear(2 * units, 4 * units) for _ in range(depth)
        )
        self.along_depth = nn.Linear(2 * units, 4 * units)

    def forward(self, context, states):
        below = self.input(context)
        memory_below = torch.zeros_like(below)
        after = []
        for gates, (hidden, memory) in zip(self.along_time, states, strict=True):
            hidden, memory = lstm(gates(torch.cat([hidden, below], -1)), memory)
            z = self.along_depth(torch.cat([hidden, below], -1))
            below, memory_below = lstm(z, memory_below)
            after.append((hidden, memory))
        return below, after


def lstm(z, memory):
    i, f, candidate, o = z.chunk(4, -1)
    memory = f.sigmoid() * memory + i.sigmoid() * candidate.tanh()
    return o.sigmoid() * memory.tanh(), memory


class Net(nn.Module):
    def __init__(self, units, depth):
        super().__init__()
        self.units, self.depth = units, depth
        self.landmarks = nn.Linear(FEATURES, units)
        self.bias = nn.Linear(PB, units)
        self.grid = Grid(units, depth)
        self.context = nn.Linear(units, CONTEXT)
        self.output = nn.Linear(units, FEATURES)

    def forward(self, frames, pb):
        batch = len(pb)
        context = torch.zeros(batch, CONTEXT)
        states = [(torch.zeros(batch, self.units),) * 2 for _ in range(self.depth)]
        seen = self.landmarks(frames).relu()
        leaning = self.bias(pb).relu()
        predicted = []
        for now in seen:
            top, states = self.grid(context, states)
            hidden = now + leaning + top.relu()
            predicted.append(self.output(hidden).tanh())
            context = self.context(hidden)
        return torch.stack(predicted)


def main(units, depth, frames, threads):
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    net = Net(units, depth)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    classes = torch.zeros(2, PB, requires_grad=True)
    pb_optimiser = torch.optim.SGD([classes], lr=0.9)
    for line in sys.stdin:
        batch, steps = map(int, line.split())
        tracks = torch.rand(frames, batch, FEATURES) * 2 - 1
        labels = torch.arange(batch) % 2
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            optimiser.zero_grad()
            pb_optimiser.zero_grad()
            predicted = net(tracks[:-1], classes[labels])
            loss = (predicted - tracks[1:]).square().mean()
            loss.backward()
            optimiser.step()
            pb_optimiser.step()
            loss.item()
            times.append(time.perf_counter() - start)
        print(*times, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
