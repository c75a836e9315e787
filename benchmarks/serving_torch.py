"""timm's Inception V4 as one would serve it with PyTorch on a CPU.

    python serving_torch.py VARIANT SIZE THREADS

For `benchmarks.serving`; needs PyTorch and timm. VARIANT is `eager` or `channels_last`.
For each line `BATCH CALLS` on standard input it makes as many calls and prints the
seconds of each on one line; `0 0` asks for the most memory it has taken, in bytes.
"""

import contextlib
import sys
import time

import torch
from serving_memory import peak


def inception():
    """timm's network, with random weights."""
    # A torchvision made for another PyTorch (the one for GPUs beside the one for CPUs)
    # misses these two operators as it is imported. This network uses neither.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor boxes, Tensor scores, float iou) -> Tensor")
    with contextlib.redirect_stdout(sys.stderr):  # it may complain of what is missing
        import timm

    return timm.create_model("inception_v4").eval()


@torch.inference_mode()
def seconds(network, pictures):
    start = time.perf_counter()
    network(pictures).softmax(-1).numpy()
    return time.perf_counter() - start


def main(variant, size, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    last = variant == "channels_last"
    layout = torch.channels_last if last else torch.contiguous_format
    network = inception().to(memory_format=layout)
    for line in sys.stdin:
        batch, count = map(int, line.split())
        if batch:
            pictures = torch.rand(batch, 3, size, size) * 2 - 1
            pictures = pictures.to(memory_format=layout)
            print(*[seconds(network, pictures) for _ in range(count)], flush=True)
        else:
            print(peak(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
