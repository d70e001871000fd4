"""Train the Hearth base model from scratch on generated documents."""
import argparse
import csv
import math
import os
import random
import time

import torch
import torch.nn.functional as F

import generate
import loss_picture
import model as llama
import tokenizer
from packing import Packer

LENGTH, ROWS = 256, 16           # tokens a row, rows a step
FLOOR, WARMUP = 5e-5, 20         # lowest learning rate, warm-up steps
DECAY, CLIP = 0.1, 1.0
EVERY = 20                       # steps between two rows of loss.csv
NOISE, NOISE_FROM = 0.08, 0.5    # weight noise (in row deviations), from this part on


def rate(step, part, peak):
    """Learning rate: linear warm-up, then cosine down to FLOOR at part 1."""
    cosine = FLOOR + (peak - FLOOR) * 0.5 * (1 + math.cos(math.pi * part))
    return cosine * min(1.0, (step + 1) / WARMUP)


def make_optimizer(net):
    """AdamW; weight decay on matrices only."""
    matrices = [p for p in net.parameters() if p.dim() == 2]
    gains = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": DECAY},
              {"params": gains, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8)


def weighted_loss(net, batch):
    """Mean cross entropy over a packed batch, by token weight."""
    ids, target, weight, mask = batch
    logits = net.logits(net.hidden(ids, mask))
    each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
    return (each * weight.flatten()).sum() / weight.sum()


@torch.no_grad()
def add_noise(net, size):
    """Shake every matrix by size * deviation of its row; return the noise."""
    shakes = []
    for p in net.parameters():
        if p.dim() == 2:
            shake = torch.randn_like(p) * (size * p.std(1, keepdim=True))
            p += shake
            shakes.append((p, shake))
    return shakes


@torch.no_grad()
def remove_noise(shakes):
    """Undo add_noise."""
    for p, shake in shakes:
        p -= shake


def noise_size(part):
    """Zero in the first part of the run, then a ramp up to NOISE."""
    return NOISE * min(1.0, max(0.0, (part - NOISE_FROM) / (0.75 - NOISE_FROM)))


def train_step(net, optimizer, batch, lr, noise):
    """One update -> training loss."""
    for group in optimizer.param_groups:
        group["lr"] = lr
    shakes = add_noise(net, noise) if noise else []
    loss = weighted_loss(net, batch)
    optimizer.zero_grad()
    loss.backward()
    remove_noise(shakes)
    torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
    optimizer.step()
    return loss.item()


def run(net, args, tok):
    """The training loop -> rows of (step, tokens, seconds, train, heldout).

    The schedule follows the clock, so that a run on a shared machine ends in time.
    """
    kinds = generate.FINISH if args.start else generate.KINDS
    packer = Packer(generate.stream(args.seed, False, kinds), tok, LENGTH)
    held = Packer(generate.stream(args.seed + 1, True), tok, LENGTH).batch(ROWS)
    optimizer = make_optimizer(net)
    rows, recent, start, part, step = [], [], time.time(), 0.0, 0
    while part < 1:
        lr = rate(step, part, args.peak)
        recent.append(train_step(net, optimizer, packer.batch(ROWS), lr, noise_size(part)))
        step, part = step + 1, (time.time() - start) / (60 * args.minutes)
        if step % EVERY:
            continue
        with torch.no_grad():
            test = weighted_loss(net, held).item()
        rows.append((step, step * ROWS * LENGTH, round(time.time() - start, 1),
                     round(sum(recent) / len(recent), 4), round(test, 4)))
        print(*rows[-1], flush=True)
        recent = []
        if step % (5 * EVERY) == 0:
            llama.save(net, args.out)
    return rows


def read_table(path):
    """Rows of an earlier loss.csv, as numbers."""
    with open(path) as f:
        rows = list(csv.reader(f))[1:]
    return [(int(r[0]), int(r[1]), *map(float, r[2:])) for r in rows]


def after(before, rows):
    """Shift steps, tokens and seconds of rows behind those of an earlier run."""
    shift = before[-1][:3] if before else (0, 0, 0)
    return [(*(round(x + y, 1) for x, y in zip(shift, r)), *r[3:]) for r in rows]


def main():
    """Train, save the model, the loss table and its picture."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", default=os.path.join(here, "../hearth"))
    parser.add_argument("--out", default=os.path.join(here, "../hearth"))
    parser.add_argument("--loss", default=here, help="folder for loss.csv and loss.svg")
    parser.add_argument("--start", help="model folder to go on from")
    parser.add_argument("--minutes", type=float, default=45, help="length of the schedule")
    parser.add_argument("--peak", type=float, default=4e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    for folder in (args.out, args.loss):
        os.makedirs(folder, exist_ok=True)
    net = llama.load(args.start) if args.start else llama.Llama(llama.CONFIG)
    table = os.path.join(args.loss, "loss.csv")
    before = read_table(table) if args.start else []
    rows = after(before, run(net, args, tokenizer.load(args.tokenizer)))
    llama.save(net, args.out)
    with open(table, "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(("step", "tokens", "seconds", "train", "heldout"))
        writer.writerows(before + rows)
    loss_picture.draw(table, os.path.join(args.loss, "loss.svg"))


if __name__ == "__main__":
    main()
