"""The LSTM of the GFE study as one would write it in PyTorch; for `benchmarks.gfe`.

    python gfe_torch.py FEATURES.npz BATCH EPOCHS RATE

Needs PyTorch and NumPy alone. The file holds, for each training E, the standardised
features and labels `E_train_x`, `E_train_y`, `E_test_x` and `E_test_y`. Prints the mean
F1 over the trainings.
"""

import sys

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(118, 105, batch_first=True)
        self.out = nn.Linear(105, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def train(train_x, train_y, test_x, test_y, batch, epochs, rate):
    """Trains once, with the test loss after each epoch; returns the answers."""
    net = Net()
    loss_of = nn.CrossEntropyLoss()
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    data = torch.utils.data.TensorDataset(train_x, train_y)
    loader = torch.utils.data.DataLoader(data, batch, shuffle=True, drop_last=True)
    for _ in range(epochs):
        net.train()
        for x, y in loader:
            optimiser.zero_grad()
            loss_of(net(x), y).backward()
            optimiser.step()
        net.eval()
        with torch.no_grad():
            scores = net(test_x)
            loss_of(scores, test_y).item()
    return scores.argmax(dim=1).numpy()


def f1(truth, answer):
    hits = np.sum((truth == 1) & (answer == 1))
    return 2 * hits / (np.sum(truth == 1) + np.sum(answer == 1))


def main(path, batch, epochs, rate):
    torch.manual_seed(0)
    scores = []
    with np.load(path) as file:
        names = [name.removesuffix("_train_x") for name in file if "_train_x" in name]
        for name in names:
            x = [torch.from_numpy(file[f"{name}_{part}_x"]) for part in SIDES]
            y = [torch.from_numpy(file[f"{name}_{part}_y"]).long() for part in SIDES]
            answer = train(x[0], y[0], x[1], y[1], int(batch), int(epochs), float(rate))
            scores.append(f1(y[1].numpy(), answer))
    print(f"{np.mean(scores):.4f}")


SIDES = ("train", "test")

if __name__ == "__main__":
    main(*sys.argv[1:])
