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
PEAK, FLOOR, WARMUP = 4e-3, 1e-4, 150
DECAY, CLIP = 0.1, 1.0
NOISE, NOISE_FROM = 0.12, 0.5    # weight noise (in row deviations), from this part on


def rate(step, steps):
    """Learning rate: linear warm-up, then cosine down to FLOOR."""
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    part = (step - WARMUP) / max(1, steps - WARMUP)
    return FLOOR + (PEAK - FLOOR) * 0.5 * (1 + math.cos(math.pi * part))


def make_optimizer(net):
    """AdamW; weight decay on matrices only."""
    matrices = [p for p in net.parameters() if p.dim() == 2]
    gains = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": DECAY},
              {"params": gains, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.98), eps=1e-8)


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


def noise_size(step, steps):
    """Zero in the first part of the run, then a ramp up to NOISE."""
    part = (step / steps - NOISE_FROM) / (0.75 - NOISE_FROM)
    return NOISE * min(1.0, max(0.0, part))


def train_step(net, optimizer, batch, step, steps):
    """One update -> training loss."""
    for group in optimizer.param_groups:
        group["lr"] = rate(step, steps)
    size = noise_size(step, steps)
    shakes = add_noise(net, size) if size else []
    loss = weighted_loss(net, batch)
    optimizer.zero_grad()
    loss.backward()
    remove_noise(shakes)
    torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
    optimizer.step()
    return loss.item()


def run(net, args, tok):
    """The training loop -> rows of (step, tokens, seconds, train, heldout)."""
    packer = Packer(generate.stream(args.seed, False), tok, LENGTH)
    held = Packer(generate.stream(args.seed + 1, True), tok, LENGTH).batch(ROWS)
    optimizer = make_optimizer(net)
    every, rows, recent, start = max(1, args.steps // 300), [], [], time.time()
    for step in range(args.steps):
        recent.append(train_step(net, optimizer, packer.batch(ROWS), step, args.steps))
        if (step + 1) % every and step + 1 < args.steps:
            continue
        with torch.no_grad():
            test = weighted_loss(net, held).item()
        rows.append((step + 1, (step + 1) * ROWS * LENGTH, round(time.time() - start, 1),
                     round(sum(recent) / len(recent), 4), round(test, 4)))
        print(*rows[-1], flush=True)
        recent = []
        if (step + 1) % args.save_every < every:
            llama.save(net, args.out)
    return rows


def main():
    """Train, save the model, the loss table and its picture."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", default=os.path.join(here, "../hearth"))
    parser.add_argument("--out", default=os.path.join(here, "../hearth"))
    parser.add_argument("--loss", default=here, help="folder for loss.csv and loss.svg")
    parser.add_argument("--steps", type=int, default=4200)
    parser.add_argument("--save-every", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    for folder in (args.out, args.loss):
        os.makedirs(folder, exist_ok=True)
    net = llama.Llama(llama.CONFIG)
    rows = run(net, args, tokenizer.load(args.tokenizer))
    llama.save(net, args.out)
    with open(os.path.join(args.loss, "loss.csv"), "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(("step", "tokens", "seconds", "train", "heldout"))
        writer.writerows(rows)
    loss_picture.draw(os.path.join(args.loss, "loss.csv"),
                      os.path.join(args.loss, "loss.svg"))


if __name__ == "__main__":
    main()
