"""The pupil network as one would write it in PyTorch; for `benchmarks.pupil_lstm`.

    python pupil_lstm_torch.py BATCH THREADS

Needs PyTorch alone. For each number on standard input it takes as many training steps
and prints the milliseconds of each on one line.
"""

import sys
import time

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 10, batch_first=True)
        self.top = nn.Sequential(
            nn.Linear(11680, 200),
            nn.Sigmoid(),
            nn.Dropout(),
            nn.Linear(200, 20),
            nn.Sigmoid(),
            nn.Dropout(),
            nn.Linear(20, 2),
        )

    def forward(self, x):
        return self.top(self.lstm(x)[0].flatten(1))


def main(batch, threads):
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    net = Net()
    loss_of = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)
    x, y = torch.randn(batch, 1168, 1), torch.arange(batch) % 2
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            optimiser.zero_grad()
            loss = loss_of(net(x), y)
            loss.backward()
            optimiser.step()
            loss.item()
            times.append(1000 * (time.perf_counter() - start))
        print(*times, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
